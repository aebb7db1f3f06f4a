// Distances between float32 results and float64 references in units in the last place (ULP).
//
// One ULP of a reference is the distance from its rounding to the next float32 away from zero; below the
// normal numbers it is 2^-149. A correctly rounded result is within half of one.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ow::numerics {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr double kEps = std::numeric_limits<float>::epsilon();

// What is no number where one is wanted, the reverse, or the wrong infinity or sign of it.
inline constexpr double kWrong = 1e9;

// Of a value that float32 can hold; that of the largest finite number beyond.
inline double ulp_of(double want) {
  const auto exponent = static_cast<int64_t>(std::bit_cast<uint64_t>(want) >> 52 & 0x7ff) - 1023;
  const int64_t kept = exponent < -126 ? -126 : exponent > 127 ? 127 : exponent;
  return std::bit_cast<double>((kept - 23 + 1023) << 52);
}

inline double ulp_error(float got, double want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : kWrong;
  if (std::fabs(want) >= 0x1p128) return std::isinf(got) && (got > 0) == (want > 0) ? 0 : kWrong;
  // Infinity stands for 2^128: a reference that nearly rounds to it is not far from it.
  if (std::isinf(got)) return std::fabs(std::copysign(0x1p128, got) - want) / 0x1p104;
  return std::fabs(static_cast<double>(got) - want) / ulp_of(want);
}

// Same bits, or both no number.
inline bool is_same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

}  // namespace ow::numerics
