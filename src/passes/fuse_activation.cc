// Activation(Conv(x, W, b)) becomes one node, onward.Conv with attributes `activation`, `alpha` and `beta`:
// the product is activated before it is stored.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {

Result<int> fuse_activation(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("Conv") || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32) continue;
    if (!take_activation(*node, patch)) continue;
    node->domain = "onward";
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
