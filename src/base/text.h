// Text building for messages: cat("node '", name, "': ", 3) without iostreams or locale.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ow {

void append(std::string& out, std::string_view text);
void append(std::string& out, const char* text);
void append(std::string& out, char c);
void append(std::string& out, bool b);
void append(std::string& out, double v);  // shortest text that reads back as the same value
void append_int(std::string& out, int64_t v);
void append_uint(std::string& out, uint64_t v);

template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool> &&
         !std::is_same_v<T, char>) void append(std::string& out, T v) {
  if constexpr (std::is_signed_v<T>)
    append_int(out, v);
  else
    append_uint(out, v);
}

// Any type may define `void append(std::string&, const T&)` beside itself to be usable in cat().
template <class... T>
std::string cat(const T&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

// "[1,2,3]"
template <class Range>
std::string list_text(const Range& items, std::string_view open = "[", std::string_view close = "]") {
  std::string out(open);
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(out, item);
  }
  out += close;
  return out;
}

// Escapes control characters, so that names from a file can be printed in a message or a log line.
std::string printable(std::string_view text, size_t max_bytes = 200);

}  // namespace ow
