// ScatterND: a copy of the data in which the blocks that the last axis of the indices addresses become, or
// are reduced with, the blocks of the updates. updates.shape = indices.shape[:-1] + data.shape[k:].
#include "ops/op/move.h"
#include "ops/op/op.h"
#include "ops/op/scatter.h"

namespace ow {
namespace {

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
  const auto index = ONWARD_TRY(read_integers(c, 1));
  const int64_t n = indices.shape().count(0, indices.rank() - 1);
  const Shape strides = dense_strides(x.shape());
  auto offsets = ONWARD_TRY(c.scratch_of<int64_t>(n));
  for (size_t i = 0; i < offsets.size(); ++i) {
    offsets[i] = 0;
    for (size_t j = 0; j < k; ++j) {
      auto at = checked_index(index[i * k + j], x.dim(j));
      if (!at) return c.error("index ", index[i * k + j], " is outside axis ", j, " of ", x.shape());
      offsets[i] += *at * strides[j];
    }
  }
  return scatter_blocks(c, updates, offsets, x.shape().count(k, x.rank()), a.reduction);
}

}  // namespace

ONWARD_OPS(scatter_nd) {
  return {op<Attrs>({.name = "ScatterND", .read = read, .infer = infer, .run = run, .in_place = {{0, 0}}})};
}

}  // namespace ow
