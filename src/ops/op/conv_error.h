// The rounding error of a convolution's method with the weights at hand, by trial: Winograd's methods round
// more than the plain sum does, and how much more depends on the weights.
#pragma once
#include "base/status.h"
#include "kernels/conv.h"

namespace ow {

// Root mean square of the error over that of the outputs, on one tile of a few output channels, against the
// sum in double. The image is bright, with an eighth of contrast: weights that leave little of it, as those
// of edge detectors, are those that round worst. w: as conv_pack takes them.
Result<double> conv_error(const kernels::ConvShape& shape, const kernels::UnalignedFloat* w);

// `shape.method`, or, where it is Winograd's and its error is above a limit that the weights of usual layers
// stay below, the next one that rounds less.
Result<kernels::ConvMethod> accurate_method(const kernels::ConvShape& shape,
                                            const kernels::UnalignedFloat* w);

}  // namespace ow
