// What the convolution operators share: attributes, output shape, and the kernels' ConvShape.
#pragma once
#include "kernels/conv.h"
#include "ops/op/attributes.h"
#include "ops/op/image.h"
#include "ops/op/window.h"

namespace ow {

struct ConvAttrs {
  Window window;
  int64_t group = 1;
};
ConvAttrs read_conv(const AttrReader& a);

// Output 0 from the image at input `x` and the weights at input `w` ([out, in / group, kernel...]).
Status infer_conv(const ConvAttrs& a, InferContext& c, DType dtype, size_t x, size_t w);

// The parts of ConvShape that weights of this shape fix (kernel, dilation, stride, channels, groups).
// Unsupported beyond three spatial axes.
Result<kernels::ConvShape> conv_weights_shape(const ConvAttrs& a, const Shape& w, std::string_view where);

// All of it but the lds; `out` becomes the output's shape. Checks x against the weights' shape w.
Result<kernels::ConvShape> conv_shape(const ConvAttrs& a, const RunContext& c, const Shape& x, const Shape& w,
                                      Shape& out);

}  // namespace ow
