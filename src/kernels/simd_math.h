// Elementary functions on one vector.
//
//   exp x = 2^n e^r,        n = round(x / ln 2), |r| <= ln 2 / 2, e^r = 1 + r + r^2 p(r)
//   log x = n ln 2 + log m, m in [sqrt 1/2, sqrt 2), log m = f - s (f - z p(z)), f = m - 1, s = f / (2 + f),
//                           z = s^2
//   erf x = x p(x^2) for |x| < 0.8145, else 1 - exp(p(|x|)), p approximating log erfc
//   tanh x = x + x z p(z), z = x^2, for |x| < 5/8, else 1 - 2 / (exp(2x) + 1)
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

// a * b - product, without rounding of a * b.
inline VecF product_error(VecF a, VecF b, VecF product) {
#if defined(__AVX512F__)
  return _mm512_maskz_fmsub_ps(0xffff, a, b, product);
#elif defined(__AVX2__)
  return _mm256_fmsub_ps(a, b, product);
#elif defined(__aarch64__)
  return vfmaq_f32(-product, a, b);
#else
  typedef double Wide __attribute__((vector_size(2 * kVectorBytes)));
  const Wide u = __builtin_convertvector(a, Wide), v = __builtin_convertvector(b, Wide);
  return __builtin_convertvector(u * v - __builtin_convertvector(product, Wide), VecF);
#endif
}

inline bool any_below(VecF x, VecF y, float bound) {
#if defined(__AVX512F__)
  return !_kortestz_mask16_u8(_mm512_cmp_ps_mask(x, splat(bound), _CMP_LT_OQ),
                              _mm512_cmp_ps_mask(y, splat(bound), _CMP_LT_OQ));
#elif defined(__AVX2__)
  const VecI below = (x < bound) | (y < bound);
  return !_mm256_testz_si256(reinterpret_cast<__m256i>(below), reinterpret_cast<__m256i>(below));
#else
  typedef int64_t Pair __attribute__((vector_size(kVectorBytes)));
  const Pair below = reinterpret_cast<Pair>((x < bound) | (y < bound));
  return (below[0] | below[1]) != 0;
#endif
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

// x = rest + whole ln 2, whole = n. |x| < 1e4.
struct Reduced {
  VecF rest, whole;
  VecI n;
};
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
inline VecF rounded_quotient(VecF x) { return x * 1.44269504089f + kRound; }  // by ln 2, plus kRound
inline VecF rest_of(VecF x, VecF whole) { return (x - whole * kLn2High) - whole * kLn2Low; }
inline Reduced reduce(VecF x) {
  const VecF shifted = rounded_quotient(x), whole = shifted - kRound;
  return {rest_of(x, whole), whole, bits(shifted) - bits(splat(kRound))};
}

// e^r for |r| <= ln 2 / 2 and a little more.
inline VecF exp_of_rest(VecF r) {
  VecF p = polynomial(r, 0.00134282419f, 0.00836442038f, 0.0416739285f, 0.166665658f, 0.499999791f);
  return (p * (r * r) + r) + 1.0f;
}

// -104 <= x <= 89, beyond which the result rounds to 0 and +inf.
inline VecF exp_in_range(VecF x) {
  const Reduced d = reduce(x);
  return scale(exp_of_rest(d.rest), d.whole, d.n);
}
inline VecF vec_exp(VecF x) { return exp_in_range(at_least(at_most(x, 89.0f), -104.0f)); }

// factor e^(x + low) of small factors and low, rounded once where that is a denormal. -110 <= x <= 0.
inline VecF times_exp(VecF factor, VecF x, VecF low) {
  const Reduced d = reduce(x);
  return scale(factor * exp_of_rest(d.rest + low), d.whole, d.n);
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
  constexpr float kErfNear = 0.8145f, kLogErfc = -1.388810873f;
  VecF a = at_most(magnitude(x), 4.0f);
  VecF z = at_most(a * a, kErfNear * kErfNear);
  // a times (the leading coefficient less 1), plus a: rounds less than a times the whole.
  VecF near = a + a * polynomial(z, 7.8758750627e-5f, -0.00080168642872f, 0.0051890874234f, -0.026854212011f,
                                 0.11283594715f, -0.37612626667f, 0.1283791658f);
  // In the distance from where it begins, so that little is added to the leading coefficient where erfc is
  // large.
  const VecF product =
      (a - kErfNear) * polynomial(a - kErfNear, -1.951255217e-05f, 0.0003052041284f, -0.002321995562f,
                                  0.01203580294f, -0.04972980917f, -0.8177747726f, -2.330733299f);
  const VecF log_erfc = product + kLogErfc, low = product - (log_erfc - kLogErfc);
  const Reduced d = reduce(log_erfc);
  const VecF far = 1.0f - scale(exp_of_rest(d.rest + low), d.whole, d.n);
  return with_sign(a < kErfNear ? near : far, x);
}

inline VecF vec_tanh(VecF x) {
  VecF a = at_most(magnitude(x), 10.0f);
  VecF z = at_most(a * a, 0.390625f);
  VecF p = polynomial(z, -0.0060946413154f, 0.02099575389f, -0.053850609108f, 0.1333276776f, -0.33333328925f);
  VecF near = a + a * (z * p);
  VecF far = 1.0f - 2.0f / (exp_in_range(a + a) + 1.0f);
  return with_sign(a < 0.625f ? near : far, x);
}

// b / (1 + e) as b - b q, q = e / (1 + e): the rounding of a small q is lost in b.
inline VecF vec_sigmoid(VecF x) {
  const VecF e = exp_in_range(at_least(-magnitude(x), -104.0f));
  const VecF b = x < 0.0f ? e : splat(1.0f);
  return b - b * (e / (1.0f + e));
}

}  // namespace
}  // namespace ow::kernels
