// What libc++ before 14 lacks of C++20 and the sources use, for Debian's Emscripten 3.1.6; included ahead of
// every file by wasm.cmake, and empty for a newer library.
#pragma once
#if defined(__cplusplus)
#include <version>
#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 14000
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace std {

template <class To, class From>
constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

// The shortest that reads back as the same. musl's printf and strtod know one locale, which is C's.
inline to_chars_result onward_shortest(char* first, char* last, double value, bool is_float) {
  char text[48];
  int n = 0;
  for (int digits = 1; digits <= 17; ++digits) {
    n = snprintf(text, sizeof text, "%.*g", digits, value);
    if (is_float ? strtof(text, nullptr) == static_cast<float>(value) : strtod(text, nullptr) == value) break;
  }
  if (last - first < n) return {last, errc::value_too_large};
  memcpy(first, text, static_cast<size_t>(n));
  return {first + n, errc{}};
}
inline to_chars_result to_chars(char* first, char* last, float v) {
  return onward_shortest(first, last, static_cast<double>(v), true);
}
inline to_chars_result to_chars(char* first, char* last, double v) {
  return onward_shortest(first, last, v, false);
}

// Decimal numbers, infinities and NaN: neither leading space nor sign +, nor hexadecimal digits.
template <class T>
inline from_chars_result onward_read(const char* first, const char* last, T& value,
                                     T (*read)(const char*, char**)) {
  const string text(first, last);
  const char* begin = text.c_str();
  const char* digits = begin + (*begin == '-');
  const bool bad = *digits == '+' || *digits == '-' || *digits == ' ' ||
                   (*digits >= '\t' && *digits <= '\r') ||
                   (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'));
  char* end = nullptr;
  const T number = bad ? T{} : read(begin, &end);
  if (bad || end == begin) return {first, errc::invalid_argument};
  const char* stop = first + (end - begin);
  if (isinf(number) && (*digits >= '0' && *digits <= '9')) return {stop, errc::result_out_of_range};
  value = number;
  return {stop, errc{}};
}
inline from_chars_result from_chars(const char* first, const char* last, float& value) {
  return onward_read<float>(first, last, value, strtof);
}
inline from_chars_result from_chars(const char* first, const char* last, double& value) {
  return onward_read<double>(first, last, value, strtod);
}

namespace ranges {
template <class Range, class F>
bool none_of(const Range& range, F f) {
  return std::none_of(std::begin(range), std::end(range), f);
}
}  // namespace ranges

}  // namespace std
#endif
#endif
