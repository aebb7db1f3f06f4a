// com.microsoft.SparseToDenseMatMul: y = alpha * op(a) @ op(b) of a sparse matrix a [m, k] and a dense one
// b [k, n], where transA and transB transpose. A sparse initializer arrives dense, and is taken as that.
//
// Each value a[r, c] adds alpha * a[r, c] * b[c, :] to row r of y, in the order in which the values are
// listed, so that every element has one summation order. Integers wrap around.
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  float alpha = 1;
  bool swap_a = false, swap_b = false;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.real("alpha", 1), a.flag("transA", false), a.flag("transB", false)};
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0, 1}, 2, 1));
  c.set_unknown_dims(0, c.dtype(1), 2);
  if (c.dtype(0) != DType::kUndefined && c.dtype(1) != DType::kUndefined && c.dtype(0) != c.dtype(1))
    return c.error("inputs are of types ", c.dtype(0), " and ", c.dtype(1), ", expected one type");
  if (!c.shape(0) || !c.shape(1)) return {};
  const SymShape &s = *c.shape(0), &d = *c.shape(1);
  if (s.size() != 2 || d.size() != 2)
    return c.error("inputs are ", c.type(0), " and ", c.type(1), ", expected two matrices");
  c.set(0, c.dtype(1), SymShape{s[a.swap_a ? 1 : 0], d[a.swap_b ? 0 : 1]});
  return {};
}

// The values of `a` and where they are, as row-major positions.
struct Entries {
  Tensor values, positions;  // without positions every element is listed
  int64_t rows = 0, columns = 0;
};

Result<Entries> entries_of(const RunContext& c) {
  if (const Tensor* t = c.value(0).tensor()) {
    if (t->rank() != 2) return c.error("input 0 has shape ", t->shape(), ", expected a matrix");
    return Entries{*t, {}, t->dim(0), t->dim(1)};
  }
  const SparseValue* s = c.value(0).sparse();
  if (!s) return c.error("input 0 is no sparse tensor");
  if (s->dense_shape.rank() != 2) return c.error("input 0 has shape ", s->dense_shape, ", expected a matrix");
  return Entries{s->values, s->indices, s->dense_shape[0], s->dense_shape[1]};
}

template <class T>
Status multiply(const Attrs& a, const RunContext& c, const Entries& e, const Tensor& b, Tensor& y) {
  using Work = std::conditional_t<std::is_integral_v<T>, std::make_unsigned_t<int64_t>, T>;
  const int64_t n = y.dim(1), step_row = a.swap_b ? 1 : n, step_column = a.swap_b ? b.dim(1) : 1;
  const int64_t *at = e.positions.has_value() ? e.positions.data<int64_t>() : nullptr,
                count = e.values.count();
  const bool pairs = at && e.positions.rank() == 2;
  for (int64_t i = 0; at && i < count; ++i) {
    const int64_t row = pairs ? at[2 * i] : at[i] / std::max<int64_t>(1, e.columns);
    const int64_t column = pairs ? at[2 * i + 1] : at[i] % std::max<int64_t>(1, e.columns);
    if (row < 0 || row >= e.rows || column < 0 || column >= e.columns)
      return c.error("value ", i, " of input 0 is at (", row, ", ", column, "), outside [", e.rows, ", ",
                     e.columns, "]");
  }
  const T *values = e.values.data<T>(), *dense = b.data<T>();
  T* out = y.mutable_data<T>();
  std::fill_n(out, y.count(), T{});
  const auto alpha = static_cast<Work>(static_cast<T>(a.alpha));
  c.parallel_for(
      n, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, count)), [&](int64_t begin, int64_t end) {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t place = at && !pairs ? at[i] : i;
          int64_t row = pairs ? at[2 * i] : place / e.columns,
                  column = pairs ? at[2 * i + 1] : place % e.columns;
          if (a.swap_a) std::swap(row, column);
          const Work factor = alpha * static_cast<Work>(values[i]);
          for (int64_t j = begin; j < end; ++j) {
            T& sum = out[row * n + j];
            sum = static_cast<T>(static_cast<Work>(sum) +
                                 factor * static_cast<Work>(dense[column * step_row + j * step_column]));
          }
        }
      });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Entries e = ONWARD_TRY(entries_of(c));
  const Tensor& b = c.in(1);
  if (b.rank() != 2) return c.error("input 1 has shape ", b.shape(), ", expected a matrix");
  const int64_t inner = a.swap_a ? e.rows : e.columns;
  if (inner != b.dim(a.swap_b ? 1 : 0))
    return c.error("input 0 is [", e.rows, ", ", e.columns, "] and input 1 ", b.shape(),
                   ", which cannot be multiplied");
  if (e.values.dtype() != b.dtype())
    return c.error("inputs are of types ", e.values.dtype(), " and ", b.dtype(), ", expected one type");
  Tensor y = ONWARD_TRY(c.out(0, b.dtype(), {a.swap_a ? e.columns : e.rows, b.dim(a.swap_b ? 0 : 1)}));
  switch (b.dtype()) {
    case DType::kFloat32:
      return multiply<float>(a, c, e, b, y);
    case DType::kFloat64:
      return multiply<double>(a, c, e, b, y);
    case DType::kInt32:
      return multiply<int32_t>(a, c, e, b, y);
    case DType::kUint32:
      return multiply<uint32_t>(a, c, e, b, y);
    case DType::kInt64:
      return multiply<int64_t>(a, c, e, b, y);
    case DType::kUint64:
      return multiply<uint64_t>(a, c, e, b, y);
    default:
      return c.error("inputs are of type ", b.dtype(), ", expected float, double, or 32- or 64-bit integers");
  }
}

}  // namespace

ONWARD_OPS(sparse_to_dense_matmul) {
  return {op<Attrs>(
      {.name = "SparseToDenseMatMul", .domain = kMicrosoft, .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
