// BMP: "BM", file size, 0, offset of the pixels (14 bytes), then a header that begins with its size:
//
//   12 bytes (OS/2)   width, height (16 bits each), planes, bits; a palette of B, G, R
//   40 to 124 bytes   width, height (32 bits; negative: rows go down), planes, bits, compression, bytes of
//                     pixels, two resolutions, colours of the palette, a number; from 52 on masks of R, G, B,
//                     A; then, in a header of 40 bytes with compression 3, these masks; a palette of B, G, R,
//                     0
//
// Rows go up and are padded to 4 bytes. 1, 4 and 8 bits are indices into the palette, the first pixel in the
// high bits; 16 bits are X1 R5 G5 B5, 24 B, G, R and 32 B, G, R, X, or as masks say. Compression 1 and 2 are
// runs of 8- and 4-bit indices:
//
//   n i      n times i (two indices in turn, with 4 bits)      0 0   the row ends     0 1   the picture ends
//   0 2 x y  go x right and y on                               0 n   n indices follow, padded to 2 bytes
//
// Pixels that no run reaches are index 0. A field of n bits becomes v 255 / (2^n - 1), rounded down.

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "apps/image/byte_reader.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

enum Compression : uint32_t { kPlain = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3 };

struct Header {
  int64_t width = 0, height = 0;
  bool rows_go_down = false;
  int bits = 0;
  uint32_t compression = kPlain;
  int64_t colours = 0;                 // of the palette
  std::array<uint32_t, 4> masks = {};  // R, G, B, A
  size_t pixels_at = 0;
};

using Palette = std::array<std::array<uint8_t, 3>, 256>;

[[noreturn]] void fail(const std::string& what) { throw FileError("broken BMP: " + what); }

void read_info(ByteReader& r, uint32_t header_bytes, Header& h) {
  h.width = r.little32();
  const int64_t height = static_cast<int32_t>(r.little32());
  h.rows_go_down = height < 0;
  h.height = height < 0 ? -height : height;
  r.take(2);
  h.bits = r.little16();
  h.compression = r.little32();
  r.take(12);
  h.colours = r.little32();
  r.take(4);
  const size_t end = 14 + header_bytes;
  if (h.compression == kMasks) {
    const int count = header_bytes >= 56 && header_bytes != 64 ? 4 : 3;
    for (int i = 0; i < count; ++i) h.masks[i] = r.little32();
  }
  r.seek(std::max(r.at(), end));
}

Header read_header(ByteReader& r) {
  Header h;
  r.take(10);
  h.pixels_at = r.little32();
  const uint32_t header_bytes = r.little32();
  if (header_bytes == 12) {
    h.width = r.little16();
    h.height = r.little16();
    r.take(2);
    h.bits = r.little16();
  } else {
    read_info(r, header_bytes, h);
  }
  check_size("BMP", h.width, h.height);
  if (h.bits <= 8 && h.colours == 0) h.colours = int64_t{1} << h.bits;
  const bool fits = h.compression == kRuns8   ? h.bits == 8
                    : h.compression == kRuns4 ? h.bits == 4
                    : h.compression == kMasks ? h.bits == 16 || h.bits == 24 || h.bits == 32
                                              : h.compression == kPlain;
  const int known[] = {1, 4, 8, 16, 24, 32};
  if (!fits || std::find(std::begin(known), std::end(known), h.bits) == std::end(known))
    throw FileError("the BMP has " + std::to_string(h.bits) + " bits a pixel and compression " +
                    std::to_string(h.compression) + ", which is not read");
  return h;
}

Palette read_palette(ByteReader& r, const Header& h, bool old) {
  Palette palette{};
  if (h.colours > 65536) fail("a palette of " + std::to_string(h.colours) + " colours");
  for (int64_t i = 0; i < h.colours; ++i) {
    const auto entry = r.take(old ? 3 : 4);
    if (i < 256) palette[i] = {entry[2], entry[1], entry[0]};
  }
  return palette;
}

// The row of the picture that the file's row `y` is.
int row_of(const Header& h, int64_t y) { return static_cast<int>(h.rows_go_down ? y : h.height - 1 - y); }

void read_indices(ByteReader& r, const Header& h, const Palette& palette, Image& image) {
  const size_t row_bytes = (static_cast<size_t>(h.width) * h.bits + 31) / 32 * 4;
  const unsigned mask = (1u << h.bits) - 1;
  for (int64_t y = 0; y < h.height; ++y) {
    const auto row = r.take(row_bytes);
    uint8_t* to = image.at(0, row_of(h, y));
    for (int64_t x = 0; x < h.width; ++x, to += 3) {
      const int64_t bit = x * h.bits;
      const auto& colour = palette[row[bit / 8] >> (8 - h.bits - bit % 8) & mask];
      std::copy(colour.begin(), colour.end(), to);
    }
  }
}

uint8_t field(uint32_t pixel, uint32_t mask) {
  if (!mask) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift;
  return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / most);
}

void read_colours(ByteReader& r, const Header& h, Image& image) {
  auto masks = h.masks;
  if (masks[0] + masks[1] + masks[2] == 0) {
    if (h.bits == 16)
      masks = {0x7c00, 0x3e0, 0x1f, 0};
    else
      masks = {0xff0000, 0xff00, 0xff, 0};
  }
  const bool has_alpha = masks[3] != 0;
  if (has_alpha) image.alpha.resize(image.pixels.size() / 3);
  const int pixel_bytes = h.bits / 8;
  const size_t row_bytes = (static_cast<size_t>(h.width) * pixel_bytes + 3) / 4 * 4;
  for (int64_t y = 0; y < h.height; ++y) {
    const auto row = r.take(row_bytes);
    const size_t first = static_cast<size_t>(row_of(h, y)) * h.width;
    for (int64_t x = 0; x < h.width; ++x) {
      uint32_t pixel = 0;
      for (int b = pixel_bytes; b-- > 0;) pixel = pixel << 8 | row[x * pixel_bytes + b];
      for (int c = 0; c < 3; ++c) image.pixels[(first + x) * 3 + c] = field(pixel, masks[c]);
      if (has_alpha) image.alpha[first + x] = field(pixel, masks[3]);
    }
  }
}

// Where the next pixel of a picture of runs goes. Rows end where they are full; what a run has beyond is
// lost.
struct Pen {
  const Header& h;
  const Palette& palette;
  Image& image;
  int64_t x = 0, y = 0;

  void put(unsigned index) {
    if (x >= h.width || y >= h.height) return;
    const auto& colour = palette[index];
    std::copy(colour.begin(), colour.end(), image.at(static_cast<int>(x), row_of(h, y)));
    ++x;
  }
};

// The indices of `count` pixels, from bytes that hold one or two each.
void put_indices(Pen& pen, std::span<const uint8_t> bytes, int count, bool nibbles) {
  for (int i = 0; i < count; ++i) {
    if (nibbles)
      pen.put(bytes[(i / 2) % bytes.size()] >> (i % 2 ? 0 : 4) & 15);
    else
      pen.put(bytes[i % bytes.size()]);
  }
}

void read_runs(ByteReader& r, const Header& h, const Palette& palette, Image& image) {
  const bool nibbles = h.compression == kRuns4;
  for (int64_t i = 0; i < h.width * h.height; ++i)
    std::copy(palette[0].begin(), palette[0].end(), &image.pixels[3 * i]);
  Pen pen{h, palette, image};
  while (pen.y < h.height) {
    const int count = r.byte();
    const auto value = r.take(1);
    if (count) {
      put_indices(pen, value, count, nibbles);
    } else if (value[0] == 0) {
      pen.x = 0, ++pen.y;
    } else if (value[0] == 1) {
      return;
    } else if (value[0] == 2) {
      pen.x += r.byte();
      pen.y += r.byte();
    } else {
      const size_t bytes = nibbles ? (value[0] + 1u) / 2 : value[0];
      put_indices(pen, r.take(bytes), value[0], nibbles);
      if (bytes % 2) r.take(1);
    }
    // The last row's end need not be written.
    if (pen.y == h.height - 1 && pen.x >= h.width && r.left() < 2) return;
  }
}

}  // namespace

Image decode_bmp(std::span<const uint8_t> bytes) {
  ByteReader r(bytes);
  const Header h = read_header(r);
  Palette palette{};
  if (h.bits <= 8) palette = read_palette(r, h, bytes[14] == 12);
  if (h.pixels_at) r.seek(h.pixels_at);
  const bool runs = h.compression == kRuns8 || h.compression == kRuns4;
  // So that a header alone takes no memory; runs may skip most of a picture.
  const int64_t least_bytes = runs ? 0 : h.width * h.bits / 8 * h.height;
  if (least_bytes > static_cast<int64_t>(r.left())) throw FileError("the BMP ends early");
  Image image(static_cast<int>(h.width), static_cast<int>(h.height), 3);
  if (runs)
    read_runs(r, h, palette, image);
  else if (h.bits <= 8)
    read_indices(r, h, palette, image);
  else
    read_colours(r, h, image);
  return image;
}

}  // namespace onward::apps
