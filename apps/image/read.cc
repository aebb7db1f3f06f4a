#include "apps/image/read.h"

#include <cstring>

#include "apps/file.h"

namespace onward::apps {
namespace {

enum class Format { kNone, kJpeg, kPng, kTiff, kWebp, kJpeg2000, kBmp, kPnm };

constexpr size_t kStartBytes = 18;  // what the longest of the tests below looks at

template <size_t n>
bool has_at(std::span<const uint8_t> bytes, size_t at, const char (&text)[n]) {
  return bytes.size() >= at + n - 1 && std::memcmp(bytes.data() + at, text, n - 1) == 0;
}

bool is_bmp(std::span<const uint8_t> b) {
  if (!has_at(b, 0, "BM") || b.size() < 18 || b[15] || b[16] || b[17]) return false;
  for (int header_bytes : {12, 40, 52, 56, 64, 108, 124})
    if (b[14] == header_bytes) return true;
  return false;
}

// A blank or a comment, and a number if it is in sight: other texts begin with "P5", too.
bool is_pnm(std::span<const uint8_t> b) {
  const auto is_blank = [](uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  if (b.size() < 3 || b[0] != 'P' || b[1] < '1' || b[1] > '6') return false;
  size_t i = 2;
  while (i < b.size() && is_blank(b[i])) ++i;
  if (i < b.size() && b[i] == '#') return true;
  return i > 2 && (i == b.size() || (b[i] >= '0' && b[i] <= '9'));
}

Format format_of(std::span<const uint8_t> b) {
  if (has_at(b, 0, "\xff\xd8\xff")) return Format::kJpeg;
  if (has_at(b, 0, "\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (has_at(b, 0, "II*\0") || has_at(b, 0, "MM\0*")) return Format::kTiff;
  if (has_at(b, 0, "II+\0") || has_at(b, 0, "MM\0+")) return Format::kTiff;  // offsets of 64 bits
  if (has_at(b, 0, "RIFF") && has_at(b, 8, "WEBP")) return Format::kWebp;
  if (has_at(b, 0, "\0\0\0\x0cjP  \r\n\x87\n") || has_at(b, 0, "\xff\x4f\xff\x51")) return Format::kJpeg2000;
  if (is_bmp(b)) return Format::kBmp;
  return is_pnm(b) ? Format::kPnm : Format::kNone;
}

Image decode(std::span<const uint8_t> bytes, Exif exif) {
  switch (format_of(bytes)) {
    case Format::kJpeg:
      return decode_jpeg(bytes, exif);
    case Format::kPng:
      return decode_png(bytes, exif);
    case Format::kTiff:
      return decode_tiff(bytes);
    case Format::kWebp:
      return decode_webp(bytes, exif);
    case Format::kJpeg2000:
      return decode_jpeg2000(bytes);
    case Format::kBmp:
      return decode_bmp(bytes);
    case Format::kPnm:
      return decode_pnm(bytes);
    case Format::kNone:
      break;
  }
  if (bytes.empty()) throw FileError(std::string("the file is empty; expected a picture: ") + kImageFormats);
  throw FileError(std::string("not a picture that can be read: its first bytes are those of none of ") +
                  kImageFormats);
}

}  // namespace

void check_size(const char* format, int64_t width, int64_t height) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width < 1 || height < 1) throw FileError(std::string("broken ") + format + ": " + size);
  if (width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels)
    throw FileError(std::string("the ") + format + " is " + size + "; at most 64 megapixels are read");
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name, Exif exif) {
  try {
    return decode(bytes, exif);
  } catch (const FileError& e) {
    throw FileError(name + ": " + e.what());
  }
}

Image read_image(const std::string& path) { return decode_image(read_file(path, kMaxFileBytes), path); }

bool is_image_file(const std::string& path) {
  return format_of(read_file_start(path, kStartBytes)) != Format::kNone;
}

}  // namespace onward::apps
