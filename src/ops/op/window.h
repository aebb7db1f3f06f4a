// Sliding windows over spatial axes, as convolution and pooling share them.
//
//   effective kernel  e = (kernel - 1) * dilation + 1
//   explicit pads     out = floor or ceil((in + begin + end - e) / stride) + 1
//   SAME_*            out = ceil(in / stride); begin + end = max(0, (out - 1) * stride + e - in), the odd one
//                     behind (UPPER) or before (LOWER)
//   VALID             pads are 0
//
// With ceil_mode a last window that would start behind the input and its leading pad is left out.
#pragma once
#include "ops/op/attributes.h"
#include "ops/op/infer.h"
#include "ops/op/run.h"

namespace ow {

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// The attributes as given; lists that are absent are empty.
struct Window {
  AutoPad auto_pad = AutoPad::kNotSet;
  std::vector<int64_t> kernel, strides, dilations, pads;
  bool ceil_mode = false;

  int64_t stride(size_t axis) const { return strides.empty() ? 1 : strides[axis]; }
  int64_t dilation(size_t axis) const { return dilations.empty() ? 1 : dilations[axis]; }
  int64_t pad_begin(size_t axis) const { return pads.empty() ? 0 : pads[axis]; }
  int64_t pad_end(size_t axis) const { return pads.empty() ? 0 : pads[pads.size() / 2 + axis]; }
};

// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode; lists of unequal lengths and extents
// below 1 or beyond 2^31 are errors of the attribute. prefix: comes before each name.
Window read_window(const AttrReader& a, std::string_view prefix = "");
// The same for operators without weights: kernel_shape must be there, with values.
Window read_pool_window(const AttrReader& a);

// Why `w` does not fit `spatial` axes; "" if it does.
std::string window_problem(const Window& w, size_t spatial);

// Output extent of one axis; `kernel` may differ from w.kernel where it comes from the weights. -1 where the
// window is larger than the padded input (0 where the input is empty).
Dim window_extent(const Window& w, size_t axis, const Dim& in, int64_t kernel);

struct WindowAxis {
  int64_t kernel, stride, dilation, pad_begin, pad_end, out;
};
// The same with concrete extents, pads resolved. An error if the window is larger than the padded input.
Result<WindowAxis> resolve_window(const RunContext& c, const Window& w, size_t axis, int64_t in,
                                  int64_t kernel);

// Output 0 of a pooling operator: [N, C, window extents], type of input 0.
Result<SymShape> infer_pool_shape(InferContext& c, const Window& w, const SymShape& x);

}  // namespace ow
