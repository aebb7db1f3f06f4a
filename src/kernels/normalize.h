// Rows brought to mean 0 and variance 1, by vectors:
//
//   centred      y = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias
//   else         y = x / sqrt(mean(x^2) + epsilon) * scale + bias
//
// Sums run in float32, in many interleaved parts. What the first mean lost to rounding is measured while the
// squares are summed, and taken off, so that rows far from 0 lose nothing by it.
#pragma once
#include <cstdint>

namespace ow::kernels {

struct RowStatistics {
  double mean, inverse;  // inverse: 1 / the square root
};

struct NormalizeRow {
  const float* x;
  float* y;  // x == y is allowed
  int64_t n;
  double epsilon;
  bool centred;
  const float* scale;  // [n]
  const float* bias;   // [n]; null: none
};
RowStatistics normalize_row(const NormalizeRow& row);

}  // namespace ow::kernels
