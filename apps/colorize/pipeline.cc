#include "apps/colorize/pipeline.h"

#include <algorithm>

#include "apps/colorize/lab.h"
#include "apps/image/resize.h"
#include "apps/image/rows.h"

namespace onward::apps {
namespace {

constexpr float kImagenetMean[3] = {0.485f, 0.456f, 0.406f};
constexpr float kImagenetDeviation[3] = {0.229f, 0.224f, 0.225f};

// Row y of one plane at full width: first down the columns, on the few values of the network's row.
void sample_row(const Planes& planes, int channel, const Taps& down, const std::vector<Taps>& across,
                std::vector<float>& narrow, std::vector<float>& row) {
  narrow.assign(planes.width, 0.0f);
  for (size_t j = 0; j < down.weights.size(); ++j) {
    const float* from =
        planes.plane(channel) + static_cast<size_t>(down.first + static_cast<int>(j)) * planes.width;
    for (int x = 0; x < planes.width; ++x) narrow[x] += down.weights[j] * from[x];
  }
  for (size_t x = 0; x < row.size(); ++x) {
    row[x] = 0;
    for (size_t i = 0; i < across[x].weights.size(); ++i)
      row[x] += across[x].weights[i] * narrow[across[x].first + i];
  }
}

}  // namespace

int network_size(const Image& picture, Preset preset) {
  if (preset == Preset::kPortrait) return 512;
  if (preset == Preset::kBuilding) return 960;
  const int half = std::max(picture.width, picture.height) / 2;
  return std::clamp(half / kSizeStep * kSizeStep, 256, 512);
}

Planes network_input(const Image& picture, int width, int height, Normalization normalization) {
  Planes planes = resize_to_planes(picture, width, height, Resample::kLinear);
  float *r = planes.plane(0), *g = planes.plane(1), *b = planes.plane(2);
  for (size_t i = 0; i < static_cast<size_t>(width) * height; ++i) {
    Colour grey = lab_to_rgb({rgb_to_lab({r[i], g[i], b[i]})[0], 0.0f, 0.0f});
    if (normalization == Normalization::kImagenet)
      for (int c = 0; c < 3; ++c) grey[c] = (grey[c] - kImagenetMean[c]) / kImagenetDeviation[c];
    r[i] = grey[0];
    g[i] = grey[1];
    b[i] = grey[2];
  }
  return planes;
}

Image with_colours(const Image& picture, const Planes& ab, Upsample upsample, int threads) {
  const Resample resample = upsample == Upsample::kLinear ? Resample::kLinear : Resample::kNearest;
  const std::vector<Taps> across = resize_taps(ab.width, picture.width, resample);
  const std::vector<Taps> down = resize_taps(ab.height, picture.height, resample);
  Image out(picture.width, picture.height, 3);
  out.alpha = picture.alpha;
  for_row_bands(picture.height, threads, [&](int first, int last) {
    std::vector<float> a(picture.width), b(picture.width), narrow;
    for (int y = first; y < last; ++y) {
      sample_row(ab, 0, down[y], across, narrow, a);
      sample_row(ab, 1, down[y], across, narrow, b);
      for (int x = 0; x < picture.width; ++x) {
        const uint8_t* in = picture.at(x, y);
        const bool grey = picture.channels == 1;
        const float light = lightness(in[0], in[grey ? 0 : 1], in[grey ? 0 : 2]);
        const auto rgb = lab_to_rgb8({light, a[x], b[x]});
        std::copy(rgb.begin(), rgb.end(), out.at(x, y));
      }
    }
  });
  return out;
}

}  // namespace onward::apps
