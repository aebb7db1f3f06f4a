// MatMul with one constant matrix, and the nodes behind it, become one node onward.MatMul:
//
//   activation(MatMul(x, W) + bias + residual)
//
// bias a constant row, residual a value of the product's shape. An activation between the bias and the
// residual ends the chain: the sum stays a node of its own.
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

bool is_one_matrix(const ir::Value* w) {
  if (!w || !w->is_constant() || w->fact.constant->dtype() != DType::kFloat32) return false;
  const Shape& s = w->fact.constant->shape();
  return s.rank() >= 2 && s.count(0, s.rank() - 2) == 1;
}

bool is_row(const ir::Value* v, const ir::Value* w, const ir::Value* y) {
  if (!v || !v->is_constant() || v->fact.constant->dtype() != DType::kFloat32) return false;
  const Shape& s = v->fact.constant->shape();
  const int64_t n = w->fact.constant->shape().back();
  return s.rank() >= 1 && s.rank() <= y->type().shape->size() && s.back() == n &&
         v->fact.constant->count() == n;
}

// The Add that alone reads what `node` makes, and its other operand.
std::pair<ir::Node*, ir::Value*> sum_of(const ir::Node& node) {
  ir::Node* add = only_reader(node.output(0));
  if (!add || !add->is("Add") || add->graph() != node.graph()) return {};
  return {add, other_input(add, node.output(0))};
}

void take(ir::Node& node, size_t input, ir::Node* add, ir::Value* operand, ir::Patch& patch) {
  patch.set_input(&node, input, operand);
  patch.replace_uses(add->output(0), node.output(0));
  patch.erase(add);
}

}  // namespace

Result<int> fuse_matmul(ir::Graph& g) {
  int changes = 0;
  const Positions at = positions(g);
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const ir::Value* y = node->output(0);
    if (!node->is("MatMul") || !y || y->type().dtype != DType::kFloat32 || !y->type().shape ||
        !is_one_matrix(node->input(1)))
      continue;
    bool fused = false;
    if (auto [add, bias] = sum_of(*node); add && is_row(bias, node->input(1), y)) {
      take(*node, 2, add, bias, patch);
      fused = true;
    }
    if (take_activation(*node, patch)) {
      fused = true;
    } else if (auto [add, r] = sum_of(*node); add && r && !r->is_constant() && same_shape(r, y) &&
                                              r->type().dtype == DType::kFloat32 &&
                                              is_made_before(r, node.get(), at)) {
      take(*node, 3, add, r, patch);
      take_activation(*node, patch);
      fused = true;
    }
    if (!fused) continue;
    node->domain = "onward";
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
