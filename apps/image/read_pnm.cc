// PNM: "P1" to "P6", then width, height and (not P1, P4) the largest value as decimal numbers, with blanks
// and "# comments" between them, and one blank before the samples.
//
//   P1 P4   one bit a pixel, 1 is black     P2 P5   grey     P3 P6   R, G, B
//   P1 P2 P3   samples as text     P4   rows of packed bits     P5 P6   bytes, or two (the high one first)
//   where the largest value is above 255
//
// A sample becomes v 255 / largest, rounded to even at a half. https://netpbm.sourceforge.net/doc/pnm.html

#include <cmath>
#include <string>

#include "apps/image/byte_reader.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

constexpr int64_t kMaxNumber = 1'000'000'000;

bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Skips blanks and comments; the first character of what follows, which is skipped, too.
uint8_t first_of_token(ByteReader& r) {
  for (;;) {
    uint8_t c = r.byte();
    if (c == '#')
      while (c != '\n' && c != '\r') c = r.byte();
    if (!is_blank(c)) return c;
  }
}

// Takes the one character behind the number, too: a blank, or the file's end.
int64_t number(ByteReader& r) {
  int64_t value = 0;
  for (uint8_t c = first_of_token(r);; c = r.byte()) {
    if (is_blank(c)) return value;
    if (c < '0' || c > '9')
      throw FileError("broken PNM: a number is expected at byte " + std::to_string(r.at() - 1));
    value = value * 10 + (c - '0');
    if (value > kMaxNumber) throw FileError("broken PNM: a number is too large");
    if (r.left() == 0) return value;
  }
}

uint8_t plain_bit(ByteReader& r) {
  const uint8_t c = first_of_token(r);
  if (c != '0' && c != '1')
    throw FileError("broken PNM: 0 or 1 is expected at byte " + std::to_string(r.at() - 1));
  return c == '1' ? 0 : 255;
}

void read_bits(ByteReader& r, bool plain, Image& image) {
  const size_t row_bytes = (static_cast<size_t>(image.width) + 7) / 8;
  for (int y = 0; y < image.height; ++y) {
    const auto row = plain ? std::span<const uint8_t>() : r.take(row_bytes);
    uint8_t* to = image.at(0, y);
    for (int x = 0; x < image.width; ++x)
      to[x] = plain ? plain_bit(r) : (row[x / 8] >> (7 - x % 8) & 1 ? 0 : 255);
  }
}

void read_samples(ByteReader& r, bool plain, int64_t largest, Image& image) {
  const auto scaled = [&](int64_t v) {
    if (v > largest)
      throw FileError("broken PNM: a sample is " + std::to_string(v) + ", the largest is said to be " +
                      std::to_string(largest));
    return static_cast<uint8_t>(std::nearbyint(static_cast<double>(v) / static_cast<double>(largest) * 255));
  };
  for (uint8_t& to : image.pixels) {
    if (plain) {
      to = scaled(number(r));
    } else {
      const int64_t high = r.byte();
      to = scaled(largest > 255 ? high << 8 | r.byte() : high);
    }
  }
}

}  // namespace

Image decode_pnm(std::span<const uint8_t> bytes) {
  ByteReader r(bytes, 1);
  const int kind = r.byte() - '0';
  const bool plain = kind <= 3, bits = kind == 1 || kind == 4;
  const int channels = kind == 3 || kind == 6 ? 3 : 1;
  const int64_t width = number(r), height = number(r);
  check_size("PNM", width, height);
  const int64_t largest = bits ? 1 : number(r);
  if (largest < 1 || largest > 65535)
    throw FileError("broken PNM: the largest value is " + std::to_string(largest) + ", expected 1 to 65535");
  // Each pixel takes at least an eighth of a byte, so a header alone takes no memory.
  if (width * height / 8 > static_cast<int64_t>(r.left())) throw FileError("the file ends early");
  Image image(static_cast<int>(width), static_cast<int>(height), channels);
  if (bits)
    read_bits(r, plain, image);
  else
    read_samples(r, plain, largest, image);
  return image;
}

}  // namespace onward::apps
