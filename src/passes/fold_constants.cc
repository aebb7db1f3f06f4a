// Constant folding, under the limits of fold.h: a model never grows past them.
#include <algorithm>
#include <unordered_set>

#include "ops/op/evaluate.h"
#include "ops/op/op.h"
#include "passes/fold.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// Quantised weights stay small: unpacking them is the plan's business.
bool keeps_weights_small(const ir::Node& n) { return n.is("DequantizeLinear"); }

// The values of which more is known than when their readers were inferred.
class Sharpened {
 public:
  void add(const ir::Value& v) { values_.insert(&v); }

  // Again, with what has become known of the inputs. An error is left for the run to find.
  void infer(ir::Node& node) {
    const auto is_sharper = [&](const ir::Value* v) { return v && values_.contains(v); };
    if (has_subgraphs(node) || std::ranges::none_of(node.inputs(), is_sharper)) return;
    std::vector<ir::Fact> before;
    for (const ir::Value* v : node.outputs()) before.push_back(v ? v->fact : ir::Fact());
    if (!infer_node(node).ok()) return;
    for (size_t o = 0; o < before.size(); ++o) {
      const ir::Value* v = node.output(o);
      if (v && (v->type().shape != before[o].type.shape || v->fact.elements != before[o].elements)) add(*v);
    }
  }

 private:
  std::unordered_set<const ir::Value*> values_;
};

}  // namespace

Result<int> fold_constant_nodes(ir::Graph& g, MissedFusions*) {
  int folded = 0;
  for (const auto& node : g.nodes()) folded += node->is("Constant") && fold_node(*node);
  ir::Patch(g).erase_dead();
  return folded;
}

// Nodes in order: what one makes constant lets the next one fold, and sharpens what inference says of those
// after it, such as of a Reshape whose target has become known.
Result<int> fold_constants(ir::Graph& g, MissedFusions*) {
  Sharpened sharpened;
  int folded = 0;
  for (const auto& node : g.nodes()) {
    sharpened.infer(*node);
    const std::vector<ir::Value*> outputs = node->outputs();
    if (!fold_known_elements(*node) && (keeps_weights_small(*node) || !fold_node(*node))) continue;
    for (const ir::Value* v : outputs)
      if (v) sharpened.add(*v);
    ++folded;
  }
  ir::Patch(g).erase_dead();
  return folded;
}

Result<int> eliminate_dead(ir::Graph& g, MissedFusions*) { return ir::Patch(g).erase_dead(); }

}  // namespace ow
