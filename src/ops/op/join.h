// Joining tensors that are not inputs of a node: elements of a sequence, results of iterations.
#pragma once
#include <span>

#include "ops/op/infer.h"
#include "ops/op/run.h"

namespace ow {

// Output o = the parts concatenated along `axis`, or, with new_axis, stacked along a new axis there. There is
// at least one part; all dense and of one type and shape (but for the axis when concatenating).
Status join_tensors(RunContext& c, size_t o, std::span<const Tensor> parts, int64_t axis, bool new_axis);

// Output o as [0, ...] for a stack of nothing, from what was inferred of it; unknown extents become 0.
Status empty_stack(RunContext& c, size_t o, int64_t axis);

// What is common to two types: differing extents become unknown, differing ranks an unknown rank. Of a type
// that is not known only the shape can differ: nodes with several outcomes keep kind and element type.
ir::Type common_type(const ir::Type& a, const ir::Type& b);

}  // namespace ow
