// Joining tensors that are not inputs of a node: elements of a sequence, results of iterations.
#pragma once
#include <span>

#include "ops/op/infer.h"
#include "ops/op/run.h"

namespace ow {

// Output o = the parts concatenated along `axis`, or, with new_axis, stacked along a new axis there. There is
// at least one part; all dense and of one type and shape (but for the axis when concatenating).
Status join_tensors(RunContext& c, size_t o, std::span<const Tensor> parts, int64_t axis, bool new_axis);

// Collects tensors of one type and shape, one by one, as rows along a new axis of an output. Each row is
// copied when it is added.
class RowStack {
 public:
  // `rows`: how many there will be, -1 if that is not known. Reversed: the first one added comes last.
  RowStack(size_t output, int64_t axis, int64_t rows = -1, bool reversed = false)
      : output_(output), axis_(axis), rows_(rows), reversed_(reversed) {}
  Status add(RunContext& c, const Tensor& row);
  Status finish(RunContext& c);  // makes the output; without rows as empty_stack does

 private:
  Status reserve(RunContext& c, const Tensor& row);

  size_t output_;
  int64_t axis_, rows_;
  bool reversed_;
  int64_t count_ = 0, capacity_ = 0;
  Tensor stacked_;             // [capacity, row...]
  std::vector<Tensor> parts_;  // instead, where a row has no bytes of its own (types of 2 and 4 bits)
};

// Output o as [0, ...] for a stack of nothing, from what was inferred of it; unknown extents become 0.
Status empty_stack(RunContext& c, size_t o, int64_t axis);

// What is common to two types: differing extents become unknown, differing ranks an unknown rank. Of a type
// that is not known only the shape can differ: nodes with several outcomes keep kind and element type.
ir::Type common_type(const ir::Type& a, const ir::Type& b);
// What is common to two facts, known elements included.
ir::Fact common_fact(const ir::Fact& a, const ir::Fact& b);
// State of a loop after this many iterations, from its initial value and what every iteration returns.
ir::Fact common_fact(const Dim& iterations, const ir::Fact& initial, const ir::Fact& returned);

}  // namespace ow
