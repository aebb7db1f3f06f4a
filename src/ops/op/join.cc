#include "ops/op/join.h"

#include "ops/op/move.h"

namespace ow {

Status join_tensors(RunContext& c, size_t o, std::span<const Tensor> parts, int64_t axis, bool new_axis) {
  if (!c.wants(o)) return {};
  const Tensor& first = parts[0];
  const auto at = static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, first.rank() + new_axis)));
  std::vector<int64_t> dims(first.shape().begin(), first.shape().end());
  if (new_axis) dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(at), 1);
  Shape shape(dims);
  shape[at] = 0;
  for (const Tensor& part : parts) {
    Shape others = part.shape();
    if (!new_axis && others.rank() == first.rank()) others[at] = first.dim(at);
    if (!(others == first.shape()) || part.dtype() != first.dtype())
      return c.error("tensors ", first.dtype(), first.shape(), " and ", part.dtype(), part.shape(),
                     " cannot be joined along axis ", at);
    auto sum = checked_add(shape[at], new_axis ? int64_t{1} : part.dim(at));
    if (!sum) return c.error("the tensors are too large together");
    shape[at] = *sum;
  }
  MoveOutput y = ONWARD_TRY(move_output(c, o, first.dtype(), shape));
  const int64_t outer = shape.count(0, at), row = shape.count(at, shape.rank());
  int64_t offset = 0;
  for (const Tensor& part : parts) {
    if (part.count() == 0) continue;
    const int64_t block = part.count() / outer;
    Units from = ONWARD_TRY(units_of(c, part));
    const int64_t to_strides[] = {row, 1}, from_strides[] = {block, 1}, extents[] = {outer, block};
    copy_strided_units(c, y.units.at(offset), to_strides, from, from_strides, extents);
    offset += block;
  }
  y.finish();
  return {};
}

Status empty_stack(RunContext& c, size_t o, int64_t axis) {
  if (!c.wants(o)) return {};
  const ir::Type& type = c.node().outputs()[o]->type();
  if (!type.is_tensor() || !is_valid(type.dtype))
    return c.error("output ", o, " is of unknown type after no iteration at all");
  Shape shape;
  if (type.shape)
    for (const Dim& d : *type.shape) shape.push_back(std::max<int64_t>(d.constant().value_or(0), 0));
  if (shape.rank() == 0) shape.push_back(0);
  shape[static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, shape.rank())))] = 0;
  ONWARD_TRY(c.out(o, type.dtype, shape));
  return {};
}

namespace {

ir::Type without_shape(const ir::Type& type) {
  ir::Type out = type;
  out.shape.reset();
  if (out.element) out.element = std::make_shared<const ir::Type>(without_shape(*out.element));
  return out;
}

}  // namespace

ir::Type common_type(const ir::Type& a, const ir::Type& b) {
  using Kind = ir::Type::Kind;
  if (a.kind == Kind::kUnknown || b.kind == Kind::kUnknown)
    return without_shape(a.kind == Kind::kUnknown ? b : a);
  if (a.kind == Kind::kOptional && b.kind != Kind::kOptional && a.element)
    return ir::Type::optional(common_type(*a.element, b));
  if (b.kind == Kind::kOptional && a.kind != Kind::kOptional && b.element)
    return ir::Type::optional(common_type(a, *b.element));
  ir::Type out = a;
  if (a.kind != b.kind) return {};
  if (a.dtype == DType::kUndefined) out.dtype = b.dtype;
  if (a.element && b.element)
    out.element = std::make_shared<const ir::Type>(common_type(*a.element, *b.element));
  else if (!a.element)
    out.element = b.element;
  if (a.shape && (!b.shape || a.shape->size() != b.shape->size())) out.shape.reset();
  if (out.shape)
    for (size_t i = 0; i < out.shape->size(); ++i)
      if (!((*out.shape)[i] == (*b.shape)[i])) (*out.shape)[i] = Dim::unknown();
  return out;
}

}  // namespace ow
