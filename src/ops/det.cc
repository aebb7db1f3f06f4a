// Det: determinants of the square matrices in the last two axes, by LU decomposition with partial pivoting in
// double.
#include <cmath>

#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x) return {};
  const size_t rank = x->size();
  if (rank < 2) return c.error("input is ", list_text(*x), ", expected rank 2 or more");
  const Dim &rows = (*x)[rank - 2], &columns = (*x)[rank - 1];
  if (rows.is_constant() && columns.is_constant() && !(rows == columns))
    return c.error("input is ", list_text(*x), ", expected square matrices");
  c.set(0, c.dtype(0), SymShape(x->begin(), x->end() - 2));
  return {};
}

double determinant(double* m, int64_t n) {
  double det = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (std::fabs(m[i * n + k]) > std::fabs(m[pivot * n + k])) pivot = i;
    if (m[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      std::swap_ranges(m + k * n, m + (k + 1) * n, m + pivot * n);
      det = -det;
    }
    det *= m[k * n + k];
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = m[i * n + k] / m[k * n + k];
      for (int64_t j = k + 1; j < n; ++j) m[i * n + j] -= factor * m[k * n + j];
    }
  }
  return det;
}

template <class T>
Status run_typed(RunContext& c) {
  const Tensor& x = c.in(0);
  const int64_t n = x.shape().back();
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), Shape(x.shape().dims().subspan(0, x.rank() - 2))));
  std::vector<double> m(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < y.count(); ++i) {
    std::copy_n(x.data<T>() + i * n * n, n * n, m.begin());
    y.mutable_data<T>()[i] = static_cast<T>(determinant(m.data(), n));
    if (c.budget()) ONWARD_TRY(c.budget()->check());
  }
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() < 2 || x.dim(x.rank() - 1) != x.dim(x.rank() - 2))
    return c.error("input has shape ", x.shape(), ", expected square matrices");
  return x.dtype() == DType::kFloat64 ? run_typed<double>(c) : run_typed<float>(c);
}

}  // namespace

ONWARD_OPS(det) {
  return {op<NoAttrs>({.name = "Det", .infer = infer, .run = run, .native = types<float, double>})};
}

}  // namespace ow
