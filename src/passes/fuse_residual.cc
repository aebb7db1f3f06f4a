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

std::optional<SumMatch> match(const ir::Node& conv, const Positions& at, Why& why) {
  const SumMatch sum = sum_behind(conv, at, why);
  const ir::Value* y = conv.output(0);
  if (sum.operand && sum.operand->is_constant())
    return why.no(2, "what is added, ", sum.operand, ", is a constant, ", sum.operand->type(),
                  ", expected in the bias of the convolution");
  if (!is_residual(sum.operand, conv, at, why)) return std::nullopt;
  if (y->type().shape->size() < 3) return why.no(3, y, " is ", y->type(), ", expected an image");
  return sum;
}

}  // namespace

Result<int> fuse_residual(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  const Positions at = positions(g);
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const bool plain = node->is("Conv"), activated = node->is("Conv", "onward");
    if ((!plain && !activated) || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32 ||
        node->input(3))
      continue;
    Why why(missed, *node);
    const auto sum = match(*node, at, why);
    if (!sum) continue;
    take_sum(*node, 3, *sum, patch);
    node->domain = "onward";
    if (!activated) {
      take_activation(*node, patch, why);
    } else {
      node->op_type = "ConvThenAdd";
      if (const auto second = activation_of(*node->output(0), why))
        why.no(4, "the activation behind the sum, ", second->last,
               ", stays: the convolution has one before it");
    }
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
