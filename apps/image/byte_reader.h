// Numbers out of a file's bytes, for the formats that are read here without a library. A read past the end
// throws, so a reader has no length to check.
#pragma once
#include <cstdint>
#include <span>

#include "apps/file.h"

namespace onward::apps {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes, size_t at = 0) : bytes_(bytes) { seek(at); }

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  void seek(size_t at) {
    if (at > bytes_.size()) throw FileError("the file ends early");
    at_ = at;
  }
  // The next bytes, which are skipped.
  std::span<const uint8_t> take(size_t count) {
    if (count > left()) throw FileError("the file ends early");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  uint8_t byte() { return take(1)[0]; }
  uint16_t little16() { return static_cast<uint16_t>(little(2)); }
  uint32_t little32() { return little(4); }
  uint32_t big32() {
    const auto b = take(4);
    return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3];
  }

 private:
  uint32_t little(size_t count) {
    const auto b = take(count);
    uint32_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | b[i];
    return value;
  }
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

}  // namespace onward::apps
