// Reading a picture from a file: JPEG, PNG, TIFF, WebP, JPEG 2000, BMP and PNM, told apart by their first
// bytes, never by the name.
//
// What comes out is 8-bit, grey or RGB, with alpha apart. Palettes and other depths, CMYK and YCbCr are
// converted: n < 8 bits to v 255 / (2^n - 1), 16 bits to the high byte. Of several pictures in a file the
// first is read. Colour profiles and gamma chunks are not applied.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "apps/file.h"
#include "apps/image/image.h"

namespace onward::apps {

// Whether the orientation that a camera noted in EXIF data is applied: to look at the picture, yes. The one
// of a TIFF file itself, which says where its rows begin, always is.
enum class Exif { kApply, kIgnore };

// Throws FileError: "NAME: reason".
Image read_image(const std::string& path);
Image decode_image(std::span<const uint8_t> bytes, const std::string& name, Exif exif = Exif::kApply);

// Whether the file begins as one of these pictures does. False where it cannot be read.
bool is_image_file(const std::string& path);

// The names of the formats, for messages and help: "JPEG, PNG, ... and PNM".
inline constexpr char kImageFormats[] = "JPEG, PNG, TIFF, WebP, JPEG 2000, BMP and PNM";

// The decoders of a format each. All hold kMaxPixels and throw FileError without the file's name.
Image decode_jpeg(std::span<const uint8_t> bytes, Exif exif);
Image decode_png(std::span<const uint8_t> bytes, Exif exif);
Image decode_webp(std::span<const uint8_t> bytes, Exif exif);
Image decode_tiff(std::span<const uint8_t> bytes);
Image decode_jpeg2000(std::span<const uint8_t> bytes);
Image decode_bmp(std::span<const uint8_t> bytes);
Image decode_pnm(std::span<const uint8_t> bytes);

// What each does with a header's size before it takes memory. Throws FileError where the picture has no
// pixels or more than kMaxPixels.
void check_size(const char* format, int64_t width, int64_t height);

}  // namespace onward::apps
