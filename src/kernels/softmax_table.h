// The functions of softmax.h for one instruction set.
#pragma once
#include "kernels/isa_table.h"
#include "kernels/softmax.h"

namespace ow::kernels {

struct SoftmaxTable {
  void (*row)(const float* x, float* y, int64_t n);
  float (*exp_row)(const float* x, float* y, int64_t n);
  void (*add)(const float* x, float* y, int64_t n);
  void (*scale)(float factor, float* y, int64_t n);
  void (*log_row)(const float* x, float* y, int64_t n);
  void (*columns)(const float* x, float* y, int64_t n, int64_t stride, int64_t columns);
  void (*log_columns)(const float* x, float* y, int64_t n, int64_t stride, int64_t columns);
};

ONWARD_ISA_TABLES(SoftmaxTable, softmax)

}  // namespace ow::kernels
