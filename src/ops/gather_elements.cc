// GatherElements: y[i, j, k] = x[indices[i, j, k], j, k] for axis 0, and so on: the output has the shape of
// the indices, which may be smaller than the input in the other axes.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", 0)}; }

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  if (x) ONWARD_TRY(c.axis(a.axis, x->size()));
  if (x && indices && x->size() != indices->size())
    return c.error("indices are ", list_text(*indices), ", expected rank ", x->size());
  if (indices)
    c.set(0, c.dtype(0), *indices);
  else if (x)
    c.set_unknown_dims(0, c.dtype(0), x->size());
  else
    c.set(0, c.dtype(0), std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  if (indices.rank() != x.rank())
    return c.error("indices have shape ", indices.shape(), ", expected rank ", x.rank());
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != axis && indices.dim(i) > x.dim(i))
      return c.error("indices of shape ", indices.shape(), " go past ", x.shape(), " in axis ", i);
  auto offsets = ONWARD_TRY(read_indices(c, 1, x.dim(axis)));
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), indices.shape()));
  Shape strides = x.strides();
  strides[axis] = 0;
  const int64_t line = x.strides()[axis];
  c.parallel_for(indices.count(), 8192, [&](int64_t begin, int64_t end) {
    Odometer at(indices.shape().dims());
    at.seek(begin);
    for (int64_t i = begin; i < end; ++i, at.step()) {
      int64_t& offset = offsets[static_cast<size_t>(i)];
      offset = offset * line + at.dot(strides.dims());
    }
  });
  gather_units(c, y.units, from, offsets, 1);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(gather_elements) {
  return {op<Attrs>({.name = "GatherElements", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
