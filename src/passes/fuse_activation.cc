// Activation(Conv(x, W, b)) becomes one node, onward.Conv with attributes `activation`, `alpha` and `beta`:
// the product is activated before it is stored. So do ConvTranspose and the normalizations of images.
#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {

// Whether it maps each channel of an image to another one, and nothing else.
static bool normalizes(const ir::Node& n) {
  if (n.is("BatchNormalization"))
    return n.outputs().size() == 1 && !AttrReader(n).flag("training_mode", false);
  return n.is("InstanceNormalization") || n.is("GroupNormalization");
}

Result<int> fuse_activation(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const ir::Value* y = node->output(0);
    if (!y || (!node->is("Conv") && !node->is("ConvTranspose") && !normalizes(*node))) continue;
    Why why(missed, *node);
    if (y->type().dtype != DType::kFloat32) {
      if (why.asked() && meets_activation(*y)) why.no(1, y, " is ", y->type(), ", expected float");
      continue;
    }
    if (!take_activation(*node, patch, why)) continue;
    node->domain = "onward";
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
