// Multinomial: sample_size classes for each row of unnormalised log probabilities, with replacement: the
// class whose part of the running sum of exp(x - max x) holds u times the whole. Number (row * sample_size +
// sample) of the stream (ops/op/random.h) is u. A row without a finite, positive sum is an error.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/op/op.h"
#include "ops/op/random.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<float> seed;
  DType dtype = DType::kInt32;
  int64_t sample_size = 1;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{std::nullopt, a.dtype("dtype", DType::kInt32), a.integer("sample_size", 1)};
  if (a.has("seed")) attrs.seed = a.real("seed", 0);
  if (attrs.dtype != DType::kInt32 && attrs.dtype != DType::kInt64)
    a.fail("dtype", cat("is ", attrs.dtype, ", expected int32 or int64"));
  if (attrs.sample_size < 1) a.fail("sample_size", cat("is ", attrs.sample_size, ", expected 1 or more"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && x->size() != 2) return c.error("the input is ", list_text(*x), ", expected rank 2");
  c.set(0, a.dtype, SymShape{x ? (*x)[0] : Dim::unknown(), a.sample_size});
  return {};
}

// Running sums of exp(x - max x).
template <class T>
Result<std::vector<double>> running_sums(const RunContext& c, const T* x, int64_t classes, int64_t row) {
  std::vector<double> sums(static_cast<size_t>(classes));
  const double top = classes > 0 ? static_cast<double>(*std::max_element(x, x + classes)) : 0;
  double sum = 0;
  for (int64_t j = 0; j < classes; ++j)
    sums[static_cast<size_t>(j)] = sum += std::exp(static_cast<double>(x[j]) - top);
  if (!(sum > 0) || !std::isfinite(sum))
    return c.error("row ", row, " of the input has no class with a finite log probability, or a NaN");
  return sums;
}

template <class T, class Y>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 2) return c.error("the input has shape ", x.shape(), ", expected rank 2");
  const int64_t rows = x.dim(0), classes = x.dim(1);
  if (rows > 0 && (classes < 1 || classes > INT32_MAX))
    return c.error("the input has shape ", x.shape(), ", expected 1 to ", INT32_MAX, " classes");
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<Y>, {rows, a.sample_size}));
  const RandomStream stream(a.seed);
  for (int64_t row = 0; row < rows; ++row) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    const auto sums = ONWARD_TRY(running_sums(c, x.data<T>() + row * classes, classes, row));
    Y* out = y.mutable_data<Y>() + row * a.sample_size;
    c.parallel_for(a.sample_size, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double u = stream.uniform(static_cast<uint64_t>(row * a.sample_size + i)) * sums.back();
        auto chosen = std::upper_bound(sums.begin(), sums.end(), u);
        // u may round up to the whole; the class that completes the sum is the last one possible.
        if (chosen == sums.end()) chosen = std::lower_bound(sums.begin(), sums.end(), sums.back());
        out[i] = static_cast<Y>(chosen - sums.begin());
      }
    });
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const bool wide = c.in(0).dtype() == DType::kFloat64, longs = a.dtype == DType::kInt64;
  if (wide) return longs ? run_typed<double, int64_t>(a, c) : run_typed<double, int32_t>(a, c);
  return longs ? run_typed<float, int64_t>(a, c) : run_typed<float, int32_t>(a, c);
}

}  // namespace

ONWARD_OPS(multinomial) {
  return {op<Attrs>({.name = "Multinomial",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>,
                     .deterministic = false})};
}

}  // namespace ow
