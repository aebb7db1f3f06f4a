// GatherElements(x, Expand(i, shape)) becomes onward.GatherElements(x, i, shape): one row of indices for many
// rows of x, as exporters write the sampling of all channels of an image at one grid, is not repeated first.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {

Result<int> fuse_expand(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("GatherElements") || !node->input(0) || !node->input(1)) continue;
    const ir::Node* expand = made_by(node->input(1), "Expand");
    // A view of fewer axes would be another set of lines.
    if (!expand || expand->graph() != &g || !expand->input(0) || !expand->input(1) ||
        !expand->input(0)->type().shape || !node->input(1)->type().shape ||
        expand->input(0)->type().shape->size() != node->input(1)->type().shape->size())
      continue;
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
