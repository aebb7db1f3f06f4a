// Replaces operators that have no CPU kernel by the graph of other operators that their `lower` states.
#include "ops/op/evaluate.h"
#include "passes/infer.h"
#include "passes/passes.h"

namespace ow {

namespace {

Result<int> lower_once(ir::Graph& g) {
  int changes = 0;
  std::vector<ir::Node*> nodes;
  for (const auto& node : g.nodes()) nodes.push_back(node.get());
  for (ir::Node* node : nodes) {
    const Op* op = find_op(node->domain, node->op_type);
    if (!op || op->can_run || !op->can_lower) continue;
    auto attrs = ONWARD_TRY(op->read(AttrReader(*node)));
    Rewriter rewriter(g, *node, 0, [](ir::Node& n) { return infer_node(n, infer_subgraph); });
    ONWARD_TRY(op->lower(attrs.get(), rewriter));
    ++changes;
  }
  return changes;
}

// What a lowering makes may need lowering itself; a chain this long is a circle.
constexpr int kMaxRounds = 16;

}  // namespace

Result<int> lower_nodes(ir::Graph& g, MissedFusions*) {
  int total = 0;
  for (int round = 0; round < kMaxRounds; ++round) {
    const int changes = ONWARD_TRY(lower_once(g));
    total += changes;
    if (changes == 0) return total;
  }
  return internal_error("operators that lower to one another without end");
}

}  // namespace ow
