// Puts Casts around operators that do not compute in a tensor's type (ops/op/widen.h): before the inputs, and
// after the outputs back to the declared type. A value that several nodes need wide is cast once.
#include <map>

#include "ops/op/evaluate.h"
#include "ops/op/widen.h"
#include "passes/infer.h"
#include "passes/passes.h"

namespace ow {
namespace {

DType tensor_type(const ir::Value* v) {
  return v && v->type().is_tensor() ? v->type().dtype : DType::kUndefined;
}

ir::Attributes cast_to(DType t) { return {{"to", static_cast<int64_t>(t)}}; }

}  // namespace

Result<int> widen_types(ir::Graph& g, MissedFusions*) {
  int changes = 0;
  std::map<std::pair<ir::Value*, DType>, ir::Value*> wide;
  std::vector<ir::Node*> nodes;
  for (const auto& node : g.nodes()) nodes.push_back(node.get());
  ir::Patch patch(g);
  for (auto it = nodes.begin(); it != nodes.end(); ++it) {
    ir::Node* node = *it;
    const Op* op = find_op(node->domain, node->op_type);
    if (!op) continue;
    std::vector<DType> types;
    for (const ir::Value* v : node->inputs()) types.push_back(tensor_type(v));
    const Widening plan = plan_widening(*op, types, node->outputs().size());
    if (!plan.needed) continue;
    ++changes;
    for (size_t i = 0; i < plan.inputs.size(); ++i) {
      if (plan.inputs[i] == DType::kUndefined) continue;
      ir::Value*& cast = wide[{node->input(i), plan.inputs[i]}];
      if (!cast) {
        ir::Node* made = patch.insert(node, "Cast", "", {node->input(i)}, 1, cast_to(plan.inputs[i]));
        ONWARD_TRY(infer_node(*made, infer_subgraph));
        cast = made->output(0);
      }
      patch.set_input(node, i, cast);
    }
    ir::Node* after = std::next(it) == nodes.end() ? nullptr : *std::next(it);
    for (size_t o = 0; o < plan.outputs.size(); ++o) {
      ir::Value* v = node->output(o);
      if (!v || plan.outputs[o] == DType::kUndefined) continue;
      ir::Node* made = patch.insert(after, "Cast", "", {}, 1, cast_to(plan.outputs[o]));
      patch.replace_uses(v, made->output(0));
      patch.set_input(made, 0, v);
      made->output(0)->fact.type = v->fact.type;
      v->fact = {};
    }
    ONWARD_TRY(infer_node(*node, infer_subgraph));
  }
  return changes;
}

}  // namespace ow
