#include "apps/image/sheet.h"

#include <algorithm>
#include <cmath>

#include "apps/image/resize.h"

namespace onward::apps {
namespace {

constexpr int kLine = 4;

// Copies `from`, laid on white where it has alpha, to (x0, y0) of the RGB picture `to`.
void paste(const Image& from, Image& to, int x0, int y0) {
  for (int y = 0; y < from.height; ++y) {
    uint8_t* out = to.at(x0, y0 + y);
    for (int x = 0; x < from.width; ++x, out += 3) {
      const uint8_t* in = from.at(x, y);
      const int alpha = from.alpha.empty() ? 255 : from.alpha[static_cast<size_t>(y) * from.width + x];
      for (int c = 0; c < 3; ++c) {
        const int value = in[from.channels == 3 ? c : 0];
        out[c] = static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
      }
    }
  }
}

Image white(int width, int height) {
  Image image(width, height, 3);
  std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{255});
  return image;
}

}  // namespace

Image Sheet::fit(const Image& image) const {
  const int longest = std::max(image.width, image.height);
  if (longest <= cell_) return image;
  const double scale = static_cast<double>(cell_) / longest;
  const auto side = [&](int n) { return std::max(1, static_cast<int>(std::lround(n * scale))); };
  return resize(image, side(image.width), side(image.height), Resample::kArea);
}

void Sheet::add(const Image& before, const Image& after) {
  const Image left = fit(before), right = fit(after);
  Image row = white(left.width + kLine + right.width, std::max(left.height, right.height));
  paste(left, row, 0, 0);
  paste(right, row, left.width + kLine, 0);
  rows_.push_back(std::move(row));
}

Image Sheet::draw() const {
  int width = 0, height = -kLine;
  for (const Image& row : rows_) {
    width = std::max(width, row.width);
    height += row.height + kLine;
  }
  Image sheet = white(width, height);
  int y = 0;
  for (const Image& row : rows_) {
    paste(row, sheet, (width - row.width) / 2, y);
    y += row.height + kLine;
  }
  return sheet;
}

}  // namespace onward::apps
