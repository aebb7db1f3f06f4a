// Elementary functions on one vector.
//
//   exp x = 2^n e^r,        n = round(x / ln 2), |r| <= ln 2 / 2, e^r = 1 + r + r^2 p(r)
//   log x = n ln 2 + log m, m in [sqrt 1/2, sqrt 2), log m = f - s (f - z p(z)), f = m - 1, s = f / (2 + f),
//   z = s^2 erf x = x p(x^2) for |x| < 1, else 1 - exp(p(|x|)), p approximating log erfc tanh x = x + x z
//   p(z), z = x^2, for |x| < 5/8, else 1 - 2 / (exp(2x) + 1)
//
// The polynomials interpolate the functions at Chebyshev nodes, computed with 40 digits. ln 2 is split into
// 355/512, whose products with n are exact, and a remainder.
#pragma once
#include "kernels/simd.h"

namespace ow::kernels {
namespace {

constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440055e-4f;
constexpr float kInfinity = __builtin_inff();

template <class... C>
inline VecF polynomial(VecF x, float highest, C... lower) {
  VecF y = splat(highest);
  ((y = y * x + lower), ...);
  return y;
}

inline VecF magnitude(VecF x) { return from_bits(bits(x) & 0x7fffffff); }
inline VecF with_sign(VecF x, VecF sign) { return from_bits(bits(x) | (bits(sign) & INT32_MIN)); }

// y * 2^n of an integer n, rounded once. 1 <= y < 2, and |n| < 160.
#if defined(__AVX512F__)
inline VecF scale(VecF y, VecF n, VecI) { return _mm512_maskz_scalef_ps(0xffff, y, n); }
#else
inline VecF scale(VecF y, VecF, VecI n) {
  VecI half =
      n >> 1;  // two factors, so that neither overflows where the product is a denormal or just finite
  return y * from_bits((half + 127) << 23) * from_bits((n - half + 127) << 23);
}
#endif

inline VecF vec_exp(VecF x) {
  x = at_least(at_most(x, 89.0f), -104.0f);  // beyond: +inf and 0 after rounding
  constexpr float kRound = 12582912.0f;      // 1.5 * 2^23: adding it rounds to an integer in the low bits
  VecF shifted = x * 1.44269504089f + kRound;
  VecI n = bits(shifted) - bits(splat(kRound));
  VecF whole = shifted - kRound;
  VecF r = x - whole * kLn2High;
  r = r - whole * kLn2Low;
  VecF p = polynomial(r, 0.0013926926614f, 0.0083637738744f, 0.04166655011f, 0.16666573382f, 0.5f);
  VecF y = (p * (r * r) + r) + 1.0f;
  return scale(y, whole, n);
}

inline VecF vec_log(VecF x) {
  VecI tiny = x < 1.17549435e-38f;
  VecF scaled = tiny ? x * 8388608.0f : x;
  // So that m starts at sqrt 1/2. The sum stays in range: infinity and NaN, replaced below, count as 1.
  scaled = bits(scaled) >= 0x7f800000 ? splat(1.0f) : scaled;
  VecI shifted = bits(scaled) + (0x3f800000 - 0x3f3504f3);
  VecI n = (shifted >> 23) - (tiny ? VecI{} + 150 : VecI{} + 127);
  VecF f = from_bits((shifted & 0x7fffff) + 0x3f3504f3) - 1.0f;
  VecF whole = __builtin_convertvector(n, VecF);
  VecF s = f / (f + 2.0f);
  VecF z = s * s;
  VecF p = z * polynomial(z, 0.23336811005f, 0.28550587038f, 0.40000123906f, 0.66666666552f);
  VecF y = (f - (s * (f - p) - whole * kLn2Low)) + whole * kLn2High;
  y = x == kInfinity ? x : y;
  y = x == 0.0f ? splat(-kInfinity) : y;
  y = x < 0.0f ? splat(__builtin_nanf("")) : y;
  return x != x ? x : y;
}

inline VecF vec_erf(VecF x) {
  VecF a = at_most(magnitude(x), 4.0f);
  VecF z = at_most(a * a, 1.0f);
  // a times (the leading coefficient less 1), plus a: rounds less than a times the whole.
  VecF near = a + a * polynomial(z, 7.8758750627e-5f, -0.00080168642872f, 0.0051890874234f, -0.026854212011f,
                                 0.11283594715f, -0.37612626667f, 0.1283791658f);
  VecF log_erfc =
      polynomial(a, 1.6371514146e-6f, -4.6058042689e-5f, 0.00059680562566f, -0.0047595962933f,
                 0.026421136006f, -0.11008008295f, -0.63182605156f, -1.1302334348f, 0.00032013804968f);
  VecF far = 1.0f - vec_exp(log_erfc);
  return with_sign(a < 1.0f ? near : far, x);
}

inline VecF vec_tanh(VecF x) {
  VecF a = at_most(magnitude(x), 10.0f);
  VecF z = at_most(a * a, 0.390625f);
  VecF p = polynomial(z, -0.0060946413154f, 0.02099575389f, -0.053850609108f, 0.1333276776f, -0.33333328925f);
  VecF near = a + a * (z * p);
  VecF far = 1.0f - 2.0f / (vec_exp(a + a) + 1.0f);
  return with_sign(a < 0.625f ? near : far, x);
}

inline VecF vec_sigmoid(VecF x) {
  VecF e = vec_exp(-magnitude(x));
  return (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
}

}  // namespace
}  // namespace ow::kernels
