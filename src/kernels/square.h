// Squares of 4 x 4 elements of 4 bytes, turned in registers.
#pragma once

namespace ow::kernels {

// rows[i][j] becomes rows[j][i]. Four: a vector of four floats or 32-bit integers.
template <class Four>
void transpose_4x4(Four (&rows)[4]) {
  const Four ab_low = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5),
             ab_high = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Four cd_low = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5),
             cd_high = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

}  // namespace ow::kernels
