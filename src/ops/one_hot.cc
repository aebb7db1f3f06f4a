// OneHot: a new axis of extent `depth` with values[1] at the index and values[0] elsewhere. Indices in
// [-depth, depth) count as in numpy; others give no hot element.
#include "ops/op/move.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -1;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", -1)}; }

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* indices = c.shape(0);
  c.set(0, c.dtype(2), std::nullopt);
  if (!indices) return {};
  const auto axis = ONWARD_TRY(c.axis(a.axis, indices->size() + 1));
  SymShape shape = *indices;
  Dim depth = Dim::unknown();
  if (const auto* d = c.elements(1); d && d->size() == 1) depth = (*d)[0];
  if (const Tensor* t = c.constant(1); t && t->count() == 1)
    if (auto whole = convert(*t, DType::kInt64); whole.ok()) depth = Dim(whole->data<int64_t>()[0]);
  if (depth.is_constant() && *depth.constant() < 0)
    return c.error("depth is ", depth, ", expected at least 0");
  shape.insert(shape.begin() + axis, depth);
  c.set(0, c.dtype(2), std::move(shape));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &indices = c.in(0), &values = c.in(2);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, indices.rank() + 1)));
  if (c.in(1).count() != 1) return c.error("depth has shape ", c.in(1).shape(), ", expected one value");
  if (values.rank() != 1 || values.dim(0) != 2)
    return c.error("values have shape ", values.shape(), ", expected [2]");
  const Tensor depth_tensor = ONWARD_TRY(convert(c.in(1), DType::kInt64));
  const Tensor index = ONWARD_TRY(convert(indices, DType::kInt64, true, Round::kUp, c.budget()));
  const int64_t depth = depth_tensor.data<int64_t>()[0];
  if (depth < 0) return c.error("depth is ", depth, ", expected at least 0");
  Shape shape;
  for (size_t i = 0; i < axis; ++i) shape.push_back(indices.dim(i));
  shape.push_back(depth);
  for (size_t i = axis; i < indices.rank(); ++i) shape.push_back(indices.dim(i));
  Units from = ONWARD_TRY(units_of(c, values));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, values.dtype(), shape));
  fill_units(y.units, from, y.tensor.count());
  const int64_t inner = indices.shape().count(axis, indices.rank());
  for (int64_t i = 0; i < index.count(); ++i)
    if (auto hot = checked_index(index.data<int64_t>()[i], depth))
      copy_units(y.units.at((i / inner * depth + *hot) * inner + i % inner), from.at(1), 1);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(one_hot) {
  return {op<Attrs>({.name = "OneHot", .read = read, .infer = infer, .run = run, .shape_inputs = 2})};
}

}  // namespace ow
