// MatMulInteger: the product of 8-bit matrices less their zero points, in int32.
// QLinearMatMul: the same, then y = saturate(round(sum * a_scale * b_scale / y_scale) + y_zero_point).
//
// A zero point (scale) is one number, one per row of A ([M] or [.., M, 1]) or per column of B ([N] or [.., 1,
// N]). Where an operand or the result of QLinearMatMul is float8, all are multiplied as floats.
#include <cmath>

#include "kernels/gemm_generic.h"
#include "ops/op/matrix.h"
#include "ops/op/op.h"
#include "ops/op/quantization.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Status infer_integer(const NoAttrs&, InferContext& c) { return infer_matmul(c, DType::kInt32, 0, 1); }
Status infer_quantized(const NoAttrs&, InferContext& c) { return infer_matmul(c, c.dtype(7), 0, 3); }

// Values along one side of the product: where those of batch entry i start, and their step.
struct Side {
  int64_t step = 0, per_matrix = 0;
  int64_t at(int64_t matrix) const { return matrix * per_matrix; }
};

Result<Side> side(const RunContext& c, size_t input, int64_t extent, int64_t matrices) {
  const int64_t count = c.in(input).count();
  if (count == 1) return Side{};
  if (count == extent) return Side{1, 0};
  if (count == extent * matrices) return Side{1, extent};
  return c.error("input ", input, " has shape ", c.in(input).shape(), ", expected one value or ", extent,
                 " of each matrix");
}

struct ZeroPoints {
  Side a, b;
};

template <class TA, class TB>
void multiply(const RunContext& c, const MatMulShape& s, const TA* a, const TB* b, const TA* a_zero,
              const TB* b_zero, const ZeroPoints& z, int32_t* out) {
  for (int64_t i = 0; i < s.batch; ++i) {
    const auto ia = s.a_index[static_cast<size_t>(i)], ib = s.b_index[static_cast<size_t>(i)];
    kernels::GenericGemm<TA, TB, int32_t> g{.m = s.m,
                                            .n = s.n,
                                            .k = s.k,
                                            .a = {a + ia * s.m * s.k, s.k, 1},
                                            .b = {b + ib * s.k * s.n, s.n, 1},
                                            .c = out + i * s.m * s.n,
                                            .ldc = s.n,
                                            .a_zero = a_zero ? a_zero + z.a.at(ia) : nullptr,
                                            .a_zero_step = static_cast<int>(z.a.step),
                                            .b_zero = b_zero ? b_zero + z.b.at(ib) : nullptr,
                                            .b_zero_step = static_cast<int>(z.b.step)};
    g.run(c.threads());
  }
}

template <class TA>
Status multiply_by(const RunContext& c, const MatMulShape& s, size_t b, size_t a_zero, size_t b_zero,
                   int32_t* out) {
  ZeroPoints z;
  if (c.has(a_zero)) z.a = ONWARD_TRY(side(c, a_zero, s.m, s.a_matrices));
  if (c.has(b_zero)) z.b = ONWARD_TRY(side(c, b_zero, s.n, s.b_matrices));
  const TA* az = c.has(a_zero) ? c.in(a_zero).data<TA>() : nullptr;
  if (c.in(b).dtype() == DType::kInt8)
    multiply(c, s, c.in(0).data<TA>(), c.in(b).data<int8_t>(), az,
             c.has(b_zero) ? c.in(b_zero).data<int8_t>() : nullptr, z, out);
  else
    multiply(c, s, c.in(0).data<TA>(), c.in(b).data<uint8_t>(), az,
             c.has(b_zero) ? c.in(b_zero).data<uint8_t>() : nullptr, z, out);
  return {};
}

Status integer_product(const RunContext& c, const MatMulShape& s, size_t b, size_t a_zero, size_t b_zero,
                       int32_t* out) {
  return c.in(0).dtype() == DType::kInt8 ? multiply_by<int8_t>(c, s, b, a_zero, b_zero, out)
                                         : multiply_by<uint8_t>(c, s, b, a_zero, b_zero, out);
}

Status run_integer(const NoAttrs&, RunContext& c) {
  const MatMulShape s = ONWARD_TRY(matmul_shape(c, c.in(0).shape(), c.in(1).shape()));
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt32, s.out));
  return y.count() == 0 ? Status() : integer_product(c, s, 1, 2, 3, y.mutable_data<int32_t>());
}

// Combined scale of element (i, row, column) of the batch.
struct Scales {
  const float *a, *b;
  Side of_a, of_b;
  float y;
  float at(int64_t ia, int64_t ib, int64_t row, int64_t column) const {
    return a[of_a.at(ia) + row * of_a.step] * b[of_b.at(ib) + column * of_b.step] / y;
  }
};

Result<Scales> scales(const RunContext& c, const MatMulShape& s) {
  if (c.in(6).count() != 1) return c.error("y_scale has shape ", c.in(6).shape(), ", expected one value");
  const Side a = ONWARD_TRY(side(c, 1, s.m, s.a_matrices)), b = ONWARD_TRY(side(c, 4, s.n, s.b_matrices));
  return Scales{c.in(1).data<float>(), c.in(4).data<float>(), a, b, c.in(6).data<float>()[0]};
}

template <class F>
void for_each_element(const MatMulShape& s, F f) {
  for (int64_t i = 0; i < s.batch; ++i)
    for (int64_t row = 0; row < s.m; ++row)
      for (int64_t column = 0; column < s.n; ++column)
        f((i * s.m + row) * s.n + column, s.a_index[static_cast<size_t>(i)],
          s.b_index[static_cast<size_t>(i)], row, column);
}

// Operands of any 8-bit types, by way of float.
Status run_floats(RunContext& c, const MatMulShape& s) {
  const Scales k = ONWARD_TRY(scales(c, s));
  const Side za = ONWARD_TRY(side(c, 2, s.m, s.a_matrices)), zb = ONWARD_TRY(side(c, 5, s.n, s.b_matrices));
  const DType type = c.in(7).dtype();
  Tensor y = ONWARD_TRY(c.out(0, type, s.out));
  if (y.count() == 0) return {};
  Tensor wide[8];
  for (size_t i : {0, 2, 3, 5, 7})
    wide[i] = ONWARD_TRY(convert(c.in(i), DType::kFloat32, true, Round::kUp, c.budget()));
  Tensor sums = ONWARD_TRY(Tensor::allocate(DType::kFloat32, Shape(s.out), c.budget()));
  const float *a = wide[0].data<float>(), *b = wide[3].data<float>();
  const float *a_zero = wide[2].data<float>(), *b_zero = wide[5].data<float>();
  const float zero = wide[7].data<float>()[0];
  for_each_element(s, [&](int64_t at, int64_t ia, int64_t ib, int64_t row, int64_t column) {
    const float z = a_zero[za.at(ia) + row * za.step], w = b_zero[zb.at(ib) + column * zb.step];
    float sum = 0;
    for (int64_t i = 0; i < s.k; ++i)
      sum += (a[(ia * s.m + row) * s.k + i] - z) * (b[(ib * s.k + i) * s.n + column] - w);
    const float v = sum * k.at(ia, ib, row, column);
    sums.mutable_data<float>()[at] = (is_integer(type) ? std::nearbyint(v) : v) + zero;
  });
  return convert_into(sums, y);
}

Status run_quantized(const NoAttrs&, RunContext& c) {
  const MatMulShape s = ONWARD_TRY(matmul_shape(c, c.in(0).shape(), c.in(3).shape()));
  if (c.in(7).count() != 1)
    return c.error("y_zero_point has shape ", c.in(7).shape(), ", expected one value");
  for (size_t i : {0, 3, 7})
    if (is_floating(c.in(i).dtype())) return run_floats(c, s);
  const Scales k = ONWARD_TRY(scales(c, s));
  const DType type = c.in(7).dtype();
  if (type != DType::kInt8 && type != DType::kUint8)
    return c.error("y_zero_point is of type ", type, ", expected int8 or uint8");
  Tensor y = ONWARD_TRY(c.out(0, type, s.out));
  if (y.count() == 0) return {};
  auto sums = ONWARD_TRY(c.scratch_of<int32_t>(y.count()));
  ONWARD_TRY(integer_product(c, s, 3, 2, 5, sums.data()));
  const auto [low, high] = integer_range(type);
  const int64_t zero = type == DType::kInt8 ? c.in(7).data<int8_t>()[0] : c.in(7).data<uint8_t>()[0];
  for_each_element(s, [&, low = low, high = high](int64_t at, int64_t ia, int64_t ib, int64_t row,
                                                  int64_t column) {
    const double v = static_cast<double>(sums[static_cast<size_t>(at)]) * double{k.at(ia, ib, row, column)};
    y.mutable_raw()[at] = static_cast<std::byte>(quantize_value(v, zero, low, high) & 0xff);
  });
  return {};
}

}  // namespace

ONWARD_OPS(matmul_integer) {
  return {op<NoAttrs>({.name = "MatMulInteger",
                       .infer = infer_integer,
                       .run = run_integer,
                       .native = types<int8_t, uint8_t, int32_t>}),
          op<NoAttrs>(
              {.name = "QLinearMatMul",
               .infer = infer_quantized,
               .run = run_quantized,
               .native =
                   types<int8_t, uint8_t, float, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ>})};
}

}  // namespace ow
