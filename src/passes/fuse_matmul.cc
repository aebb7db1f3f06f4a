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
    if (const SumMatch sum = sum_behind(*node); is_row(sum.operand, node->input(1), y)) {
      take_sum(*node, 2, sum, patch);
      fused = true;
    }
    if (take_activation(*node, patch)) {
      fused = true;
    } else if (const SumMatch sum = sum_behind(*node); is_residual(sum.operand, *node, at)) {
      take_sum(*node, 3, sum, patch);
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
