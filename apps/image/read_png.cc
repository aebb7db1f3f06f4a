// PNG with libpng: palettes, low depths and tRNS expanded, 16 bits cut to 8, alpha split off. Gamma and
// profile chunks are not applied: the samples are taken as sRGB, as the colorizers were trained.

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include "apps/image/colour.h"
#include "apps/image/exif.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

constexpr png_alloc_size_t kMaxChunkBytes = 8u << 20;

// All that a decode owns; outlives the jumps.
struct Decode {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const uint8_t> bytes;
  size_t position = 0;
  char message[200] = "";
  std::vector<uint8_t> samples;
  std::vector<png_bytep> rows;
  int64_t width = 0, height = 0;
  int channels = 0, orientation = 1;

  ~Decode() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail(png_structp png, png_const_charp text) {
  auto* d = static_cast<Decode*>(png_get_error_ptr(png));
  std::snprintf(d->message, sizeof d->message, "%s", text);
  png_longjmp(png, 1);
}

void warn(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, size_t count) {
  auto* d = static_cast<Decode*>(png_get_io_ptr(png));
  if (count > d->bytes.size() - d->position) png_error(png, "the file ends early");
  std::memcpy(out, d->bytes.data() + d->position, count);
  d->position += count;
}

// Each step returns false with d.message set; no object with a destructor lives in them.
bool read_header(Decode& d) {
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, fail, warn);
  d.info = d.png ? png_create_info_struct(d.png) : nullptr;
  if (!d.info) {
    std::snprintf(d.message, sizeof d.message, "out of memory");
    return false;
  }
  if (setjmp(png_jmpbuf(d.png))) return false;
  png_set_read_fn(d.png, &d, read_bytes);
  png_set_chunk_malloc_max(d.png, kMaxChunkBytes);
  png_read_info(d.png, d.info);
  d.width = png_get_image_width(d.png, d.info);
  d.height = png_get_image_height(d.png, d.info);
  return true;
}

bool prepare(Decode& d) {
  if (setjmp(png_jmpbuf(d.png))) return false;
  png_set_expand(d.png);
  png_set_strip_16(d.png);
  png_set_interlace_handling(d.png);
  png_read_update_info(d.png, d.info);
  d.channels = png_get_channels(d.png, d.info);
  return true;
}

bool read_rows(Decode& d) {
  if (setjmp(png_jmpbuf(d.png))) return false;
  png_read_image(d.png, d.rows.data());
  png_read_end(d.png, d.info);
  png_uint_32 exif_bytes = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(d.png, d.info, &exif_bytes, &exif)) d.orientation = tiff_orientation({exif, exif_bytes});
  return true;
}

}  // namespace

Image decode_png(std::span<const uint8_t> bytes, Exif exif) {
  Decode d;
  d.bytes = bytes;
  if (!read_header(d)) throw FileError(std::string("broken PNG: ") + d.message);
  check_size("PNG", d.width, d.height);
  if (!prepare(d)) throw FileError(std::string("broken PNG: ") + d.message);
  const size_t row_bytes = static_cast<size_t>(d.width) * d.channels;
  d.samples.resize(row_bytes * d.height);
  for (int64_t y = 0; y < d.height; ++y) d.rows.push_back(d.samples.data() + row_bytes * y);
  if (!read_rows(d)) throw FileError(std::string("broken PNG: ") + d.message);
  return apply_orientation(
      split_alpha(d.samples, static_cast<int>(d.width), static_cast<int>(d.height), d.channels),
      exif == Exif::kApply ? d.orientation : 1);
}

}  // namespace onward::apps
