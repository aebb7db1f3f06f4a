#include "tools/utf.h"

#include <cstdint>

namespace onward::tools {
namespace {

bool is_character(char32_t c) { return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff); }

}  // namespace

std::optional<std::u32string> from_utf8(std::string_view text) {
  constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  std::u32string points;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i++]);
    const int more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
    if (more < 0) return std::nullopt;
    char32_t c = more == 0 ? lead : lead & (0x3f >> more);
    for (int k = 0; k < more; ++k, ++i) {
      if (i >= text.size() || (static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) return std::nullopt;
      c = c << 6 | (static_cast<uint8_t>(text[i]) & 0x3f);
    }
    if (c < kSmallest[more] || !is_character(c)) return std::nullopt;
    points += c;
  }
  return points;
}

std::optional<std::string> to_utf8(std::u32string_view points) {
  std::string text;
  for (char32_t c : points) {
    if (!is_character(c)) return std::nullopt;
    const int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    constexpr uint8_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
    text += static_cast<char>(kLead[more] | (c >> (6 * more)));
    for (int k = more - 1; k >= 0; --k) text += static_cast<char>(0x80 | ((c >> (6 * k)) & 0x3f));
  }
  return text;
}

}  // namespace onward::tools
