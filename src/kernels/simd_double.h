// Vectors of doubles beside those of floats (simd.h), for sums of floats and of their products. Only
// *_isa.inc files include this.
#pragma once
#include "kernels/simd.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ow::kernels {
namespace {

constexpr int kDoubles = kVectorBytes / 8;
typedef double VecD __attribute__((vector_size(kVectorBytes)));
typedef double VecDUnaligned __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));
typedef float FewFloats __attribute__((vector_size(kVectorBytes / 2)));
typedef float FewFloatsUnaligned __attribute__((vector_size(kVectorBytes / 2), aligned(4), may_alias));

inline VecD load_doubles(const double* p) { return *reinterpret_cast<const VecDUnaligned*>(p); }
inline void store_doubles(double* p, VecD v) { *reinterpret_cast<VecDUnaligned*>(p) = v; }
// kDoubles floats.
inline VecD widen(const float* p) {
  // Of vectors of two floats GCC 12 would convert one after the other, of vectors of eight half after half.
#if defined(__AVX512F__)
  return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#elif defined(__aarch64__)
  return vcvt_f64_f32(vld1_f32(p));
#elif defined(__SSE2__) && !defined(__AVX2__)
  return _mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  return __builtin_convertvector(*reinterpret_cast<const FewFloatsUnaligned*>(p), VecD);
#endif
}
// Rounded, and then between two bounds.
inline void store_rounded(float* p, VecD v, float low, float high) {
  const FewFloats x = __builtin_convertvector(v, FewFloats), least = low - FewFloats{},
                  most = high - FewFloats{};
  *reinterpret_cast<FewFloatsUnaligned*>(p) = x < least ? least : x > most ? most : x;
}
inline void store_rounded(float* p, double v, float low, float high) {
  const auto x = static_cast<float>(v);
  *p = x < low ? low : x > high ? high : x;
}

// The upper half is added to the lower one until one number is left.
template <int kBytes = kVectorBytes, class V>
inline double sum_lanes(V v) {
  if constexpr (kBytes == 8) {
    return v[0];
  } else {
    typedef double Half __attribute__((vector_size(kBytes / 2)));
    Half half[2];
    __builtin_memcpy(half, &v, sizeof v);
    return sum_lanes<kBytes / 2>(half[0] + half[1]);
  }
}

}  // namespace
}  // namespace ow::kernels
