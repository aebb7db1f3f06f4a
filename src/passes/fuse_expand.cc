// GatherElements(x, Expand(i, shape)) becomes onward.GatherElements(x, i, shape): one row of indices for many
// rows of x, as exporters write the sampling of all channels of an image at one grid, is not repeated first.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {

namespace {

// The Expand whose input can stand for the indices of `gather`.
const ir::Node* match(const ir::Node& gather, Why& why) {
  const ir::Value* indices = gather.input(1);
  const ir::Node* expand = made_by(indices, "Expand");
  if (!expand || !gather.input(0) || expand->graph() != gather.graph() || !expand->input(0) ||
      !expand->input(1))
    return nullptr;
  const ir::Type &before = expand->input(0)->type(), &after = indices->type();
  if (before.shape && after.shape && before.shape->size() == after.shape->size()) return expand;
  // A view of fewer axes would be another set of lines.
  return why.no(1, expand, " makes ", after, " of ", before, ", expected the same number of axes"), nullptr;
}

}  // namespace

Result<int> fuse_expand(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("GatherElements")) continue;
    Why why(missed, *node);
    const ir::Node* expand = match(*node, why);
    if (!expand) continue;
    ir::Value* shape = expand->input(1);
    patch.set_input(node.get(), 1, expand->input(0));
    patch.set_input(node.get(), 2, shape);
    node->domain = "onward";
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
