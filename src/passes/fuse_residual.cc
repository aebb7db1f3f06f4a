// Add(Conv(x, W, b), r) becomes one node that adds r, of the same shape, before its result is stored:
//
//   onward.Conv          activation(Conv(x, W, b) + r), the activation behind the sum with it
//   onward.ConvThenAdd   activation(Conv(x, W, b)) + r, where the convolution has its activation already
//
// Of two convolutions that are added the later one takes the other's result.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// The Add that alone reads what `conv` makes, and its other operand.
struct Sum {
  ir::Node* add = nullptr;
  ir::Value* residual = nullptr;
};

Sum sum_of(const ir::Node& conv, const Positions& at) {
  ir::Value* y = conv.output(0);
  ir::Node* add = only_reader(y);
  if (!add || !add->is("Add") || add->graph() != conv.graph()) return {};
  ir::Value* r = other_input(add, y);
  if (!r || r->is_constant() || r->type().dtype != DType::kFloat32 || !same_shape(r, y)) return {};
  if (y->type().shape->size() < 3 || !is_made_before(r, &conv, at)) return {};
  return {add, r};
}

}  // namespace

Result<int> fuse_residual(ir::Graph& g) {
  int changes = 0;
  const Positions at = positions(g);
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const bool plain = node->is("Conv"), activated = node->is("Conv", "onward");
    if ((!plain && !activated) || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32 ||
        node->input(3))
      continue;
    const Sum sum = sum_of(*node, at);
    if (!sum.add) continue;
    patch.set_input(node.get(), 3, sum.residual);
    patch.replace_uses(sum.add->output(0), node->output(0));
    patch.erase(sum.add);
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
