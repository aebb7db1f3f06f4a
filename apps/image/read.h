// Reading a picture from a file: JPEG and PNG, told apart by their first bytes, never by the name.
//
// What comes out is upright (EXIF orientation applied), 8-bit, grey or RGB, with alpha apart. Palettes,
// 1-, 2-, 4- and 16-bit PNG, CMYK and YCCK JPEG are converted. Colour profiles and gamma chunks are not
// applied.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "apps/file.h"
#include "apps/image/image.h"

namespace onward::apps {

// Throws FileError: "NAME: reason".
Image read_image(const std::string& path);
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);

// Whether the first bytes of the file are a JPEG's or a PNG's. False where it cannot be read.
bool is_image_file(const std::string& path);

// The two decoders; both hold kMaxPixels and throw FileError without the file's name.
Image decode_jpeg(std::span<const uint8_t> bytes);
Image decode_png(std::span<const uint8_t> bytes);

}  // namespace onward::apps
