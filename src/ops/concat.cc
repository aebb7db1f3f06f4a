// Concat: the inputs one after the other along `axis`; all other extents are equal. Opset 1 has axis 1 as
// its default.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.required_integer("axis")}; }

void infer_elements(InferContext& c) {
  std::vector<Dim> all;
  for (size_t i = 0; i < c.inputs(); ++i) {
    const auto* part = c.elements(i);
    if (!part || !c.shape(i) || c.shape(i)->size() != 1) return;
    all.insert(all.end(), part->begin(), part->end());
  }
  c.set_elements(0, std::move(all));
}

Status infer(const Attrs& a, InferContext& c) {
  std::optional<SymShape> shape;
  bool complete = true;
  DType dtype = DType::kUndefined;
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (dtype == DType::kUndefined) dtype = c.dtype(i);
    const SymShape* s = c.shape(i);
    complete &= s != nullptr;
    if (!s) continue;
    const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, s->size())));
    if (!shape) {
      shape = *s;
      continue;
    }
    if (s->size() != shape->size())
      return c.error("input ", i, " is ", list_text(*s), ", expected rank ", shape->size());
    for (size_t k = 0; k < s->size(); ++k) {
      Dim& d = (*shape)[k];
      const Dim& e = (*s)[k];
      if (k == axis)
        d = d + e;
      else if (d.is_constant() && e.is_constant() && !(d == e))
        return c.error("input ", i, " is ", list_text(*s), ", expected ", d, " in axis ", k);
      else if (!d.is_constant() && (e.is_constant() || d.is_unknown()))
        d = e;
    }
  }
  if (shape && !complete)
    (*shape)[static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, shape->size())))] = Dim::unknown();
  const bool vector = shape && shape->size() == 1;
  c.set(0, dtype, std::move(shape));
  if (vector) infer_elements(c);
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() < 4 && !AttrReader(c.node()).has("axis")) c.set_attribute("axis", int64_t{1});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& first = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, first.rank())));
  Shape shape = first.shape();
  shape[axis] = 0;
  for (size_t i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.in(i);
    Shape others = x.shape();
    if (x.rank() == first.rank()) others[axis] = first.dim(axis);
    if (!(others == first.shape()) || x.dtype() != first.dtype())
      return c.error("input ", i, " is ", x.dtype(), x.shape(), ", which does not fit ", first.dtype(),
                     first.shape(), " along axis ", axis);
    auto sum = checked_add(shape[axis], x.dim(axis));
    if (!sum) return c.error("the inputs are too large together");
    shape[axis] = *sum;
  }
  MoveOutput y = ONWARD_TRY(move_output(c, 0, first.dtype(), shape));
  const int64_t outer = shape.count(0, axis), row = shape.count(axis, shape.rank());
  int64_t at = 0;
  for (size_t i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.in(i);
    if (x.count() == 0) continue;
    const int64_t part = x.shape().count(axis, x.rank());
    Units from = ONWARD_TRY(units_of(c, x));
    const int64_t to_strides[] = {row, 1}, from_strides[] = {part, 1}, dims[] = {outer, part};
    copy_strided_units(c, y.units.at(at), to_strides, from, from_strides, dims);
    at += part;
  }
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(concat) {
  return {op<Attrs>({.name = "Concat",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .layout = LayoutRule::kAlongAxes})};
}

}  // namespace ow
