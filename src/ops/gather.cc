// Gather: y[.., j.., ..] = x[.., indices[j..], ..] along `axis`: whole blocks behind the axis are copied.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", 0)}; }

Status infer_elements(InferContext& c) {
  const auto* all = c.elements(0);
  const auto picks = c.constants(1);
  if (!all || !picks || c.shape(0)->size() != 1) return {};
  std::vector<Dim> some;
  for (int64_t i : *picks) {
    auto index = checked_index(i, static_cast<int64_t>(all->size()));
    if (!index) return c.error("index ", i, " is outside an axis of extent ", all->size());
    some.push_back((*all)[static_cast<size_t>(*index)]);
  }
  c.set_elements(0, std::move(some));
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x) return {};
  const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, x->size())));
  if (!indices) return {};
  SymShape shape(x->begin(), x->begin() + axis);
  shape.insert(shape.end(), indices->begin(), indices->end());
  shape.insert(shape.end(), x->begin() + axis + 1, x->end());
  c.set(0, c.dtype(0), std::move(shape));
  return infer_elements(c);
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const auto picks = ONWARD_TRY(read_indices(c, 1, x.dim(axis)));
  Shape shape;
  for (size_t i = 0; i < axis; ++i) shape.push_back(x.dim(i));
  for (int64_t d : indices.shape()) shape.push_back(d);
  for (size_t i = axis + 1; i < x.rank(); ++i) shape.push_back(x.dim(i));
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  const int64_t outer = x.shape().count(0, axis), inner = x.shape().count(axis + 1, x.rank());
  for (int64_t& i : picks) i *= inner;
  gather_units(c, y.units, from, outer, x.dim(axis) * inner, picks, inner);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(gather) { return {op<Attrs>({.name = "Gather", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
