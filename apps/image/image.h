// Pictures as the applications see them.
//
//   Image   8-bit sRGB or grey, interleaved: pixels[(y * width + x) * channels + c]; alpha apart, or empty
//   Planes  float, planar: values[(c * height + y) * width + x], what networks take and give
//
// Alpha is apart because no network looks at it; it travels beside the colours into a PNG.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace onward::apps {

struct Image {
  int width = 0, height = 0;
  int channels = 3;             // 1 (grey) or 3 (R, G, B)
  std::vector<uint8_t> pixels;  // width * height * channels
  std::vector<uint8_t> alpha;   // width * height, or empty: opaque

  Image() = default;
  Image(int w, int h, int c) : width(w), height(h), channels(c), pixels(static_cast<size_t>(w) * h * c) {}

  const uint8_t* at(int x, int y) const { return &pixels[(static_cast<size_t>(y) * width + x) * channels]; }
  uint8_t* at(int x, int y) { return &pixels[(static_cast<size_t>(y) * width + x) * channels]; }
};

struct Planes {
  int width = 0, height = 0, channels = 0;
  std::vector<float> values;

  Planes() = default;
  Planes(int w, int h, int c) : width(w), height(h), channels(c), values(static_cast<size_t>(w) * h * c) {}

  const float* plane(int c) const { return &values[static_cast<size_t>(c) * width * height]; }
  float* plane(int c) { return &values[static_cast<size_t>(c) * width * height]; }
};

// Limits that are held before memory is taken: the header alone decides.
#ifndef ONWARD_MAX_PIXELS  // another one for the fuzz target
#define ONWARD_MAX_PIXELS 64'000'000
#endif
inline constexpr int64_t kMaxPixels = ONWARD_MAX_PIXELS;
inline constexpr int kMaxJpegScans = 100;
inline constexpr int64_t kMaxFileBytes = int64_t{512} << 20;

}  // namespace onward::apps
