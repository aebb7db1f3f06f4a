// MeanVarianceNormalization: y = (x - mean) / (sqrt(var) + 1e-9), mean and population variance over `axes`.
#include <cmath>

#include "ops/op/op.h"
#include "ops/op/reduction.h"

namespace ow {
namespace {

struct Attrs {
  ir::Ints axes;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.integers("axes", {0, 2, 3})}; }

Status infer(const Attrs& a, InferContext& c) {
  if (c.shape(0))
    for (int64_t axis : a.axes) ONWARD_TRY(c.axis(axis, c.shape(0)->size()));
  return infer_same(c);
}

// Where the innermost axes of x are reduced or kept, its elements' kept index is found by coordinates.
template <class T, class F>
void visit(const RunContext& c, const Reduction& r, const F& f) {
  c.parallel_for(r.kept_count, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, r.reduced_count)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t k = begin; k < end; ++k) {
                     const int64_t base = Reduction::offset(r.kept, k);
                     for (int64_t i = 0; i < r.reduced_count; ++i)
                       f(k, base + Reduction::offset(r.reduced, i));
                   }
                 });
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  std::vector<bool> reduced(x.rank(), false);
  for (int64_t axis : a.axes) reduced[static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, x.rank())))] = true;
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  const Reduction r = reduction_of(x.shape(), reduced);
  auto mean = ONWARD_TRY(c.scratch_of<double>(r.kept_count));
  auto deviation = ONWARD_TRY(c.scratch_of<double>(r.kept_count));
  auto squares = ONWARD_TRY(c.scratch_of<kernels::CompensatedSum>(r.kept_count));
  const double n = static_cast<double>(r.reduced_count);
  const T* in = x.data<T>();
  T* out = y.mutable_data<T>();
  reduce(c, r, in, SumFold<T>{},
         [&](int64_t k, const auto& sum) { mean[static_cast<size_t>(k)] = static_cast<double>(sum) / n; });
  std::fill(squares.begin(), squares.end(), 0.0);
  visit<T>(c, r, [&](int64_t k, int64_t at) {
    const double d = static_cast<double>(in[at]) - mean[static_cast<size_t>(k)];
    squares[static_cast<size_t>(k)] += d * d;
  });
  for (size_t k = 0; k < squares.size(); ++k)
    deviation[k] = std::sqrt(static_cast<double>(squares[k]) / n) + 1e-9;
  visit<T>(c, r, [&](int64_t k, int64_t at) {
    out[at] = static_cast<T>((static_cast<double>(in[at]) - mean[static_cast<size_t>(k)]) /
                             deviation[static_cast<size_t>(k)]);
  });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(mean_variance_normalization) {
  return {op<Attrs>({.name = "MeanVarianceNormalization",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>})};
}

}  // namespace ow
