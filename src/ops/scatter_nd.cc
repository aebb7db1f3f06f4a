// ScatterND: a copy of the data in which the blocks that the last axis of the indices addresses become, or
// are reduced with, the blocks of the updates. updates.shape = indices.shape[:-1] + data.shape[k:].
#include <atomic>

#include "ops/op/move.h"
#include "ops/op/op.h"
#include "ops/op/scatter.h"

namespace ow {
namespace {

constexpr int64_t kGrain = 4096;  // offsets that are worth a thread

struct Attrs {
  ScatterReduction reduction = ScatterReduction::kNone;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.reduction = read_reduction(a)}; }

Status infer(const Attrs&, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  if (indices && indices->empty()) return c.error("indices are a scalar, expected rank 1 or more");
  if (x && indices && indices->back().is_constant() &&
      *indices->back().constant() > static_cast<int64_t>(x->size()))
    return c.error("indices address ", indices->back(), " axes of data of rank ", x->size());
  return infer_same(c);
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1), &updates = c.in(2);
  if (indices.rank() == 0 || indices.shape().back() > static_cast<int64_t>(x.rank()))
    return c.error("indices of shape ", indices.shape(), " do not fit data of shape ", x.shape());
  const auto k = static_cast<size_t>(indices.shape().back());
  Shape expected;
  for (size_t i = 0; i + 1 < indices.rank(); ++i) expected.push_back(indices.dim(i));
  for (size_t i = k; i < x.rank(); ++i) expected.push_back(x.dim(i));
  if (!(updates.shape() == expected))
    return c.error("updates have shape ", updates.shape(), ", expected ", expected);
  std::span<const int64_t> index;
  if (indices.dtype() == DType::kInt64)
    index = {indices.data<int64_t>(), static_cast<size_t>(indices.count())};
  else
    index = ONWARD_TRY(read_integers(c, 1));
  const int64_t n = indices.shape().count(0, indices.rank() - 1);
  auto offsets = ONWARD_TRY(c.scratch_of<int64_t>(n));
  const Shape dense = dense_strides(x.shape());
  const std::span<const int64_t> dims = x.shape().dims(), strides = dense.dims();
  std::atomic<bool> outside = false;
  c.parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    bool inside = true;
    for (int64_t i = begin; i < end; ++i) {
      int64_t offset = 0;
      for (size_t j = 0; j < k; ++j) {
        const int64_t given = index[static_cast<size_t>(i) * k + j], at = given < 0 ? given + dims[j] : given;
        inside = inside && at >= 0 && at < dims[j];
        offset += (inside ? at : 0) * strides[j];
      }
      offsets[static_cast<size_t>(i)] = offset;
    }
    if (!inside) outside = true;
  });
  for (size_t i = 0; outside && i < index.size(); ++i)  // the first, by name
    if (!checked_index(index[i], dims[i % k]))
      return c.error("index ", index[i], " is outside axis ", i % k, " of ", x.shape());
  return scatter_blocks(c, updates, offsets, x.shape().count(k, x.rank()), a.reduction);
}

}  // namespace

ONWARD_OPS(scatter_nd) {
  return {op<Attrs>({.name = "ScatterND", .read = read, .infer = infer, .run = run, .in_place = {{0, 0}}})};
}

}  // namespace ow
