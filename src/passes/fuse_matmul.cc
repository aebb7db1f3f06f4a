// MatMul with one constant matrix, and the nodes behind it, become one node onward.MatMul:
//
//   activation(MatMul(x, W) + bias + residual)
//
// bias a constant row, residual a value of the product's shape. An activation between the bias and the
// residual ends the chain: the sum stays a node of its own. A Gemm takes the activation behind it. Where the
// sum is behind a Transpose of the product, that of the residual undoes it, and the Transpose is of the sum.
#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

bool is_constant(const ir::Value* v) { return v && v->is_constant(); }

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

// Whether the product can take what is behind it.
bool is_candidate(const ir::Node& node, Why& why) {
  const ir::Value *w = node.input(1), *y = node.output(0);
  if (y->type().dtype == DType::kFloat32 && is_one_matrix(w)) return true;
  const ir::Node* reader = why.asked() && w && w->is_constant() ? only_reader(y) : nullptr;
  if (!reader || !(meets_activation(*y) || (reader->is("Add") && is_constant(other_input(reader, y)))))
    return false;
  if (y->type().dtype != DType::kFloat32) return why.no(1, y, " is ", y->type(), ", expected float"), false;
  return why.no(1, "the weights ", w, " are ", w->type(), ", expected one matrix"), false;
}

// Add(Transpose(y), r), as Transpose(y + r') with r' = r transposed back. Whether it was that.
bool take_sum_behind_transpose(ir::Node& node, const Positions& at, ir::Patch& patch) {
  ir::Node* turn = only_reader(node.output(0));
  const auto perm = turn && turn->is("Transpose") ? AttrReader(*turn).maybe_integers("perm") : std::nullopt;
  ir::Node* add = perm ? only_reader(turn->output(0)) : nullptr;
  ir::Value* operand = add && add->is("Add") ? other_input(add, turn->output(0)) : nullptr;
  if (!operand || operand->is_constant() || operand->type().dtype != DType::kFloat32 ||
      !same_shape(operand, turn->output(0)) || !is_made_before(operand, &node, at))
    return false;
  ir::Ints back(perm->size());
  for (size_t i = 0; i < perm->size(); ++i) back[static_cast<size_t>((*perm)[i])] = static_cast<int64_t>(i);
  ir::Node* turned = patch.insert(&node, "Transpose", "", {operand}, 1, {{"perm", std::move(back)}});
  turned->output(0)->fact.type = node.output(0)->type();
  patch.set_input(&node, 3, turned->output(0));
  patch.replace_uses(add->output(0), turn->output(0));
  patch.erase(add);
  return true;
}

// Returns whether it took anything.
bool take_what_follows(ir::Node& node, const Positions& at, ir::Patch& patch, Why& why) {
  bool fused = false;
  if (const SumMatch sum = sum_behind(node, at, why); is_row(sum.operand, node.input(1), node.output(0))) {
    take_sum(node, 2, sum, patch);
    fused = true;
  }
  if (take_activation(node, patch, why)) return true;
  if (take_sum_behind_transpose(node, at, patch)) return true;
  const SumMatch sum = sum_behind(node, at, why);
  if (!fused && is_constant(sum.operand))
    why.no(2, "the bias ", sum.operand, " is ", sum.operand->type(), ", expected a row as long as those of ",
           node.input(1), ", ", node.input(1)->type());
  if (!is_residual(sum.operand, node, at, why)) return fused;
  take_sum(node, 3, sum, patch);
  take_activation(node, patch, why);
  return true;
}

// Gemm has its bias already, and factors under the names that the activation's have elsewhere.
bool activate_gemm(ir::Node& node, ir::Patch& patch, Why& why) {
  const ir::Value* y = node.output(0);
  if (y->type().dtype == DType::kFloat32) return take_activation(node, patch, why, "fused_");
  if (why.asked() && meets_activation(*y)) why.no(1, y, " is ", y->type(), ", expected float");
  return false;
}

}  // namespace

Result<int> fuse_matmul(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  const Positions at = positions(g);
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->output(0) || !node->output(0)->type().shape) continue;
    Why why(missed, *node);
    const bool fused = node->is("Gemm") ? activate_gemm(*node, patch, why)
                       : node->is("MatMul")
                           ? is_candidate(*node, why) && take_what_follows(*node, at, patch, why)
                           : false;
    if (!fused) continue;
    node->domain = "onward";
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
