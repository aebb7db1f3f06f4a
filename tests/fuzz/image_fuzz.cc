// The readers of picture files: whatever the bytes are, a picture of at most kMaxPixels or a FileError. Built
// with a small kMaxPixels, as most of a run would go into filling large pictures.
#include "apps/image/read.h"
#include "base/status.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace onward::apps;
  const Exif exif = ow::fuzz::choice(data, size, 2) ? Exif::kApply : Exif::kIgnore;
  try {
    const Image image = decode_image({data, size}, "picture", exif);
    const int64_t pixels = int64_t{image.width} * image.height;
    ONWARD_CHECK(pixels > 0 && pixels <= kMaxPixels);
    ONWARD_CHECK(static_cast<int64_t>(image.pixels.size()) == pixels * image.channels);
    ONWARD_CHECK(image.alpha.empty() || static_cast<int64_t>(image.alpha.size()) == pixels);
  } catch (const FileError&) {
  }
  return 0;
}
