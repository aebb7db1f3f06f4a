// Depthwise convolution of a run of output pixels that read the same taps, for one instruction set.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

// out[p, c] = sum_t in[p, t, c] * w[t, c] (+ bias[c] + residual[p, c], clipped). Taps t = (i, j, l) below
// taps[]; steps are in floats.
struct DepthwiseRun {
  const float* in;  // first pixel, first tap
  int64_t in_pixel;
  int64_t taps[3], in_step[3];
  const float* w;
  int64_t w_step[3];
  float* out;
  int64_t out_pixel;
  const float* bias;      // null: none
  const float* residual;  // null: none
  int64_t residual_pixel;
  int64_t channels, pixels;
  bool clip;
  float low, high;
};

struct DepthwiseTable {
  void (*run)(const DepthwiseRun& run);
};

ONWARD_ISA_TABLES(DepthwiseTable, depthwise)

}  // namespace ow::kernels
