// The vector type of the instruction set that the including file is compiled for, over the compiler's vector
// extensions: arithmetic is written with operators, comparisons give integer masks, `mask ? a : b` selects.
//
// Only *_isa.inc files include this. Everything is in an unnamed namespace, and these files use no templates
// or inline functions of the standard library: a function compiled with AVX-512 must never be the linker's
// copy.
#pragma once
#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace ow::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
constexpr int kLanes = kVectorBytes / 4;

// How many there are bounds what a kernel holds in them.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kVectorRegisters = 32;
#else
constexpr int kVectorRegisters = 16;
#endif

typedef float VecF __attribute__((vector_size(kVectorBytes)));
typedef int32_t VecI __attribute__((vector_size(kVectorBytes)));
typedef float VecFUnaligned __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

inline VecF load(const float* p) { return *reinterpret_cast<const VecFUnaligned*>(p); }
inline void store(float* p, VecF v) { *reinterpret_cast<VecFUnaligned*>(p) = v; }

// Lanes in another order: a's count from 0, b's from kLanes.
#if defined(__AVX512F__)
#define ONWARD_LANES(at)                                                                                \
  at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11), at(12), at(13), \
      at(14), at(15)
#elif defined(__AVX2__)
#define ONWARD_LANES(at) at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)
#else
#define ONWARD_LANES(at) at(0), at(1), at(2), at(3)
#endif
#define ONWARD_EVEN(i) 2 * i
#define ONWARD_ODD(i) 2 * i + 1
#define ONWARD_LOW_TWICE(i) i / 2
#define ONWARD_HIGH_TWICE(i) kLanes / 2 + i / 2
inline VecF even_lanes(VecF a, VecF b) { return __builtin_shufflevector(a, b, ONWARD_LANES(ONWARD_EVEN)); }
inline VecF odd_lanes(VecF a, VecF b) { return __builtin_shufflevector(a, b, ONWARD_LANES(ONWARD_ODD)); }
inline VecF low_twice(VecF v) { return __builtin_shufflevector(v, v, ONWARD_LANES(ONWARD_LOW_TWICE)); }
inline VecF high_twice(VecF v) { return __builtin_shufflevector(v, v, ONWARD_LANES(ONWARD_HIGH_TWICE)); }

// x - 0 is x for every x, so this is a plain broadcast.
inline VecF splat(float x) { return x - VecF{}; }
inline VecI bits(VecF x) { return reinterpret_cast<VecI>(x); }
inline VecF from_bits(VecI x) { return reinterpret_cast<VecF>(x); }

// NaN stays NaN: of two operands that do not compare, the instructions give the second.
#if defined(__AVX512F__)
// With a mask of all: GCC 12 calls the merely undefined source of the unmasked form uninitialized.
inline VecF at_least(VecF x, float low) { return _mm512_maskz_max_ps(0xffff, splat(low), x); }
inline VecF at_most(VecF x, float high) { return _mm512_maskz_min_ps(0xffff, splat(high), x); }
#elif defined(__AVX2__)
inline VecF at_least(VecF x, float low) { return _mm256_max_ps(splat(low), x); }
inline VecF at_most(VecF x, float high) { return _mm256_min_ps(splat(high), x); }
#elif defined(__aarch64__)
// Either operand's NaN is the result, so a bound that is NaN, which bounds nothing, is replaced.
inline VecF at_least(VecF x, float low) { return vmaxq_f32(x, splat(low == low ? low : -__builtin_inff())); }
inline VecF at_most(VecF x, float high) {
  return vminq_f32(x, splat(high == high ? high : __builtin_inff()));
}
#else
inline VecF at_least(VecF x, float low) { return x < low ? splat(low) : x; }
inline VecF at_most(VecF x, float high) { return x > high ? splat(high) : x; }
#endif

// The larger, or NaN where one of them is NaN. Which of +0 and -0 is the larger is not said.
inline VecF larger_or_nan(VecF a, VecF b) {
#if defined(__aarch64__)
  return vmaxq_f32(a, b);
#else
  a = b > a ? b : a;
  return b != b ? b : a;
#endif
}
inline VecF smaller_or_nan(VecF a, VecF b) {
#if defined(__aarch64__)
  return vminq_f32(a, b);
#else
  a = b < a ? b : a;
  return b != b ? b : a;
#endif
}

// The first n < kLanes elements, zeros behind them; nothing else is read or written.
#if defined(__AVX512F__)
inline __mmask16 first(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
inline VecF load_first(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
inline void store_first(float* p, VecF v, int64_t n) { _mm512_mask_storeu_ps(p, first(n), v); }
#elif defined(__AVX2__)
inline VecI first(int64_t n) { return VecI{0, 1, 2, 3, 4, 5, 6, 7} < static_cast<int32_t>(n); }
inline VecF load_first(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, reinterpret_cast<__m256i>(first(n)));
}
inline void store_first(float* p, VecF v, int64_t n) {
  _mm256_maskstore_ps(p, reinterpret_cast<__m256i>(first(n)), v);
}
#else
inline VecF load_first(const float* p, int64_t n) {
  return VecF{n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}
inline void store_first(float* p, VecF v, int64_t n) {
  if (n > 0) p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if (n > 2) p[2] = v[2];
}
#endif

// A vector of which only the first n elements exist; n may be above its lanes, or none.
inline VecF load_up_to(const float* p, int64_t n) {
  return n >= kLanes ? load(p) : load_first(p, n > 0 ? n : 0);
}
inline void store_up_to(float* p, VecF v, int64_t n) {
  if (n >= kLanes)
    store(p, v);
  else if (n > 0)
    store_first(p, v, n);
}

// The first n < kLanes elements, `fill` behind them.
inline VecF load_first_or(const float* p, int64_t n, float fill) {
  static const int32_t kIndex[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  typedef int32_t Unaligned __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
  const VecI index = *reinterpret_cast<const Unaligned*>(kIndex);
  return index < static_cast<int32_t>(n) ? load_first(p, n) : splat(fill);
}

// Across the lanes, in one order whatever the instruction set's own: halves are added until one is left. Of
// the largest there is no order, and no lane may be NaN.
#if defined(__AVX2__)
#if defined(__AVX512F__)
inline __m256 low_half(VecF v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
inline __m256 high_half(VecF v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
inline __m256 added_halves(VecF v) { return low_half(v) + high_half(v); }
inline __m256 larger_halves(VecF v) { return _mm256_max_ps(low_half(v), high_half(v)); }
#else
inline __m256 added_halves(VecF v) { return v; }
inline __m256 larger_halves(VecF v) { return v; }
#endif
inline float sum_lanes(VecF v) {
  const __m256 eight = added_halves(v);
  const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
  const __m128 two = four + _mm_movehl_ps(four, four);
  return two[0] + two[1];
}
inline float max_lanes(VecF v) {
  const __m256 eight = larger_halves(v);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return two[0] > two[1] ? two[0] : two[1];
}
#else
inline float sum_lanes(VecF v) {
  float part[kLanes];
  store(part, v);
  for (int step = kLanes / 2; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) part[i] += part[i + step];
  return part[0];
}
inline float max_lanes(VecF v) {
  float part[kLanes];
  store(part, v);
  for (int i = 1; i < kLanes; ++i) part[0] = part[i] > part[0] ? part[i] : part[0];
  return part[0];
}
#endif

// y[i] = f(x[i]) for a function of vectors.
template <class F>
inline void map(const float* x, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(x + i)));
  if (i < n) store_first(y + i, f(load_first(x + i, n - i)), n - i);
}

#if defined(__AVX512F__)
// Half a vector. n: the elements that exist; nothing else is read or written.
constexpr int kHalfLanes = kLanes / 2;
typedef float VecH __attribute__((vector_size(kVectorBytes / 2)));
inline __mmask8 first_of_half(int64_t n) { return static_cast<__mmask8>((1u << n) - 1); }
inline VecH load_half(const float* p) { return _mm256_loadu_ps(p); }
inline VecH load_half(const float* p, int64_t n) { return _mm256_maskz_loadu_ps(first_of_half(n), p); }
inline void store_half(float* p, VecH v, int64_t n) { _mm256_mask_storeu_ps(p, first_of_half(n), v); }
inline VecH splat_half(float x) { return _mm256_set1_ps(x); }
inline VecH lower_half(VecF v) { return _mm512_castps512_ps256(v); }
inline VecH at_least(VecH x, float low) { return _mm256_max_ps(_mm256_set1_ps(low), x); }
inline VecH at_most(VecH x, float high) { return _mm256_min_ps(_mm256_set1_ps(high), x); }
#endif

}  // namespace
}  // namespace ow::kernels
