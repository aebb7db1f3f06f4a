// UTF-8 text by code points, and Unicode's simple case mappings (one code point to one), whatever the locale.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ow {

inline constexpr char32_t kInvalidCodePoint = 0x110000;

// The code point that starts at text[*at], and moves *at past it. A byte that starts no valid sequence
// (overlong and surrogate ones included) gives kInvalidCodePoint and is passed alone. *at must be below
// text.size().
char32_t next_code_point(std::string_view text, size_t* at);
void append_utf8(std::string& out, char32_t c);

char32_t to_lower(char32_t c);
char32_t to_upper(char32_t c);

// The text with every code point mapped; nullopt if it is not valid UTF-8.
std::optional<std::string> map_case(std::string_view text, char32_t (*map)(char32_t));

}  // namespace ow
