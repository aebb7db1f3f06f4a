// ScatterElements: a copy of the data in which y[indices[i, j, k], j, k] (for axis 0) becomes, or is reduced
// with, updates[i, j, k]. Scatter is its name in opset 9.
#include "ops/op/move.h"
#include "ops/op/op.h"
#include "ops/op/scatter.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::kNone;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.axis = a.integer("axis", 0), .reduction = read_reduction(a)};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  if (x) ONWARD_TRY(c.axis(a.axis, x->size()));
  if (x && indices && x->size() != indices->size())
    return c.error("indices are ", list_text(*indices), ", expected rank ", x->size());
  return infer_same(c);
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1), &updates = c.in(2);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  if (!(updates.shape() == indices.shape()) || indices.rank() != x.rank())
    return c.error("data ", x.shape(), ", indices ", indices.shape(), " and updates ", updates.shape(),
                   " do not fit");
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != axis && indices.dim(i) > x.dim(i))
      return c.error("indices of shape ", indices.shape(), " go past ", x.shape(), " in axis ", i);
  auto offsets = ONWARD_TRY(read_indices(c, 1, x.dim(axis)));
  const Shape data_strides = dense_strides(x.shape());
  Shape strides = data_strides;
  strides[axis] = 0;
  if (x.rank() == 0) return scatter_blocks(c, updates, offsets, 1, a.reduction);
  const size_t last = x.rank() - 1;
  const auto line = static_cast<size_t>(indices.dim(last));
  const int64_t step = strides[last], scale = data_strides[axis];
  Odometer at(indices.shape().dims().first(last));
  for (size_t i = 0; i < offsets.size(); i += line, at.step()) {
    const int64_t begin = at.dot(strides.dims().first(last));
    for (size_t j = 0; j < line; ++j)
      offsets[i + j] = offsets[i + j] * scale + begin + static_cast<int64_t>(j) * step;
  }
  return scatter_blocks(c, updates, offsets, 1, a.reduction);
}

Status infer_scatter(const NoAttrs&, InferContext& c) { return infer_same(c); }

Status upgrade_scatter(Rewriter& c) {
  const int64_t axis = AttrReader(c.node()).integer("axis", 0);
  return c.replace({ONWARD_TRY(c.add("ScatterElements", c.node().inputs(), {{"axis", axis}}))});
}

}  // namespace

ONWARD_OPS(scatter_elements) {
  return {
      op<Attrs>({.name = "ScatterElements", .read = read, .infer = infer, .run = run, .in_place = {{0, 0}}}),
      op<NoAttrs>({.name = "Scatter", .infer = infer_scatter, .upgrade = upgrade_scatter})};
}

}  // namespace ow
