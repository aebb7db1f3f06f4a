// Convolution and its transpose by the definition, for every element type: float64 and integer models, and
// the oracle of the tests. Channels-last images and ONNX weights, as in conv.h; no packing, no scratch.
//
//   out[b, o, co] = bias[co] + sum (in[b, p, ci] - in_zero) * (w[co, ci, k] - w_zero[co]),  in TAcc
#pragma once
#include <cstdint>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/compensated_sum.h"
#include "kernels/conv.h"

namespace ow::kernels {

template <class TIn, class TW, class TAcc>
struct ReferenceConv {
  ConvShape shape;
  const TIn* in;
  const TW* w;
  const TAcc* bias = nullptr;
  TAcc* out;
  TIn in_zero = 0;
  const TW* w_zero = nullptr;  // one per output channel (w_zero_step 1) or one for all (0)
  int w_zero_step = 0;

  void run(int threads) const;             // w: [out_channels][in_channels / groups][kernel]
  void run_transposed(int threads) const;  // w: [in_channels][out_channels / groups][kernel]
};

}  // namespace ow::kernels

#include "kernels/conv_reference.inc"
