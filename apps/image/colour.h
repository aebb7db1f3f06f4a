// Colours as files have them -> colours as Image has them.
#pragma once
#include <cstdint>
#include <span>

#include "apps/image/image.h"

namespace onward::apps {

// R = C K / 255, and so on, rounded; the values are inverted (255: no ink), as Adobe's programs write them,
// or else inverted first.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t pixels, bool inverted);

// JFIF's Y, Cb, Cr (full range, BT.601) in place.
void ycc_to_rgb(uint8_t* pixels, int64_t count);

// A sample of `bits` (1 to 16) as 8 bits: scaled below, the high byte above.
uint8_t to_8_bits(uint32_t value, int bits);

// `channels` (1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha) samples a pixel, side by side -> a
// picture.
Image split_alpha(std::span<const uint8_t> samples, int width, int height, int channels);

}  // namespace onward::apps
