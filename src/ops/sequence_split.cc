// SplitToSequence cuts a tensor along `axis` into a sequence: parts of the extents in `split`, parts of one
// extent (a scalar `split`; the last may be smaller), or, without `split`, slices of extent 1, whose axis
// goes where keepdims is 0. ConcatFromSequence joins a sequence along an axis, or along a new one.
#include "ops/op/join.h"
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct SplitAttrs {
  int64_t axis = 0;
  bool keepdims = true;
};

Result<SplitAttrs> read_split(const AttrReader& a) {
  return SplitAttrs{.axis = a.integer("axis", 0), .keepdims = a.flag("keepdims", true)};
}

Status infer_split(const SplitAttrs& a, InferContext& c) {
  std::optional<SymShape> shape;
  if (const SymShape* x = c.shape(0)) {
    const auto axis = ONWARD_TRY(c.axis(a.axis, x->size()));
    shape = *x;
    (*shape)[static_cast<size_t>(axis)] = c.has(1) ? Dim::unknown() : Dim(1);
    if (!c.has(1) && !a.keepdims) shape->erase(shape->begin() + axis);
  }
  c.set(0, ir::Type::sequence(ir::Type::tensor(c.dtype(0), std::move(shape))));
  return {};
}

Result<std::vector<int64_t>> read_parts(RunContext& c, int64_t extent) {
  int64_t part = 1;
  if (c.has(1)) {
    auto listed = ONWARD_TRY(read_ints(c, 1));
    if (c.in(1).rank() == 1) {
      int64_t left = extent;
      for (int64_t p : listed) left = p < 0 || p > left ? -1 : left - p;
      if (left != 0)
        return c.error("split is ", list_text(listed), ", which does not fit an extent of ", extent);
      return listed;
    }
    part = listed[0];
    if (part < 1) return c.error("split is ", part, ", expected at least 1");
  }
  std::vector<int64_t> parts;
  for (int64_t left = extent; left > 0; left -= parts.back()) parts.push_back(std::min(part, left));
  return parts;
}

Status run_split(const SplitAttrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const auto parts = ONWARD_TRY(read_parts(c, x.dim(axis)));
  const Units from = ONWARD_TRY(units_of(c, x));
  const int64_t outer = x.shape().count(0, axis), inner = x.shape().count(axis + 1, x.rank());
  Sequence items;
  int64_t at = 0;
  for (int64_t part : parts) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    Shape shape;
    for (size_t i = 0; i < x.rank(); ++i)
      if (i != axis)
        shape.push_back(x.dim(i));
      else if (c.has(1) || a.keepdims)
        shape.push_back(part);
    Tensor item = ONWARD_TRY(Tensor::allocate(x.dtype(), shape, c.budget()));
    const Units units = ONWARD_TRY(units_of(c, item));
    MoveOutput to{item, units};
    const int64_t to_strides[] = {part * inner, 1}, from_strides[] = {x.dim(axis) * inner, 1},
                  dims[] = {outer, part * inner};
    copy_strided_units(c, to.units, to_strides, from.at(at * inner), from_strides, dims);
    to.finish();
    items.push_back(std::move(item));
    at += part;
  }
  c.set(0, Value(std::move(items)));
  return {};
}

struct ConcatAttrs {
  int64_t axis = 0;
  bool new_axis = false;
};

Result<ConcatAttrs> read_concat(const AttrReader& a) {
  return ConcatAttrs{.axis = a.required_integer("axis"), .new_axis = a.flag("new_axis", false)};
}

Status infer_concat(const ConcatAttrs& a, InferContext& c) {
  const ir::Type* element = c.type(0).element.get();
  if (!element || !element->is_tensor()) return {};
  std::optional<SymShape> shape = element->shape;
  if (shape) {
    const auto axis = ONWARD_TRY(c.axis(a.axis, shape->size() + a.new_axis));
    if (a.new_axis)
      shape->insert(shape->begin() + axis, Dim::unknown());
    else
      (*shape)[static_cast<size_t>(axis)] = Dim::unknown();
  }
  c.set(0, element->dtype, std::move(shape));
  return {};
}

Status run_concat(const ConcatAttrs& a, RunContext& c) {
  const Sequence* s = c.has(0) ? c.value(0).sequence() : nullptr;
  if (!s || s->empty()) return c.error("the sequence is empty, so the result has no shape");
  std::vector<Tensor> parts;
  for (const Value& v : *s) {
    if (!v.tensor()) return c.error("the sequence holds something else than tensors");
    parts.push_back(*v.tensor());
  }
  return join_tensors(c, 0, parts, a.axis, a.new_axis);
}

}  // namespace

ONWARD_OPS(sequence_split) {
  return {
      op<SplitAttrs>({.name = "SplitToSequence", .read = read_split, .infer = infer_split, .run = run_split}),
      op<ConcatAttrs>(
          {.name = "ConcatFromSequence", .read = read_concat, .infer = infer_concat, .run = run_concat})};
}

}  // namespace ow
