// What ScatterElements and ScatterND share: blocks of updates stored into, or reduced onto, blocks of data.
#pragma once
#include <span>
#include <string_view>

#include "ops/op/attributes.h"
#include "ops/op/run.h"

namespace ow {

enum class ScatterReduction { kNone, kAdd, kMul, kMax, kMin };
ScatterReduction read_reduction(const AttrReader& a);  // attribute `reduction`, default none

// Output 0 = input 0 (data), then, one after the other,
//   output[offsets[i] + j] = reduce(output[offsets[i] + j], updates[i * block + j])  for j in [0, block).
// Offsets are in elements and checked by the caller. The order is that of i whatever the number of threads:
// of several updates to one place, the last wins, or all are reduced in order. Narrow floats are reduced in
// float and rounded once at the end.
Status scatter_blocks(RunContext& c, const Tensor& updates, std::span<const int64_t> offsets, int64_t block,
                      ScatterReduction reduction);

}  // namespace ow
