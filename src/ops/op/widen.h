// Types that an operator does not compute in natively run through a wider type: float16 as float, int4 as
// int8. All inputs and outputs that share a type variable in the schema are widened together.
#pragma once
#include <vector>

#include "ops/op/op.h"

namespace ow {

// In OpTraits::native: the kernel takes one floating type. Where float and double meet, or a number of
// another type stands in a type variable that allows floats (an integer mask), all become the widest float
// there.
constexpr TypeMask kOneFloat = TypeMask{1} << 31;

struct Widening {
  // Per input: the type to convert it to before the call; kUndefined: as it is.
  std::vector<DType> inputs;
  // Per output: the type to convert the result to after the call; kUndefined: as it is.
  std::vector<DType> outputs;
  bool needed = false;
};

// `types`: element types of the node's inputs (kUndefined: absent, or not a tensor).
Widening plan_widening(const Op& op, const std::vector<DType>& types, size_t outputs);

// Whether these element types fit the newest schema of the node's operator together: each allowed, and one
// type for each type variable. Kernels rely on it. `types` as above; a domain without schemas takes all.
Status check_input_types(const ir::Node& node, const std::vector<DType>& types);

// The native type that holds every value of `t`; `t` itself if it is native; kUndefined if there is none.
DType widened(DType t, TypeMask native);

}  // namespace ow
