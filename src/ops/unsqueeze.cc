// Unsqueeze: new axes of extent 1 at the places of the *output* that input 1 lists. Below opset 13 the list
// is an attribute.
#include "ops/op/op.h"

namespace ow {
namespace {

// By axis of the output: is it new? An error text if an axis is outside or listed twice.
Result<std::vector<bool>> new_axes(const std::vector<int64_t>& axes, size_t input_rank) {
  std::vector<bool> added(input_rank + axes.size(), false);
  for (int64_t i : axes) {
    auto axis = checked_index(i, static_cast<int64_t>(added.size()));
    if (!axis) return invalid_argument("axis ", i, " is outside an output of rank ", added.size());
    if (added[static_cast<size_t>(*axis)]) return invalid_argument("axis ", i, " is listed twice");
    added[static_cast<size_t>(*axis)] = true;
  }
  return added;
}

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  const auto axes = c.constants(1);
  if (!x || !axes) {
    const SymShape* n = c.shape(1);
    if (x && n && n->size() == 1 && (*n)[0].is_constant() && *(*n)[0].constant() <= 64)
      c.set_unknown_dims(0, c.dtype(0), x->size() + static_cast<size_t>(*(*n)[0].constant()));
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  auto added = new_axes(*axes, x->size());
  if (!added.ok()) return c.error(added.status().message());
  SymShape shape;
  size_t next = 0;
  for (bool is_new : *added) shape.push_back(is_new ? Dim(1) : (*x)[next++]);
  const bool keep_elements = c.elements(0) && shape.size() <= 1;
  c.set(0, c.dtype(0), std::move(shape));
  if (keep_elements) c.set_elements(0, *c.elements(0));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 13) return {};
  c.set_input(1, c.ints(AttrReader(c.node()).integers("axes")));
  c.remove_attribute("axes");
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  auto added = new_axes(ONWARD_TRY(read_ints(c, 1)), x.rank());
  if (!added.ok()) return c.error(added.status().message());
  Shape shape;
  size_t next = 0;
  for (bool is_new : *added) shape.push_back(is_new ? 1 : x.dim(next++));
  c.set(0, x.reshaped(shape));
  return {};
}

}  // namespace

ONWARD_OPS(unsqueeze) {
  return {op<NoAttrs>({.name = "Unsqueeze",
                       .infer = infer,
                       .upgrade = upgrade,
                       .run = run,
                       .view_of = 0,
                       .shape_inputs = 2})};
}

}  // namespace ow
