// QuantizeLinear: y = saturate(round(x / y_scale) + y_zero_point), ties to even; for float8 and float4 the
// quotient plus zero point is rounded to the type. One scale for all, one per index of `axis`, or one per
// block.
//
// The quotient is taken in the type of y_scale (or `precision`): float, or rounded to float16 or bfloat16.
#include "ops/op/op.h"
#include "ops/op/quantization.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 1, block_size = 0;
  DType output = DType::kUndefined, precision = DType::kUndefined;
  bool saturate = true;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.axis = a.integer("axis", 1), .block_size = a.integer("block_size", 0)};
  attrs.saturate = a.flag("saturate", true);
  if (a.integer("output_dtype", 0) != 0) attrs.output = a.dtype("output_dtype", DType::kUndefined);
  if (a.integer("precision", 0) != 0) attrs.precision = a.dtype("precision", DType::kUndefined);
  if (attrs.block_size < 0) a.fail("block_size", "is negative");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  DType dtype = a.output;
  if (c.has(2)) {
    if (dtype != DType::kUndefined && c.dtype(2) != DType::kUndefined && dtype != c.dtype(2))
      return c.error("output_dtype is ", dtype, " but y_zero_point is of type ", c.dtype(2));
    dtype = c.dtype(2);
  } else if (dtype == DType::kUndefined) {
    dtype = DType::kUint8;
  }
  c.set(0, dtype, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

struct Parameters {
  Granularity g;
  Tensor x, scale, zero;  // float, float, int32 or float
  DType precision, output;
  bool saturate;

  double quotient(int64_t i, int64_t parameter) const {
    const float q = x.data<float>()[i] / scale.data<float>()[parameter];
    return precision == DType::kFloat32 ? q : decode_narrow(encode_narrow(q, precision), precision);
  }
};

template <class T>
void quantize_integers(const RunContext& c, const Parameters& p, T* y) {
  const auto [low, high] = integer_range(p.output);
  const int32_t* zero = p.zero.has_value() ? p.zero.data<int32_t>() : nullptr;
  const bool single = p.precision == DType::kFloat32 && p.g.step == 0;
  for_each_piece(c, p.g, p.x.count(), [&, low = low, high = high](int64_t first, int64_t n, int64_t at) {
    if (single) {
      // Clamped before it is rounded: the bounds are whole numbers, so the result is the same.
      const float s = p.scale.data<float>()[at], z = static_cast<float>(zero ? zero[at] : 0);
      const float least = static_cast<float>(low) - z, most = static_cast<float>(high) - z;
      const float* x = p.x.data<float>() + first;
      for (int64_t i = 0; i < n; ++i) {
        float q = x[i] / s;
        q = q == q ? q : 0.0f;
        q = q < least ? least : q > most ? most : q;
        y[first + i] = static_cast<T>(static_cast<int32_t>(__builtin_nearbyintf(q) + z));
      }
      return;
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t k = at + i * p.g.step;
      y[first + i] = static_cast<T>(quantize_value(p.quotient(first + i, k), zero ? zero[k] : 0, low, high));
    }
  });
}

void quantize_narrow_floats(const RunContext& c, const Parameters& p, uint8_t* codes) {
  const float* zero = p.zero.has_value() ? p.zero.data<float>() : nullptr;
  for_each_piece(c, p.g, p.x.count(), [&](int64_t first, int64_t n, int64_t at) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t k = at + i * p.g.step;
      const float v = static_cast<float>(p.quotient(first + i, k)) + (zero ? zero[k] : 0);
      codes[first + i] = static_cast<uint8_t>(encode_narrow(v, p.output, p.saturate));
    }
  });
}

Result<Parameters> parameters(const Attrs& a, RunContext& c) {
  Parameters p;
  p.output = c.has(2) ? c.in(2).dtype() : a.output != DType::kUndefined ? a.output : DType::kUint8;
  p.precision = a.precision != DType::kUndefined ? a.precision : c.in(1).dtype();
  if (p.precision != DType::kFloat16 && p.precision != DType::kBfloat16) p.precision = DType::kFloat32;
  p.saturate = a.saturate;
  p.g = ONWARD_TRY(granularity(c, c.in(0).shape(), c.in(1).shape(), a.axis, a.block_size));
  p.x = ONWARD_TRY(convert(c.in(0), DType::kFloat32, true, Round::kUp, c.budget()));
  p.scale = ONWARD_TRY(convert(c.in(1), DType::kFloat32));
  if (c.has(2)) {
    if (c.in(2).count() != c.in(1).count())
      return c.error("y_zero_point has shape ", c.in(2).shape(), ", expected that of y_scale, ",
                     c.in(1).shape());
    p.zero = ONWARD_TRY(convert(c.in(2), is_integer(p.output) ? DType::kInt32 : DType::kFloat32));
  }
  return p;
}

Status run(const Attrs& a, RunContext& c) {
  const Parameters p = ONWARD_TRY(parameters(a, c));
  Tensor y = ONWARD_TRY(c.out(0, p.output, c.in(0).shape()));
  if (y.count() == 0) return {};
  switch (p.output) {
    case DType::kUint8:
      quantize_integers(c, p, y.mutable_data<uint8_t>());
      return {};
    case DType::kInt8:
      quantize_integers(c, p, y.mutable_data<int8_t>());
      return {};
    case DType::kUint16:
      quantize_integers(c, p, y.mutable_data<uint16_t>());
      return {};
    case DType::kInt16:
      quantize_integers(c, p, y.mutable_data<int16_t>());
      return {};
    default:
      break;
  }
  if (bit_width(p.output) > 8)
    return c.error("the output's type is ", p.output, ", expected one of 2 to 16 bits");
  const bool packed = is_sub_byte(p.output);
  auto* codes = packed ? ONWARD_TRY(c.scratch_of<uint8_t>(y.count())).data()
                       : reinterpret_cast<uint8_t*>(y.mutable_raw());
  if (is_integer(p.output))
    quantize_integers(c, p, codes);
  else
    quantize_narrow_floats(c, p, codes);
  if (packed) pack(codes, p.output, y.count(), y.mutable_raw());
  return {};
}

}  // namespace

ONWARD_OPS(quantize_linear) {
  return {op<Attrs>({.name = "QuantizeLinear", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
