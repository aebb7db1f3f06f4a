// Tile: the input repeated `repeats[i]` times along axis i. Seen as [r0, d0, r1, d1, ..], it is one strided
// copy with stride 0 in the r axes. Opset 1 has one axis and one count, both tensors of the input's type.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  const auto* repeats = c.elements(1);
  if (!x) {
    if (repeats)
      c.set_unknown_dims(0, c.dtype(0), repeats->size());
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (!repeats) {
    c.set_unknown_dims(0, c.dtype(0), x->size());
    return {};
  }
  if (repeats->size() != x->size())
    return c.error("repeats has ", repeats->size(), " values for an input of rank ", x->size());
  SymShape shape;
  for (size_t i = 0; i < x->size(); ++i) {
    if ((*repeats)[i].is_constant() && *(*repeats)[i].constant() < 0)
      return c.error("repeats has the negative value ", (*repeats)[i]);
    shape.push_back((*x)[i] * (*repeats)[i]);
  }
  c.set(0, c.dtype(0), std::move(shape));
  if (const auto* all = c.elements(0); all && x->size() == 1 && (*repeats)[0].is_constant()) {
    std::vector<Dim> tiled;
    for (int64_t r = 0; r < *(*repeats)[0].constant() && tiled.size() <= 1024 && !all->empty(); ++r)
      tiled.insert(tiled.end(), all->begin(), all->end());
    c.set_elements(0, std::move(tiled));
  }
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 6) return {};
  const ir::Attribute int64{static_cast<int64_t>(DType::kInt64)};
  ir::Value* rank = ONWARD_TRY(c.add("Shape", {ONWARD_TRY(c.add("Shape", {c.in(0)}))}));
  ir::Value* ones = ONWARD_TRY(c.add("Expand", {c.ints({1}), rank}));
  ir::Value* tiles = ONWARD_TRY(c.add("Cast", {c.in(1)}, {{"to", int64}}));
  ir::Value* axis = ONWARD_TRY(c.add("Cast", {c.in(2)}, {{"to", int64}}));
  tiles = ONWARD_TRY(c.add("Reshape", {tiles, c.ints({1})}));
  axis = ONWARD_TRY(c.add("Reshape", {axis, c.ints({1})}));
  ir::Value* repeats = ONWARD_TRY(c.add("ScatterElements", {ones, axis, tiles}, {{"axis", int64_t{0}}}));
  return c.replace({ONWARD_TRY(c.add("Tile", {c.in(0), repeats}))});
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto repeats = ONWARD_TRY(read_ints(c, 1));
  if (repeats.size() != x.rank())
    return c.error("repeats has ", repeats.size(), " values for an input of shape ", x.shape());
  Shape shape = x.shape();
  std::vector<int64_t> dims, from_strides, to_strides;
  for (size_t i = 0; i < x.rank(); ++i) {
    auto extent = checked_mul(x.dim(i), repeats[i]);
    if (repeats[i] < 0 || !extent) return c.error("repeats has the value ", repeats[i], " for axis ", i);
    shape[i] = *extent;
  }
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  const Shape in_strides = dense_strides(x.shape()), out_strides = dense_strides(shape);
  for (size_t i = 0; i < x.rank(); ++i) {
    dims.insert(dims.end(), {repeats[i], x.dim(i)});
    from_strides.insert(from_strides.end(), {0, in_strides[i]});
    to_strides.insert(to_strides.end(), {out_strides[i] * x.dim(i), out_strides[i]});
  }
  copy_strided_units(c, y.units, to_strides, from, from_strides, dims);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(tile) {
  return {op<NoAttrs>({.name = "Tile", .infer = infer, .upgrade = upgrade, .run = run, .shape_inputs = 2})};
}

}  // namespace ow
