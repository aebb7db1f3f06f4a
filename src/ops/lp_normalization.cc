// LpNormalization: y = x / norm along `axis`, norm = sum |x| (p = 1) or sqrt(sum x^2) (p = 2); 0 where it is
// 0.
#include <cmath>

#include "kernels/compensated_sum.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -1, p = 2;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("axis", -1), a.integer("p", 2)};
  if (attrs.p != 1 && attrs.p != 2) a.fail("p", cat("is ", attrs.p, ", expected 1 or 2"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.shape(0)) ONWARD_TRY(c.axis(a.axis, c.shape(0)->size()));
  return infer_same(c);
}

template <class T>
void normalize_line(const T* x, T* y, int64_t n, int64_t stride, int64_t p) {
  kernels::CompensatedSum sum;
  for (int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i * stride]);
    sum += p == 1 ? std::fabs(v) : v * v;
  }
  const double all = static_cast<double>(sum), norm = p == 1 ? all : std::sqrt(all);
  for (int64_t i = 0; i < n; ++i)
    y[i * stride] = norm == 0 ? T(0) : static_cast<T>(static_cast<double>(x[i * stride]) / norm);
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  const int64_t n = x.dim(axis), inner = x.shape().count(axis + 1, x.rank());
  c.parallel_for(x.count() / n, std::max<int64_t>(1, 8192 / n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t offset = i / inner * n * inner + i % inner;
      normalize_line(x.data<T>() + offset, y.mutable_data<T>() + offset, n, inner, a.p);
    }
  });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(lp_normalization) {
  return {op<Attrs>({.name = "LpNormalization",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>,
                     .layout = LayoutRule::kAlongAxes,
                     .in_place = {{0, 0}}})};
}

}  // namespace ow
