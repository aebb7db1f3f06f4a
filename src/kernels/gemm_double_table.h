// Sums in double of a tile of rows times a panel of columns, for one instruction set.
#pragma once
#include <cstdint>

#include "kernels/isa_table.h"

namespace ow::kernels {

inline constexpr int kMaxSumRows = 6;
inline constexpr int64_t kSumColumns = 32;  // no panel has more

// sums[i * kSumColumns + j] += a[k * rows + i] * b[k * columns + j], k = 0, 1, ..., for j < columns, which is
// the width of a whole panel of gemm_core.h or of a narrow one.
struct SumTile {
  const double* a;
  const float* b;
  int64_t k, columns;
  double* sums;
};

// c[j] = sums[j] + bias[j] + residual[j], rounded, and then between low and high; j < n <= kSumColumns.
struct SumRow {
  const double* sums;
  const float* bias;      // null: none
  const float* residual;  // null: none
  int64_t n;
  float low, high;
  float* c;
};

struct GemmDoubleTable {
  void (*add[kMaxSumRows + 1])(const SumTile& tile);  // [rows]
  void (*round)(const SumRow& row);
};

ONWARD_ISA_TABLES(GemmDoubleTable, gemm_double)

}  // namespace ow::kernels
