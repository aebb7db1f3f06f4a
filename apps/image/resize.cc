#include "apps/image/resize.h"

#include <algorithm>
#include <cmath>

namespace onward::apps {
namespace {

Taps linear_taps(int x, int in, double scale) {
  const double u = std::clamp((x + 0.5) * scale - 0.5, 0.0, static_cast<double>(in - 1));
  const int first = std::min(static_cast<int>(u), std::max(0, in - 2));
  const auto part = static_cast<float>(u - first);
  return in == 1 ? Taps{0, {1.0f}} : Taps{first, {1.0f - part, part}};
}

Taps area_taps(int x, int in, double scale) {
  const double begin = x * scale, end = std::min((x + 1) * scale, static_cast<double>(in));
  Taps taps{static_cast<int>(begin), {}};
  for (int i = taps.first; i < in && i < end; ++i) {
    const double part = std::min(end, i + 1.0) - std::max(begin, static_cast<double>(i));
    taps.weights.push_back(static_cast<float>(part / (end - begin)));
  }
  return taps;
}

// Both axes in one go, row by row, so that no picture of an in-between size is held.
// read(y, x) gives a source sample; write(y, x, value) takes an output sample.
template <class Read, class Write>
void resize_channel(int in_width, int in_height, int width, int height, Resample resample, const Read& read,
                    const Write& write) {
  const std::vector<Taps> across = resize_taps(in_width, width, resample);
  const std::vector<Taps> down = resize_taps(in_height, height, resample);
  std::vector<float> sum(width);
  for (int y = 0; y < height; ++y) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (size_t j = 0; j < down[y].weights.size(); ++j) {
      const int from_y = down[y].first + static_cast<int>(j);
      for (int x = 0; x < width; ++x) {
        float value = 0;
        for (size_t i = 0; i < across[x].weights.size(); ++i)
          value += across[x].weights[i] * read(from_y, across[x].first + static_cast<int>(i));
        sum[x] += down[y].weights[j] * value;
      }
    }
    for (int x = 0; x < width; ++x) write(y, x, sum[x]);
  }
}

std::vector<uint8_t> resize_bytes(const std::vector<uint8_t>& in, int in_width, int in_height, int channels,
                                  int width, int height, Resample resample) {
  std::vector<uint8_t> out(static_cast<size_t>(width) * height * channels);
  for (int c = 0; c < channels; ++c) {
    const auto read = [&](int y, int x) {
      return static_cast<float>(in[(static_cast<size_t>(y) * in_width + x) * channels + c]);
    };
    const auto write = [&](int y, int x, float value) {
      out[(static_cast<size_t>(y) * width + x) * channels + c] =
          static_cast<uint8_t>(std::lround(std::clamp(value, 0.0f, 255.0f)));
    };
    resize_channel(in_width, in_height, width, height, resample, read, write);
  }
  return out;
}

}  // namespace

std::vector<Taps> resize_taps(int in, int out, Resample resample) {
  std::vector<Taps> taps;
  const double scale = static_cast<double>(in) / out;
  for (int x = 0; x < out; ++x) {
    if (resample == Resample::kNearest)
      taps.push_back({static_cast<int>(static_cast<int64_t>(x) * in / out), {1.0f}});
    else if (resample == Resample::kArea && scale > 1)
      taps.push_back(area_taps(x, in, scale));
    else
      taps.push_back(linear_taps(x, in, scale));
  }
  return taps;
}

Planes resize(const Planes& in, int width, int height, Resample resample) {
  Planes out(width, height, in.channels);
  for (int c = 0; c < in.channels; ++c) {
    const float* from = in.plane(c);
    float* to = out.plane(c);
    resize_channel(
        in.width, in.height, width, height, resample,
        [&](int y, int x) { return from[static_cast<size_t>(y) * in.width + x]; },
        [&](int y, int x, float value) { to[static_cast<size_t>(y) * width + x] = value; });
  }
  return out;
}

Image resize(const Image& in, int width, int height, Resample resample) {
  Image out(width, height, in.channels);
  out.pixels = resize_bytes(in.pixels, in.width, in.height, in.channels, width, height, resample);
  if (!in.alpha.empty()) out.alpha = resize_bytes(in.alpha, in.width, in.height, 1, width, height, resample);
  return out;
}

Planes resize_to_planes(const Image& in, int width, int height, Resample resample) {
  Planes out(width, height, 3);
  for (int c = 0; c < 3; ++c) {
    const int from_c = in.channels == 3 ? c : 0;
    float* to = out.plane(c);
    resize_channel(
        in.width, in.height, width, height, resample,
        [&](int y, int x) { return static_cast<float>(in.at(x, y)[from_c]) * (1.0f / 255.0f); },
        [&](int y, int x, float value) { to[static_cast<size_t>(y) * width + x] = value; });
  }
  return out;
}

}  // namespace onward::apps
