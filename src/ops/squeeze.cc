// Squeeze: drops axes of extent 1: those listed in input 1, or all of them. Below opset 13 the list is an
// attribute.
#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  const auto axes = c.constants(1);
  std::optional<SymShape> shape;
  if (x && (axes || !c.has(1))) {
    std::vector<bool> drop(x->size(), false);
    bool known = true;
    if (axes) {
      for (int64_t i : *axes) {
        const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(i, x->size())));
        if ((*x)[axis].is_constant() && !(*x)[axis].is(1))
          return c.error("axis ", axis, " of ", list_text(*x), " cannot be dropped, its extent is not 1");
        drop[axis] = true;
      }
    } else {
      for (size_t i = 0; i < x->size(); ++i) {
        drop[i] = (*x)[i].is(1);
        known &= (*x)[i].is_constant();
      }
    }
    if (known) {
      shape.emplace();
      for (size_t i = 0; i < x->size(); ++i)
        if (!drop[i]) shape->push_back((*x)[i]);
    }
  }
  const bool keep_elements = c.elements(0) && shape && shape->size() <= 1;
  c.set(0, c.dtype(0), std::move(shape));
  if (keep_elements) c.set_elements(0, *c.elements(0));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 13) return {};
  if (auto axes = AttrReader(c.node()).maybe_integers("axes")) c.set_input(1, c.ints(*axes));
  c.remove_attribute("axes");
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  std::vector<bool> drop(x.rank(), false);
  if (c.has(1)) {
    for (int64_t i : ONWARD_TRY(read_ints(c, 1))) {
      const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, i, x.rank())));
      if (x.dim(axis) != 1) return c.error("axis ", axis, " of ", x.shape(), " is not of extent 1");
      drop[axis] = true;
    }
  } else {
    for (size_t i = 0; i < x.rank(); ++i) drop[i] = x.dim(i) == 1;
  }
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i)
    if (!drop[i]) shape.push_back(x.dim(i));
  c.set(0, x.reshaped(shape));
  return {};
}

}  // namespace

ONWARD_OPS(squeeze) {
  return {op<NoAttrs>(
      {.name = "Squeeze", .infer = infer, .upgrade = upgrade, .run = run, .view_of = 0, .shape_inputs = 2})};
}

}  // namespace ow
