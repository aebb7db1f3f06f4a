// DequantizeLinear: y = (x - x_zero_point) * x_scale, with one scale for all, one per index of `axis`, or one
// per block. The product is taken in float and rounded to the output's type.
#include "ops/op/op.h"
#include "ops/op/quantization.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 1, block_size = 0;
  DType output = DType::kUndefined;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.axis = a.integer("axis", 1), .block_size = a.integer("block_size", 0)};
  if (a.integer("output_dtype", 0) != 0) attrs.output = a.dtype("output_dtype", DType::kUndefined);
  if (attrs.block_size < 0) a.fail("block_size", "is negative");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  c.set(0, a.output != DType::kUndefined ? a.output : c.dtype(1),
        c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

template <class T>
void dequantize(const RunContext& c, const Granularity& g, const Tensor& x, const float* scale,
                const Tensor& zeros, float* y) {
  const T* from = x.data<T>();
  const T* zero = zeros.has_value() ? zeros.data<T>() : nullptr;
  // int32 differences need 64 bits, the narrower ones fit a float exactly.
  using Wide = std::conditional_t<std::is_same_v<T, float>, float,
                                  std::conditional_t<std::is_same_v<T, int32_t>, int64_t, int32_t>>;
  for_each_piece(c, g, x.count(), [&](int64_t first, int64_t n, int64_t at) {
    if (g.step == 0) {
      const Wide z = zero ? static_cast<Wide>(zero[at]) : Wide(0);
      const float s = scale[at];
      for (int64_t i = first; i < first + n; ++i)
        y[i] = static_cast<float>(static_cast<Wide>(from[i]) - z) * s;
      return;
    }
    for (int64_t i = 0; i < n; ++i) {
      const Wide z = zero ? static_cast<Wide>(zero[at + i]) : Wide(0);
      y[first + i] = static_cast<float>(static_cast<Wide>(from[first + i]) - z) * scale[at + i];
    }
  });
}

// The type that x is read in.
DType working_type(DType t) {
  if (!is_integer(t)) return DType::kFloat32;
  return !is_sub_byte(t) ? t : is_signed_integer(t) ? DType::kInt8 : DType::kUint8;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& given = c.in(0);
  const Granularity g = ONWARD_TRY(granularity(c, given.shape(), c.in(1).shape(), a.axis, a.block_size));
  const DType type = working_type(given.dtype());
  const Tensor x = ONWARD_TRY(convert(given, type, true, Round::kUp, c.budget()));
  const Tensor scale = ONWARD_TRY(convert(c.in(1), DType::kFloat32));
  Tensor zero;
  if (c.has(2)) {
    if (c.in(2).count() != scale.count())
      return c.error("x_zero_point has shape ", c.in(2).shape(), ", expected that of x_scale, ",
                     scale.shape());
    zero = ONWARD_TRY(convert(c.in(2), type));
  }
  const DType output = a.output != DType::kUndefined ? a.output : c.in(1).dtype();
  Tensor y = ONWARD_TRY(c.out(0, output, given.shape()));
  if (y.count() == 0) return {};
  Tensor wide = y;
  if (output != DType::kFloat32)
    wide = Tensor::borrow(DType::kFloat32, given.shape(), ONWARD_TRY(c.scratch_of<float>(y.count())).data(),
                          nullptr);
  float* out = wide.mutable_data<float>();
  const float* s = scale.data<float>();
  switch (type) {
    case DType::kInt8:
      dequantize<int8_t>(c, g, x, s, zero, out);
      break;
    case DType::kUint8:
      dequantize<uint8_t>(c, g, x, s, zero, out);
      break;
    case DType::kInt16:
      dequantize<int16_t>(c, g, x, s, zero, out);
      break;
    case DType::kUint16:
      dequantize<uint16_t>(c, g, x, s, zero, out);
      break;
    case DType::kInt32:
      dequantize<int32_t>(c, g, x, s, zero, out);
      break;
    case DType::kFloat32:
      dequantize<float>(c, g, x, s, zero, out);
      break;
    default:
      return c.error("input 0 is of type ", given.dtype(), ", expected a quantized type");
  }
  return output == DType::kFloat32 ? Status() : convert_into(wide, y);
}

}  // namespace

ONWARD_OPS(dequantize_linear) {
  return {op<Attrs>({.name = "DequantizeLinear", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
