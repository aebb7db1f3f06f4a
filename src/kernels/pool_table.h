// The maximum and the sum over one float32 pooling window, for one instruction set.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

// The positions of one window inside its image: in + i * step[0] + j * step[1] + l * step[2], each below
// count[].
struct PoolWindow {
  int64_t offset;  // elements from the start of the batch to the first position
  int64_t count[3], step[3];
  int64_t size() const { return count[0] * count[1] * count[2]; }
};

struct PoolTable {
  // y[c] = max or sum over the window of in[.., c], c < channels. The sum adds the sums of the window's
  // lines.
  using Reduce = void (*)(const PoolWindow& window, const float* in, int64_t channels, float* y);
  Reduce max, sum;
  // y[c] = that sum / divisor, rounded once more.
  void (*average)(const PoolWindow& window, const float* in, int64_t channels, float divisor, float* y);
};

ONWARD_ISA_TABLES(PoolTable, pool)

}  // namespace ow::kernels
