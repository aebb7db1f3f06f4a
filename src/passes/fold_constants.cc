// Constant folding, under the limits of fold.h: a model never grows past them.
#include "ops/op/op.h"
#include "passes/fold.h"
#include "passes/passes.h"

namespace ow {
namespace {

// Nodes in order, so that what one node makes constant lets the next one fold.
template <class Wanted>
int fold_where(ir::Graph& g, Wanted wanted) {
  int folded = 0;
  for (const auto& node : g.nodes()) folded += wanted(*node) && fold_node(*node);
  ir::Patch(g).erase_dead();
  return folded;
}

// Quantised weights stay small: unpacking them is the plan's business.
bool keeps_weights_small(const ir::Node& n) { return n.is("DequantizeLinear"); }

}  // namespace

Result<int> fold_constant_nodes(ir::Graph& g) {
  return fold_where(g, [](const ir::Node& n) { return n.is("Constant"); });
}

Result<int> fold_constants(ir::Graph& g) {
  int known = 0;
  for (const auto& node : g.nodes()) known += fold_known_elements(*node);
  return known + fold_where(g, [](const ir::Node& n) { return !keeps_weights_small(n); });
}

Result<int> eliminate_dead(ir::Graph& g) { return ir::Patch(g).erase_dead(); }

}  // namespace ow
