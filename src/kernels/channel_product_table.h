// The products of pixels with a matrix of few rows, for one instruction set.
#pragma once
#include "kernels/channel_product.h"
#include "kernels/isa_table.h"

namespace ow::kernels {

struct ChannelProductTable {
  int lanes;
  // The pixels [begin, end); `m` is [outputs][channels * positions rounded up to lanes], each element of the
  // matrix `positions` times. positions divides lanes or is a multiple of it.
  void (*rows)(const ChannelProduct& s, const float* m, const float* x, float* y, int64_t begin, int64_t end);
};

ONWARD_ISA_TABLES(ChannelProductTable, channel_product)

}  // namespace ow::kernels
