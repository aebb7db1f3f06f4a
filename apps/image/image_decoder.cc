#include "apps/image/image_decoder.h"

#include <algorithm>

#include "apps/image/read.h"
#include "onward/image.hpp"

namespace onward::apps {
namespace {

void write_grey(const Image& image, uint8_t* to) {
  const uint8_t* from = image.pixels.data();
  if (image.channels == 1) {
    std::copy(image.pixels.begin(), image.pixels.end(), to);
    return;
  }
  for (size_t i = 0; i < image.pixels.size() / 3; ++i, from += 3)
    to[i] = static_cast<uint8_t>((19595 * from[0] + 38470 * from[1] + 7471 * from[2] + 32768) >> 16);
}

void write_colours(const Image& image, bool blue_first, uint8_t* to) {
  const size_t count = static_cast<size_t>(image.width) * image.height;
  const int last = image.channels - 1, first = blue_first ? last : 0;
  const uint8_t* from = image.pixels.data();
  for (size_t i = 0; i < count; ++i, from += image.channels, to += 3) {
    to[0] = from[first];
    to[1] = from[last / 2];
    to[2] = from[last - first];
  }
}

void decode(std::span<const uint8_t> bytes, onward_pixel_format format, const ImageResult& result) {
  const Image image = decode_image(bytes, "input", Exif::kIgnore);
  uint8_t* const to = result.pixels(image.height, image.width);
  if (format == ONWARD_GRAYSCALE)
    write_grey(image, to);
  else
    write_colours(image, format == ONWARD_BGR, to);
}

}  // namespace

void use_image_decoder() { set_image_decoder(decode); }

}  // namespace onward::apps
