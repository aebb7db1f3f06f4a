// The element types that a build computes in: all of them, or what the list of ONWARD_OPS names
// (cmake/parts.cmake).
//
// A value of another type can be made, held and converted. No operator computes in it, and a model that has
// one is refused when it is loaded. Where code forks by type, asking has_type() first leaves the other types'
// code out.
#pragma once
#include "build_parts.h"
#include "tensor/dtype.h"

namespace ow::build {

constexpr bool has_type(DType t) { return kTypes >> static_cast<int>(t) & 1; }
inline constexpr bool kEveryType = (kTypes | 1) == (1u << kDTypeCount) - 1;

}  // namespace ow::build
