#include "apps/image/read.h"

#include <cstring>

#include "apps/file.h"

namespace onward::apps {
namespace {

constexpr uint8_t kJpegStart[] = {0xff, 0xd8, 0xff};
constexpr uint8_t kPngStart[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

template <size_t n>
bool starts_with(std::span<const uint8_t> bytes, const uint8_t (&start)[n]) {
  return bytes.size() >= n && std::memcmp(bytes.data(), start, n) == 0;
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  try {
    if (starts_with(bytes, kJpegStart)) return decode_jpeg(bytes);
    if (starts_with(bytes, kPngStart)) return decode_png(bytes);
  } catch (const FileError& e) {
    throw FileError(name + ": " + e.what());
  }
  if (bytes.empty()) throw FileError(name + ": the file is empty; expected a JPEG or a PNG picture");
  throw FileError(name + ": not a picture that can be read: its first bytes are neither JPEG's nor PNG's");
}

Image read_image(const std::string& path) { return decode_image(read_file(path, kMaxFileBytes), path); }

bool is_image_file(const std::string& path) {
  const std::vector<uint8_t> start = read_file_start(path, sizeof kPngStart);
  return starts_with(start, kJpegStart) || starts_with(start, kPngStart);
}

}  // namespace onward::apps
