// Folds of float32, along a line and of lines that lie side by side, for one instruction set.
//
// Sums run in double. The order along a line depends on its length alone. NaN wins every maximum and minimum.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

struct ReduceTable {
  // to[i] = that of x[i * stride .. i * stride + n), i < lines.
  using Sums = void (*)(const float* x, int64_t stride, int64_t lines, int64_t n, double* to);
  Sums sum, sum_abs, sum_square;
  using Extremes = void (*)(const float* x, int64_t stride, int64_t lines, int64_t n, float* to);
  Extremes max, min;  // -infinity and infinity of nothing
  // acc[i] takes in x[i], x[i + stride], ... of `rows` rows, in that order; i < n.
  using Add = void (*)(const float* x, int64_t stride, int64_t rows, int64_t n, double* acc);
  Add add, add_abs, add_square;
  using Extreme = void (*)(const float* x, int64_t stride, int64_t rows, int64_t n, float* acc);
  Extreme max_rows, min_rows;
};

ONWARD_ISA_TABLES(ReduceTable, reduce)

// That of best_isa().
inline const ReduceTable& reduce_kernels() { return reduce_table(best_isa()); }

}  // namespace ow::kernels
