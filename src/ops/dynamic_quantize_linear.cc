// DynamicQuantizeLinear: uint8 quantization with a range taken from the data, widened to hold 0.
//
//   y_scale = (max(0, max x) - min(0, min x)) / 255,   y_zero_point = round(saturate(-min / y_scale))
//   y = saturate(round(x / y_scale) + y_zero_point)
//
// All zeros: the scale is 1.
#include "ops/op/op.h"
#include "ops/op/quantization.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  c.set(0, DType::kUint8, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  c.set(1, DType::kFloat32, SymShape{});
  c.set(2, DType::kUint8, SymShape{});
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  float low = 0, high = 0;
  for (float v : x.span<float>()) {
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  const float scale = low == high ? 1.0f : (high - low) / 255.0f;
  const int64_t zero = quantize_value(-low / scale, 0, 0, 255);
  Tensor y = ONWARD_TRY(c.out(0, DType::kUint8, x.shape()));
  c.parallel_for(x.count(), 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      y.mutable_data<uint8_t>()[i] =
          static_cast<uint8_t>(quantize_value(x.data<float>()[i] / scale, zero, 0, 255));
  });
  if (c.wants(1)) ONWARD_TRY(c.out(1, DType::kFloat32, {})).mutable_data<float>()[0] = scale;
  if (c.wants(2))
    ONWARD_TRY(c.out(2, DType::kUint8, {})).mutable_data<uint8_t>()[0] = static_cast<uint8_t>(zero);
  return {};
}

}  // namespace

ONWARD_OPS(dynamic_quantize_linear) {
  return {op<NoAttrs>(
      {.name = "DynamicQuantizeLinear", .infer = infer, .run = run, .native = types<float, uint8_t>})};
}

}  // namespace ow
