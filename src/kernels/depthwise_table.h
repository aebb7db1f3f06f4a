// Depthwise convolution of a run of output pixels that read the same taps, and of rectangles of pixels, these
// also in groups of a few channels, for one instruction set.
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

// A rectangle of output pixels and one vector of channels, of a square kernel. All taps lie inside `in`.
struct DepthwiseTile {
  const float* in;
  int64_t in_row, in_pixel;
  int64_t rows, columns;  // of output pixels
  const float* w;         // [channels of a group][taps][the vector's channels]
  const float* bias;      // [the vector's channels]
  float* out;
  int64_t out_row, out_pixel;
  const float* residual;  // null: none
  int64_t residual_row, residual_pixel;
  int64_t channels;  // of the vector that exist; the others are readable in all but out and residual
  float low, high;   // bounds of every result
  int64_t group;     // channels of a group: a power of 2
};

// A rectangle of pixels of an image, copied one vector of channels a pixel, zeros outside the image.
struct DepthwiseWindow {
  const float* image;  // pixel (0, 0), at the vector's first channel
  int64_t ld, height, width;
  int64_t y, x, rows, columns;  // the rectangle
  int64_t channels;             // of the vector that exist; zeros behind them
  float* to;
};

struct DepthwiseTable {
  void (*copy)(const DepthwiseWindow& window);
  void (*run)(const DepthwiseRun& run);
  void (*run_in_double)(const DepthwiseRun& run);  // summed in double, bias and residual too, rounded once
  void (*tile[3][2])(const DepthwiseTile& tile);   // kernels of 3, 5, 7; stride 1, 2
  // Kernels of 3; stride 1, 2. In groups of several channels, less than a vector of them (null: there is
  // none) or just one.
  void (*part_group[2])(const DepthwiseTile& tile);
  void (*whole_group[2])(const DepthwiseTile& tile);
  int lanes;  // channels of a vector
};

ONWARD_ISA_TABLES(DepthwiseTable, depthwise)

}  // namespace ow::kernels
