// ConvInteger: convolution of 8-bit tensors less their zero points, in int32; positions in the padding count
// as the zero point. QLinearConv: the same, the bias added, then
//
//   y = saturate(round(sum * x_scale * w_scale[o] / y_scale) + y_zero_point)
#include "kernels/conv_reference.h"
#include "ops/op/convolution.h"
#include "ops/op/op.h"
#include "ops/op/quantization.h"

namespace ow {
namespace {

Result<ConvAttrs> read(const AttrReader& a) { return read_conv(a); }
Status infer_integer(const ConvAttrs& a, InferContext& c) { return infer_conv(a, c, DType::kInt32, 0, 1); }
Status infer_quantized(const ConvAttrs& a, InferContext& c) { return infer_conv(a, c, c.dtype(7), 0, 3); }

// Which inputs hold what; -1: the operator has none.
struct Inputs {
  size_t w, x_zero, w_zero;
};

template <class TX, class TW>
Status sums_of(RunContext& c, const Inputs& in, kernels::ConvShape s, const int32_t* bias, int32_t* out) {
  const auto x = ONWARD_TRY(image_input<TX>(c, c.in(0)));
  s.in_ld = x.ld;
  kernels::ReferenceConv<TX, TW, int32_t> conv{
      .shape = s, .in = x.data, .w = c.in(in.w).data<TW>(), .bias = bias, .out = out};
  if (c.has(in.x_zero)) {
    if (c.in(in.x_zero).count() != 1)
      return c.error("the input's zero point has shape ", c.in(in.x_zero).shape(), ", expected one value");
    conv.in_zero = c.in(in.x_zero).data<TX>()[0];
  }
  if (c.has(in.w_zero)) {
    const int64_t count = c.in(in.w_zero).count();
    if (count != 1 && count != s.out_channels)
      return c.error("the weights' zero point has shape ", c.in(in.w_zero).shape(),
                     ", expected one value or ", s.out_channels);
    conv.w_zero = c.in(in.w_zero).data<TW>();
    conv.w_zero_step = count > 1;
  }
  conv.run(c.threads());
  return {};
}

// Sums into channels-last `out` with s.out_ld elements a pixel.
Status sums(RunContext& c, const Inputs& in, const kernels::ConvShape& s, const int32_t* bias, int32_t* out) {
  const bool x_signed = c.in(0).dtype() == DType::kInt8, w_signed = c.in(in.w).dtype() == DType::kInt8;
  if (x_signed)
    return w_signed ? sums_of<int8_t, int8_t>(c, in, s, bias, out)
                    : sums_of<int8_t, uint8_t>(c, in, s, bias, out);
  return w_signed ? sums_of<uint8_t, int8_t>(c, in, s, bias, out)
                  : sums_of<uint8_t, uint8_t>(c, in, s, bias, out);
}

Status run_integer(const ConvAttrs& a, RunContext& c) {
  Shape shape;
  kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), c.in(1).shape(), shape));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kInt32, shape));
  if (y.tensor.count() == 0) return {};
  s.out_ld = y.ld;
  ONWARD_TRY(sums(c, {1, 2, 3}, s, nullptr, y.data<int32_t>()));
  y.finish(c);
  return {};
}

// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B
Status run_quantized(const ConvAttrs& a, RunContext& c) {
  Shape shape;
  kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), c.in(3).shape(), shape));
  const int64_t scales = c.in(4).count();
  if (c.in(1).count() != 1 || c.in(6).count() != 1 || c.in(7).count() != 1 ||
      (scales != 1 && scales != s.out_channels))
    return c.error("expected one x_scale, y_scale and y_zero_point, and one w_scale or ", s.out_channels);
  if (c.has(8) && !(c.in(8).shape() == Shape{s.out_channels}))
    return c.error("the bias has shape ", c.in(8).shape(), ", expected [", s.out_channels, "]");
  const DType type = c.in(7).dtype();
  ImageOutput y = ONWARD_TRY(image_output(c, 0, type, shape));
  if (y.tensor.count() == 0) return {};
  s.out_ld = s.out_channels;
  auto all = ONWARD_TRY(c.scratch_of<int32_t>(y.tensor.count()));
  ONWARD_TRY(sums(c, {3, 2, 5}, s, c.has(8) ? c.in(8).data<int32_t>() : nullptr, all.data()));
  const auto [low, high] = integer_range(type);
  const int64_t zero = type == DType::kInt8 ? c.in(7).data<int8_t>()[0] : c.in(7).data<uint8_t>()[0];
  const float *w_scale = c.in(4).data<float>(), x_scale = c.in(1).data<float>()[0],
              y_scale = c.in(6).data<float>()[0];
  std::byte* out = y.staged.mutable_raw();
  c.parallel_for(s.batch * s.out_pixels(), std::max<int64_t>(1, 8192 / s.out_channels),
                 [&, low = low, high = high](int64_t begin, int64_t end) {
                   for (int64_t p = begin; p < end; ++p)
                     for (int64_t o = 0; o < s.out_channels; ++o) {
                       const float scale = x_scale * w_scale[scales > 1 ? o : 0] / y_scale;
                       const double v =
                           static_cast<double>(all[static_cast<size_t>(p * s.out_channels + o)]) *
                           double{scale};
                       out[p * y.ld + o] = static_cast<std::byte>(quantize_value(v, zero, low, high) & 0xff);
                     }
                 });
  y.finish(c);
  return {};
}

}  // namespace

ONWARD_OPS(conv_integer) {
  return {op<ConvAttrs>({.name = "ConvInteger",
                         .read = read,
                         .infer = infer_integer,
                         .run = run_integer,
                         .native = types<int8_t, uint8_t, int32_t>,
                         .layout = LayoutRule::kChannelsLast}),
          op<ConvAttrs>({.name = "QLinearConv",
                         .read = read,
                         .infer = infer_quantized,
                         .run = run_quantized,
                         .native = types<int8_t, uint8_t, int32_t, float>,
                         .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
