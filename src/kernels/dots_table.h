// Dot products of a strip of pixels with a few rows of weights, for one instruction set.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

inline constexpr int kDotOutputs = 4;  // rows of weights at once

// acc[p][o] (+)= sum over runs of in[x_run + p * in_pixel ..] * w[w_run + o * w_output ..], lane by lane.
struct DotPass {
  const float* in;
  int64_t in_pixel;  // floats from output pixel to output pixel
  const float* w;
  int64_t w_output;  // floats from output to output
  const int64_t *x_runs, *w_runs;
  int64_t runs, length;  // floats of each run
  int64_t pixels;
  float* acc;  // [pixels][outputs] vectors
  bool first;  // acc holds nothing yet
};

struct DotTable {
  void (*pass[kDotOutputs])(const DotPass& pass);                  // [outputs - 1]
  void (*sums)(const float* vectors, int64_t count, float* sums);  // of the lanes of each vector
  int lanes;
};

ONWARD_ISA_TABLES(DotTable, dot)

}  // namespace ow::kernels
