// The activation that the optimiser puts into the operator before it, as the attributes `activation`, `alpha`
// and `beta` of an operator of domain "onward".
#pragma once
#include "kernels/math.h"
#include "ops/op/attributes.h"

namespace ow {

struct FusedActivation {
  kernels::Activation kind = kernels::Activation::kNone;
  float alpha = 0, beta = 0;
};
// prefix: comes before each name.
FusedActivation read_activation(const AttrReader& a, std::string_view prefix = "");
// By its name in that attribute; "" is none.
std::optional<kernels::Activation> activation_named(std::string_view name);

}  // namespace ow
