// The two directions of interpolation over rows of floats, for one instruction set.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

struct ResizeKernels {
  // y[i] = sum_t weight[t] * rows[t][i], i < n, in the order of the taps.
  void (*across)(const float* const* rows, const float* weight, int taps, int64_t n, float* y);
  // y[i * inner + k] = sum_t weight[t * ld + i] * x[index[t * ld + i] * inner + k], i < count, k < inner.
  void (*along)(const float* x, const int32_t* index, const float* weight, int64_t ld, int taps,
                int64_t inner, int64_t count, float* y);
  // y[2 * i] = y[2 * i + 1] = x[i], i < n, of any elements of 4 bytes.
  void (*twice)(const float* x, int64_t n, float* y);
};

ONWARD_ISA_TABLES(ResizeKernels, resize)

}  // namespace ow::kernels
