#include "ops/op/image.h"

#include "kernels/transpose.h"

namespace ow {
namespace {

// Stride from pixel to pixel of axes [2, rank), or nullopt if they do not merge; 0 if there is one pixel.
std::optional<int64_t> merged_stride(const Tensor& t) {
  int64_t stride = 0, run = 1;
  for (size_t i = t.rank(); i-- > 2;) {
    if (t.dim(i) == 1) continue;
    if (stride == 0)
      stride = t.strides()[i];
    else if (t.strides()[i] != stride * run)
      return std::nullopt;
    run *= t.dim(i);
  }
  return stride;
}

Shape channels_last_strides(const Shape& shape) {
  Shape strides(shape.rank(), 1);
  int64_t step = shape[1];
  for (size_t i = shape.rank(); i-- > 2; step *= shape[i]) strides[i] = step;
  strides[0] = step;
  return strides;
}

void copy(const RunContext& c, const Tensor& from, Tensor& to) {
  kernels::copy_strided(from.raw(), from.strides().data(), to.mutable_raw(), to.strides().data(),
                        from.shape().data(), static_cast<int>(from.rank()), bit_width(from.dtype()) / 8,
                        c.threads());
}

Result<Tensor> staging(RunContext& c, DType dtype, const Shape& shape) {
  auto memory = ONWARD_TRY(c.scratch(storage_bytes(dtype, shape.count()).value_or(0)));
  return Tensor::borrow(dtype, shape, memory.data(), nullptr).strided(shape, channels_last_strides(shape));
}

}  // namespace

std::optional<int64_t> pixel_stride(const Tensor& t) {
  const int64_t channels = t.dim(1);
  if (t.count() == 0) return channels;
  if (channels > 1 && t.strides()[1] != 1) return std::nullopt;
  auto stride = merged_stride(t);
  if (!stride) return std::nullopt;
  const int64_t pixels = t.shape().count(2, t.rank());
  int64_t ld = *stride;
  if (pixels == 1) {
    // Only the batch tells pixels apart.
    ld = t.dim(0) == 1 ? channels : t.strides()[0];
  } else if (t.dim(0) > 1 && t.strides()[0] != ld * pixels) {
    return std::nullopt;
  }
  return ld >= channels ? std::optional(ld) : std::nullopt;
}

Result<Tensor> channels_last(RunContext& c, const Tensor& t) {
  if (pixel_stride(t)) return t;
  Tensor staged = ONWARD_TRY(staging(c, t.dtype(), t.shape()));
  copy(c, t, staged);
  return staged;
}

Result<ImageOutput> image_output(RunContext& c, size_t o, DType dtype, const Shape& shape) {
  return image_output(c, ONWARD_TRY(c.out(o, dtype, shape)));
}

Result<ImageOutput> image_output(RunContext& c, Tensor t) {
  ImageOutput out;
  out.tensor = std::move(t);
  const bool fits = pixel_stride(out.tensor).has_value();
  out.staged = fits ? out.tensor : ONWARD_TRY(staging(c, out.tensor.dtype(), out.tensor.shape()));
  out.ld = pixel_stride(out.staged).value_or(out.tensor.dim(1));
  return out;
}

Result<ImageOutput> plane_output(RunContext& c, Tensor t) {
  ImageOutput out{.tensor = t, .staged = t};
  if (!planes(t)) out.staged = ONWARD_TRY(staging(c, t.dtype(), t.shape()));
  return out;
}

void ImageOutput::finish(const RunContext& c) {
  if (staged.raw() != tensor.raw() && tensor.count() > 0) copy(c, staged, tensor);
}

std::optional<Planes> planes(const Tensor& t) {
  auto stride = merged_stride(t);
  if (!stride) return std::nullopt;
  return Planes{t.dim(0), t.dim(1), t.shape().count(2, t.rank()), t.strides()[0], t.strides()[1], *stride};
}

}  // namespace ow
