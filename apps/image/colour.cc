#include "apps/image/colour.h"

#include <algorithm>

namespace onward::apps {

void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t pixels, bool inverted) {
  const unsigned flip = inverted ? 0 : 255;
  for (int64_t x = 0; x < pixels; ++x, cmyk += 4, rgb += 3) {
    const unsigned k = cmyk[3] ^ flip;
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(((cmyk[c] ^ flip) * k + 127) / 255);
  }
}

void ycc_to_rgb(uint8_t* pixels, int64_t count) {
  const auto clip = [](double v) { return static_cast<uint8_t>(std::clamp(v + 0.5, 0.0, 255.0)); };
  for (int64_t i = 0; i < count; ++i, pixels += 3) {
    const double y = pixels[0], cb = pixels[1] - 128.0, cr = pixels[2] - 128.0;
    pixels[0] = clip(y + 1.402 * cr);
    pixels[1] = clip(y - 0.344136 * cb - 0.714136 * cr);
    pixels[2] = clip(y + 1.772 * cb);
  }
}

uint8_t to_8_bits(uint32_t value, int bits) {
  if (bits >= 8) return static_cast<uint8_t>(value >> (bits - 8));
  return static_cast<uint8_t>(value * 255 / ((1u << bits) - 1));
}

Image split_alpha(std::span<const uint8_t> samples, int width, int height, int channels) {
  const bool has_alpha = channels == 2 || channels == 4;
  Image image(width, height, channels <= 2 ? 1 : 3);
  const size_t pixels = static_cast<size_t>(width) * height;
  if (has_alpha) image.alpha.resize(pixels);
  const uint8_t* from = samples.data();
  uint8_t* to = image.pixels.data();
  for (size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < image.channels; ++c) *to++ = *from++;
    if (has_alpha) image.alpha[i] = *from++;
  }
  return image;
}

}  // namespace onward::apps
