// The quickest method of a convolution by trial, where the session asks for that (tuning.h).
#pragma once
#include <optional>

#include "kernels/conv.h"

namespace ow {

// For images of `shape`, all of it known but for the lds and the method, and weights w as conv_pack takes
// them. nullopt: nobody asks, or it could not be measured.
std::optional<kernels::ConvMethod> searched_method(const kernels::ConvShape& shape,
                                                   const kernels::UnalignedFloat* w, int threads);

}  // namespace ow
