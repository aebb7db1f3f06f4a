// Vectorised float32 functions over arrays, and the activations that kernels fuse.
//
// Errors over the whole range, denormal results included, in units in the last place (docs/numerics.md): exp,
// log and erf at most 1, tanh and sigmoid 2, silu, both gelus and mish 4. NaN gives NaN; exp(+inf) = +inf,
// exp(-inf) = 0, log(0) = -inf, log(<0) = NaN, and the limits of silu, gelu and mish at -inf are -0. y[i]
// depends on x[i] alone, not on i or n. x == y (in place) is allowed; no other overlap.
#pragma once
#include <cstdint>

#include "build_parts.h"

namespace ow::kernels {

void exp(const float* x, float* y, int64_t n);
void log(const float* x, float* y, int64_t n);
void erf(const float* x, float* y, int64_t n);
void tanh(const float* x, float* y, int64_t n);
void sigmoid(const float* x, float* y, int64_t n);

enum class Activation : uint8_t {
  kNone,
  kRelu,         // max(x, 0)
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kClip,         // min(max(x, alpha), beta): alpha is the low bound, beta the high one
  kSigmoid,      // 1 / (1 + exp(-x))
  kSilu,         // x * sigmoid(x)
  kHardSigmoid,  // min(max(alpha * x + beta, 0), 1)
  kHardSwish,    // x * min(max(x / 6 + 0.5, 0), 1)
  kGelu,         // x / 2 * (1 + erf(x / sqrt 2))
  kGeluTanh,     // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kTanh,
  kMish,  // x * tanh(log(1 + exp(x)))
};

// The build has its kernel (cmake/parts.cmake): all but those with an exponential or such in them always are
// there.
constexpr bool in_build(Activation a) {
  const bool straight = a == Activation::kNone || a == Activation::kRelu || a == Activation::kLeakyRelu ||
                        a == Activation::kClip || a == Activation::kHardSigmoid ||
                        a == Activation::kHardSwish;
  return straight || build::kCurvedActivations;
}

// y[i] = activation(x[i]), which must be in_build(). NaN stays NaN in every activation.
void activate(Activation activation, float alpha, float beta, const float* x, float* y, int64_t n);

}  // namespace ow::kernels
