// LayerNormalization: y = (x - mean) / sqrt(var + epsilon) * Scale + B over the axes from `axis` on.
// RMSNormalization: y = x / sqrt(mean(x^2) + epsilon) * scale.
//
// Float rows go through kernels/normalize.h; a double row's sums take two passes, in order. Scale and B
// broadcast to x; one that repeats in any way other than whole rows is spread to x's shape first.
#include <cmath>

#include "kernels/compensated_sum.h"
#include "kernels/normalize.h"
#include "kernels/transpose.h"
#include "ops/op/op.h"
#include "ops/op/widen.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  DType stash = DType::kFloat32;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("axis", -1), a.real("epsilon", 1e-5f), a.dtype("stash_type", DType::kFloat32)};
  if (!is_floating(attrs.stash)) a.fail("stash_type", "is no floating type");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  // RMSNormalization: the type of the scale.
  c.set(0, c.dtype(c.inputs() > 1 && c.has(1) ? 1 : 0), x ? std::optional(*x) : std::nullopt);
  std::optional<SymShape> rows;
  if (x) {
    const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, x->size())));
    for (size_t i = 1; i < 3; ++i)
      if (c.shape(i)) {
        if (c.shape(i)->size() > x->size())
          return c.error("input ", i, " is ", list_text(*c.shape(i)), ", which does not broadcast to ",
                         list_text(*x));
        ONWARD_TRY(c.broadcast(*x, *c.shape(i)));
      }
    rows = *x;
    for (size_t i = axis; i < x->size(); ++i) (*rows)[i] = 1;
  }
  for (size_t o = 1; o < c.outputs(); ++o) c.set(o, a.stash, rows);
  return {};
}

// `t` as rows of n: {data, elements from row to row} with 0 where all rows are the same.
template <class T>
struct Rows {
  const T* data = nullptr;
  int64_t step = 0;
};

template <class T>
Result<Rows<T>> rows_of(RunContext& c, size_t input, size_t axis) {
  if (!c.has(input)) return Rows<T>{};
  const Shape& x = c.in(0).shape();
  const Tensor& t = c.in(input);
  auto both = broadcast(x, t.shape());
  if (!both || !(*both == x))
    return c.error("input ", input, " of shape ", t.shape(), " does not broadcast to ", x);
  if (t.shape() == x) return Rows<T>{t.data<T>(), x.count(axis, x.rank())};
  if (t.count() == x.count(axis, x.rank())) {
    // Leading extents of 1, then the normalized axes.
    bool whole = true;
    for (size_t i = 0; i < t.rank(); ++i) {
      const size_t at = i + x.rank() - t.rank();
      whole &= at < axis ? t.dim(i) == 1 : t.dim(i) == x[at];
    }
    if (whole) return Rows<T>{t.data<T>(), 0};
  }
  Shape strides(x.rank(), 0);
  const Shape dense = dense_strides(t.shape());
  for (size_t i = 0; i < t.rank(); ++i)
    if (t.dim(i) != 1) strides[i + x.rank() - t.rank()] = dense[i];
  auto spread = ONWARD_TRY(c.scratch_of<T>(x.count()));
  kernels::copy_strided(t.raw(), strides.data(), spread.data(), dense_strides(x).data(), x.data(),
                        static_cast<int>(x.rank()), sizeof(T), c.threads());
  return Rows<T>{spread.data(), x.count(axis, x.rank())};
}

kernels::RowStatistics normalize(const kernels::NormalizeRow& row) { return kernels::normalize_row(row); }

struct DoubleRow {
  const double* x;
  double* y;
  int64_t n;
  double epsilon;
  bool centred;
  const double* scale;
  const double* bias;
};

template <class T>
using Row = std::conditional_t<std::is_same_v<T, double>, DoubleRow, kernels::NormalizeRow>;

kernels::RowStatistics normalize(const DoubleRow& r) {
  const auto mean_of = [&](auto term) {
    kernels::CompensatedSum sum;
    for (int64_t i = 0; i < r.n; ++i) sum += term(r.x[i]);
    return static_cast<double>(sum) / static_cast<double>(r.n);
  };
  const double mean = r.centred ? mean_of([](double x) { return x; }) : 0;
  const double square = mean_of([mean](double x) { return (x - mean) * (x - mean); });
  const double inverse = 1 / std::sqrt(square + r.epsilon);
  for (int64_t i = 0; i < r.n; ++i)
    r.y[i] = (r.x[i] - mean) * inverse * r.scale[i] + (r.bias ? r.bias[i] : 0);
  return {mean, inverse};
}

void store(Tensor& t, int64_t i, double v) {
  switch (t.dtype()) {
    case DType::kFloat64:
      t.mutable_data<double>()[i] = v;
      break;
    case DType::kFloat32:
      t.mutable_data<float>()[i] = static_cast<float>(v);
      break;
    default:  // float16, bfloat16
      reinterpret_cast<uint16_t*>(t.mutable_raw())[i] = encode_narrow(static_cast<float>(v), t.dtype());
  }
}

template <class T, bool kCentred>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const int64_t n = x.shape().count(axis, x.rank()), rows = x.shape().count(0, axis);
  const auto scale = ONWARD_TRY(rows_of<T>(c, 1, axis)), bias = ONWARD_TRY(rows_of<T>(c, 2, axis));
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  Shape row_shape = x.shape();
  for (size_t i = axis; i < x.rank(); ++i) row_shape[i] = 1;
  Tensor means, inverses;
  if (c.wants(1)) means = ONWARD_TRY(c.out(1, a.stash, row_shape));
  if (c.wants(2)) inverses = ONWARD_TRY(c.out(2, a.stash, row_shape));
  if (rows == 0) return {};
  c.parallel_for(rows, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto s =
          normalize(Row<T>{x.data<T>() + r * n, y.mutable_data<T>() + r * n, n, double{a.epsilon}, kCentred,
                           scale.data + r * scale.step, bias.data ? bias.data + r * bias.step : nullptr});
      if (means.has_value()) store(means, r, s.mean);
      if (inverses.has_value()) store(inverses, r, s.inverse);
    }
  });
  return {};
}

template <bool kCentred>
Status run(const Attrs& a, RunContext& c) {
  if (c.in(1).dtype() != c.in(0).dtype())
    return c.error("inputs 0 and 1 are of types ", c.in(0).dtype(), " and ", c.in(1).dtype(),
                   ", expected one");
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double, kCentred>(a, c)
                                            : run_typed<float, kCentred>(a, c);
}

template <bool kCentred>
std::unique_ptr<Op> row(std::string_view name) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .run = run<kCentred>,
                    .native = types<float, double> | kOneFloat,
                    .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(layer_normalization) { return {row<true>("LayerNormalization"), row<false>("RMSNormalization")}; }

}  // namespace ow
