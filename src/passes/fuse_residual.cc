// Add(Conv(x, W, b), r) becomes one node that adds r, of the same shape, before its result is stored:
//
//   onward.Conv          activation(Conv(x, W, b) + r), the activation behind the sum with it
//   onward.ConvThenAdd   activation(Conv(x, W, b)) + r, where the convolution has its activation already
//
// Of two convolutions that are added the later one takes the other's result.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
Result<int> fuse_residual(ir::Graph& g) {
  int changes = 0;
  const Positions at = positions(g);
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const bool plain = node->is("Conv"), activated = node->is("Conv", "onward");
    if ((!plain && !activated) || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32 ||
        node->input(3))
      continue;
    const SumMatch sum = sum_behind(*node);
    if (!is_residual(sum.operand, *node, at) || node->output(0)->type().shape->size() < 3) continue;
    take_sum(*node, 3, sum, patch);
    node->domain = "onward";
    if (activated)
      node->op_type = "ConvThenAdd";
    else
      take_activation(*node, patch);
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
