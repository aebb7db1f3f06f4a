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
// prefix: comes before each name.
ConvAttrs read_conv(const AttrReader& a, std::string_view prefix = "");

// Of the output, for an image x and weights w ([out, in / group, kernel...]), null where not known; empty if
// not even the rank is. The image is named `x_name` in errors.
Result<std::optional<SymShape>> infer_conv_shape(const ConvAttrs& a, InferContext& c, const SymShape* x,
                                                 const SymShape* w, std::string_view x_name);
// Output 0 from the image at input `x` and the weights at input `w` ([out, in / group, kernel...]).
Status infer_conv(const ConvAttrs& a, InferContext& c, DType dtype, size_t x, size_t w);

// The parts of ConvShape that weights of this shape fix (kernel, dilation, stride, channels, groups).
// Unsupported beyond three spatial axes.
Result<kernels::ConvShape> conv_weights_shape(const ConvAttrs& a, const Shape& w, std::string_view where);

// All of it but the lds; `out` becomes the output's shape. Checks x against the weights' shape w.
Result<kernels::ConvShape> conv_shape(const ConvAttrs& a, const RunContext& c, const Shape& x, const Shape& w,
                                      Shape& out);
// Checks the bias at this input, if there is one, against the output channels.
Status check_bias(const RunContext& c, size_t input, int64_t channels);

// The float kernels of Conv or ConvTranspose; `transposed` is for the plain loop that double goes through.
struct ConvKernels {
  size_t (*packed_bytes)(const kernels::ConvShape&);
  void (*pack)(const kernels::ConvShape&, const kernels::UnalignedFloat* w, void* packed, int threads);
  size_t (*scratch_bytes)(const kernels::ConvShape&, int threads);
  void (*run)(const kernels::ConvShape&, const void* packed, const float* in, float* out,
              const kernels::Epilogue&, void* scratch, int threads);
  bool transposed;
};

// Constant weights, packed once; their shape stands in for the input that is dropped.
struct PackedWeights {
  Buffer memory;
  Shape shape;
  kernels::ConvMethod method = kernels::ConvMethod::kDirect;
  bool extents_known = false;  // when the method was chosen: else each run looks at its own
};

// The weights at this input if they can be packed before the run: constant, float32, not empty. Else null.
const Tensor* packable_weights(const PrepareContext& c, size_t input = 1);
// Packs them, for sums in double if the plan is strict; the input is dropped.
Result<PackedWeights> pack_weights(PrepareContext& c, const ConvKernels& k, kernels::ConvShape s,
                                   const Tensor& w, size_t input = 1);

// Runs with all of `s` but the lds set, into output 0 of shape `out`; checks the bias at input 2.
Status run_conv(RunContext& c, const ConvKernels& k, kernels::ConvShape s, const Shape& out,
                kernels::Epilogue epilogue);

}  // namespace ow
