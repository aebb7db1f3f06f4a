// NonZero: the coordinates of all elements that are not zero (strings: not empty), as int64 [rank, count], in
// row-major order. A scalar gives [0, count].
#include "ops/op/move.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  c.set(0, DType::kInt64,
        SymShape{x ? Dim(static_cast<int64_t>(x->size())) : Dim::unknown(), Dim::unknown()});
  return {};
}

Result<Tensor> truth(const RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.dtype() == DType::kBool) return x;
  if (x.dtype() != DType::kString && !is_complex(x.dtype()))
    return convert(x, DType::kBool, true, Round::kUp, c.budget());
  Tensor out = ONWARD_TRY(Tensor::allocate(DType::kBool, x.shape(), c.budget()));
  auto set = [&]<class T>(std::span<const T> from) {
    for (size_t i = 0; i < from.size(); ++i) out.mutable_data<bool>()[i] = from[i] != T();
  };
  if (x.dtype() == DType::kString)
    set(x.span<std::string>());
  else if (x.dtype() == DType::kComplex64)
    set(x.span<std::complex<float>>());
  else
    set(x.span<std::complex<double>>());
  return out;
}

Status run(const NoAttrs&, RunContext& c) {
  Tensor set = ONWARD_TRY(truth(c));
  const bool* flags = set.data<bool>();
  const int64_t n = std::count(flags, flags + set.count(), true);
  const auto rank = static_cast<int64_t>(set.rank());
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {rank, n}));
  int64_t* to = y.mutable_data<int64_t>();
  Odometer at(set.shape().dims());
  for (int64_t i = 0, k = 0; i < set.count(); ++i, at.step()) {
    if (!flags[i]) continue;
    for (int64_t d = 0; d < rank; ++d) to[d * n + k] = at[static_cast<size_t>(d)];
    ++k;
  }
  return {};
}

}  // namespace

ONWARD_OPS(non_zero) { return {op<NoAttrs>({.name = "NonZero", .infer = infer, .run = run})}; }

}  // namespace ow
