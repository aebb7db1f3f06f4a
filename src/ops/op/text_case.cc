#include "ops/op/text_case.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

namespace ow {
namespace {

// Code points first, first + step, ..., last map to themselves + offset.
struct CaseRun {
  char32_t first, last;
  int32_t step, offset;
};
#include "ops/op/case_map.inc"

char32_t mapped(std::span<const CaseRun> runs, char32_t c) {
  auto run =
      std::lower_bound(runs.begin(), runs.end(), c, [](const CaseRun& r, char32_t x) { return r.last < x; });
  if (run != runs.end() && c >= run->first && (c - run->first) % static_cast<char32_t>(run->step) == 0)
    return static_cast<char32_t>(static_cast<int32_t>(c) + run->offset);
  return c;
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(*at);
  const size_t start = (*at)++;
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4) return kInvalidCodePoint;
  char32_t c = lead & (0x3Fu >> more);
  for (size_t i = 1; i <= more; ++i) {
    if ((byte(start + i) & 0xC0u) != 0x80) return kInvalidCodePoint;
    c = c << 6 | (byte(start + i) & 0x3Fu);
  }
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (c < kLeast[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return kInvalidCodePoint;
  *at = start + more + 1;
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

char32_t to_lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return mapped(kToLower, c);
}
char32_t to_upper(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return mapped(kToUpper, c);
}

std::optional<std::string> map_case(std::string_view text, char32_t (*map)(char32_t)) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, &at);
    if (c == kInvalidCodePoint) return std::nullopt;
    append_utf8(out, map(c));
  }
  return out;
}

}  // namespace ow
