// Tensors at addresses that are no multiple of their elements' size.
//
// A model's file may have weights at any address. Large ones stay there, uncopied, as long as nobody reads
// them but what takes them as they are (ops/op/stored_weights.h); whoever else reads a tensor that may be
// such a one reads aligned() of it.
#pragma once
#include "tensor/tensor.h"

namespace ow {

bool is_aligned(const Tensor& t);
// `t` itself, or an aligned copy that owns its memory.
Result<Tensor> aligned(const Tensor& t);

}  // namespace ow
