// Checked integers. Every size that comes from a file or a request goes through these; every index that
// comes from data goes through checked_index.
#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>

namespace ow {

template <std::integral T>
std::optional<T> checked_add(T a, T b) {
  T out;
  return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional<T>(out);
}

template <std::integral T>
std::optional<T> checked_mul(T a, T b) {
  T out;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional<T>(out);
}

// Product of non-negative extents; nullopt on overflow or on a negative extent. A zero extent gives 0 even
// where the other extents would overflow.
inline std::optional<int64_t> checked_product(std::span<const int64_t> extents) {
  int64_t product = 1;
  bool zero = false, overflow = false;
  for (int64_t e : extents) {
    if (e < 0) return std::nullopt;
    if (e == 0)
      zero = true;
    else
      overflow |= __builtin_mul_overflow(product, e, &product);
  }
  if (zero) return 0;
  return overflow ? std::nullopt : std::optional<int64_t>(product);
}

// Maps an index in [-n, n) to [0, n), as numpy does; nullopt if it is outside.
inline std::optional<int64_t> checked_index(int64_t index, int64_t n) {
  if (index >= 0) return index < n ? std::optional<int64_t>(index) : std::nullopt;
  return index >= -n ? std::optional<int64_t>(index + n) : std::nullopt;
}

}  // namespace ow
