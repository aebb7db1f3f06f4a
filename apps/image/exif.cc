#include "apps/image/exif.h"

#include <cstring>
#include <utility>

namespace onward::apps {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShort = 3;

// A bounded reader of TIFF numbers: `ok` turns false at the first read outside the block.
struct Tiff {
  std::span<const uint8_t> bytes;
  bool little = true;
  bool ok = true;

  uint32_t number(size_t at, size_t width) {
    if (at > bytes.size() || width > bytes.size() - at) {
      ok = false;
      return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < width; ++i) value = value << 8 | bytes[at + (little ? width - 1 - i : i)];
    return value;
  }
};

// out(x, y) = in(u, v), where u and v run along x or y, forwards or backwards.
std::vector<uint8_t> reorder(const std::vector<uint8_t>& in, int width, int height, int channels,
                             int orientation) {
  const bool swap = orientation >= 5;
  const bool back_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool back_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int out_width = swap ? height : width, out_height = swap ? width : height;
  std::vector<uint8_t> out(in.size());
  uint8_t* to = out.data();
  for (int y = 0; y < out_height; ++y) {
    for (int x = 0; x < out_width; ++x, to += channels) {
      const int u = swap ? y : x, v = swap ? x : y;
      const size_t from_x = back_x ? width - 1 - u : u, from_y = back_y ? height - 1 - v : v;
      std::memcpy(to, &in[(from_y * width + from_x) * channels], channels);
    }
  }
  return out;
}

}  // namespace

int tiff_orientation(std::span<const uint8_t> bytes) {
  Tiff tiff{bytes};
  if (bytes.size() < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return 1;
  tiff.little = bytes[0] == 'I';
  if (tiff.number(2, 2) != 42) return 1;
  const size_t ifd = tiff.number(4, 4);
  const size_t entries = tiff.number(ifd, 2);
  for (size_t i = 0; i < entries && tiff.ok; ++i) {
    const size_t at = ifd + 2 + 12 * i;
    if (tiff.number(at, 2) != kOrientationTag) continue;
    const bool well_formed = tiff.number(at + 2, 2) == kShort && tiff.number(at + 4, 4) == 1;
    const uint32_t value = tiff.number(at + 8, 2);
    return well_formed && tiff.ok && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int exif_orientation(std::span<const uint8_t> app1) {
  constexpr size_t kHeader = 6;
  if (app1.size() < kHeader || std::memcmp(app1.data(), "Exif\0\0", kHeader) != 0) return 1;
  return tiff_orientation(app1.subspan(kHeader));
}

Image apply_orientation(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  image.pixels = reorder(image.pixels, image.width, image.height, image.channels, orientation);
  if (!image.alpha.empty()) image.alpha = reorder(image.alpha, image.width, image.height, 1, orientation);
  if (orientation >= 5) std::swap(image.width, image.height);
  return image;
}

}  // namespace onward::apps
