// Weights as a model's file has them: large ones, at any address (tensor/alignment.h).
#pragma once
#include "kernels/gemm.h"
#include "ops/op/run.h"

namespace ow {

// The elements of float weights, for those who pack them.
inline const kernels::UnalignedFloat* stored_floats(const Tensor& t) {
  return reinterpret_cast<const kernels::UnalignedFloat*>(t.raw());
}

// Whether `prepare` of this node takes constant float weights at this input at any address.
bool packs_unaligned(const ir::Node& node, size_t input);
// Whether `run` does.
bool runs_unaligned(const ir::Node& node, size_t input);

// Whether all who read this value take it at any address.
bool may_stay_unaligned(const ir::Value& v);

}  // namespace ow
