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

Status RowStack::reserve(RunContext& c, const Tensor& row) {
  if (count_ < capacity_) return {};
  const int64_t wanted = rows_ >= 0 ? rows_ : std::max<int64_t>(2 * capacity_, 8);
  Shape shape;
  shape.push_back(wanted);
  for (int64_t d : row.shape()) shape.push_back(d);
  Tensor larger = rows_ >= 0 && axis_ == 0 && c.wants(output_)
                      ? ONWARD_TRY(c.out(output_, row.dtype(), shape))
                      : ONWARD_TRY(Tensor::allocate(row.dtype(), shape, c.budget()));
  if (count_ > 0)
    copy_units(ONWARD_TRY(units_of(c, larger)), ONWARD_TRY(units_of(c, stacked_)), count_ * row.count());
  stacked_ = std::move(larger);
  capacity_ = wanted;
  return {};
}

Status RowStack::add(RunContext& c, const Tensor& row) {
  if (!c.wants(output_)) return {};
  if (is_sub_byte(row.dtype())) {
    parts_.push_back(ONWARD_TRY(row.owned(c.budget())));
    return {};
  }
  if (count_ > 0 && (row.dtype() != stacked_.dtype() || row.rank() + 1 != stacked_.rank() ||
                     !std::equal(row.shape().begin(), row.shape().end(), stacked_.shape().begin() + 1)))
    return c.error("tensors ", stacked_.dtype(), list_text(stacked_.shape().dims().subspan(1)), " and ",
                   row.dtype(), row.shape(), " cannot be joined along axis ", axis_);
  ONWARD_TRY(reserve(c, row));
  const int64_t at = reversed_ ? rows_ - 1 - count_ : count_;
  if (row.count() > 0 && row.dtype() != DType::kString && row.is_dense()) {
    const auto bytes = static_cast<size_t>(row.bytes());
    std::memcpy(stacked_.mutable_raw() + static_cast<size_t>(at) * bytes, row.raw(), bytes);
  } else if (row.count() > 0) {
    const Tensor dense = row.is_dense() ? row : ONWARD_TRY(row.owned(c.budget()));
    copy_units(ONWARD_TRY(units_of(c, stacked_)).at(at * row.count()), ONWARD_TRY(units_of(c, dense)),
               row.count());
  }
  ++count_;
  return {};
}

Status RowStack::finish(RunContext& c) {
  if (!c.wants(output_)) return {};
  if (!parts_.empty()) {
    if (reversed_) std::reverse(parts_.begin(), parts_.end());
    return join_tensors(c, output_, parts_, axis_, true);
  }
  if (count_ == 0) return empty_stack(c, output_, axis_);
  const auto at = static_cast<size_t>(ONWARD_TRY(read_axis(c, axis_, stacked_.rank())));
  if (rows_ >= 0 && count_ != rows_) return internal_error("a stack of ", rows_, " rows got ", count_);
  if (axis_ == 0 && rows_ >= 0) return {};  // they were put into the output itself
  const std::span<const int64_t> row = stacked_.shape().dims().subspan(1);
  std::vector<int64_t> dims(row.begin(), row.end());
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(at), count_);
  MoveOutput y = ONWARD_TRY(move_output(c, output_, stacked_.dtype(), Shape(dims)));
  const int64_t inner = Shape(row).count(at, row.size()), outer = Shape(row).count(0, at);
  const int64_t to[] = {count_ * inner, inner, 1}, from[] = {inner, outer * inner, 1},
                extents[] = {outer, count_, inner};
  copy_strided_units(c, y.units, to, ONWARD_TRY(units_of(c, stacked_)), from, extents);
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

ir::Fact common_fact(const ir::Fact& a, const ir::Fact& b) {
  ir::Fact out{common_type(a.type, b.type), {}, {}};
  if (!a.elements || !b.elements || a.elements->size() != b.elements->size()) return out;
  out.elements = a.elements;
  for (size_t i = 0; i < out.elements->size(); ++i)
    if (!((*a.elements)[i] == (*b.elements)[i])) (*out.elements)[i] = Dim::unknown();
  return out;
}

ir::Fact common_fact(const Dim& iterations, const ir::Fact& initial, const ir::Fact& returned) {
  const auto count = iterations.constant();
  if (!count) return common_fact(initial, returned);
  return *count == 0 ? initial : returned;
}

}  // namespace ow
