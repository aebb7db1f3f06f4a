// Images as the spatial kernels want them: channels-last, one pixel stride for all spatial axes.
//
// An operator with LayoutRule::kChannelsLast sees [N, C, spatial...] shapes whose memory is [N][pixels][ld].
// Outside a plan (constant folding, tests) the same operator meets dense [N][C][pixels] memory; these
// functions stage such a tensor through scratch memory, so that a kernel call has one form.
#pragma once
#include "ops/op/run.h"

namespace ow {

// Elements from pixel to pixel if `t` (rank >= 2) is channels-last in memory; nullopt if it is not.
std::optional<int64_t> pixel_stride(const Tensor& t);

template <class T>
struct ImageInput {
  const T* data;
  int64_t ld;
};

struct ImageOutput {
  Tensor tensor;  // what c.out returned
  Tensor staged;  // channels-last; `tensor` itself or scratch memory
  int64_t ld = 0;
  template <class T>
  T* data() {
    return staged.mutable_data<T>();
  }
  // Copies what was staged to where it belongs.
  void finish(const RunContext& c);
};

// The same elements, channels-last: `t` itself or a copy in scratch memory. Not for sub-byte types.
Result<Tensor> channels_last(RunContext& c, const Tensor& t);

template <class T>
Result<ImageInput<T>> image_input(RunContext& c, const Tensor& t) {
  const Tensor image = ONWARD_TRY(channels_last(c, t));
  return ImageInput<T>{image.data<T>(), pixel_stride(image).value_or(t.dim(1))};
}

Result<ImageOutput> image_output(RunContext& c, size_t o, DType dtype, const Shape& shape);
Result<ImageOutput> image_output(RunContext& c, Tensor t);  // to be written into `t`
// The same for kernels that walk planes (below): staged only where those of `t` have no single pixel stride.
Result<ImageOutput> plane_output(RunContext& c, Tensor t);

// How a [N, C, ...] tensor lies in memory when its pixels can be walked with one stride: dense, channels-last
// or a slice of either.
struct Planes {
  int64_t batch, channels, pixels;
  int64_t batch_stride, channel_stride, pixel_stride;
};
// nullopt: its spatial axes do not merge. Rank >= 2 (rank 2: one pixel).
std::optional<Planes> planes(const Tensor& t);

}  // namespace ow
