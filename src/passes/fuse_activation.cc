// Activation(Conv(x, W, b)) becomes one node, onward.Conv with attributes `activation`, `alpha` and `beta`:
// the product is activated before it is stored. SiLU and hard-swish are found in their decomposed forms, too:
//   x * Sigmoid(x),   x * HardSigmoid(x; 1/6, 1/2)
#include <cmath>

#include "ops/op/attributes.h"
#include "passes/passes.h"

namespace ow {
namespace {

struct Activation {
  ir::Node* last = nullptr;  // whose output the fused node makes
  std::string name;
  float alpha = 0, beta = 0;
};

std::optional<float> scalar(const ir::Value* v) {
  if (!v || !v->is_constant()) return std::nullopt;
  const Tensor& t = *v->fact.constant;
  if (t.dtype() != DType::kFloat32 || t.count() != 1) return std::nullopt;
  return t.data<float>()[0];
}

// The activation that alone reads `x`; x * f(x) reads it twice.
std::optional<Activation> reader(const ir::Value& x) {
  if (x.output_uses() > 0 || x.uses().empty() || x.uses().size() > 2) return std::nullopt;
  ir::Node* n = x.uses()[0].node;
  if (x.uses().size() == 2) {
    ir::Node* other = x.uses()[1].node;
    ir::Node* gate = n->is("Mul") ? other : n;
    ir::Node* product = n->is("Mul") ? n : other;
    if (!product->is("Mul") || gate->graph() != product->graph() || !gate->output(0)) return std::nullopt;
    if (gate->output(0)->uses().size() != 1 || gate->output(0)->output_uses() > 0 ||
        gate->output(0)->uses()[0].node != product)
      return std::nullopt;
    if (gate->is("Sigmoid")) return Activation{product, "silu"};
    const AttrReader a(*gate);
    if (gate->is("HardSigmoid") && std::abs(a.real("alpha", 0.2f) - 1.0f / 6) < 1e-6f &&
        a.real("beta", 0.5f) == 0.5f)
      return Activation{product, "hard_swish"};
    return std::nullopt;
  }
  const AttrReader a(*n);
  if (n->is("Relu")) return Activation{n, "relu"};
  if (n->is("LeakyRelu")) return Activation{n, "leaky_relu", a.real("alpha", 0.01f)};
  if (n->is("Sigmoid")) return Activation{n, "sigmoid"};
  if (n->is("Tanh")) return Activation{n, "tanh"};
  if (n->is("HardSwish")) return Activation{n, "hard_swish"};
  if (n->is("HardSigmoid")) return Activation{n, "hard_sigmoid", a.real("alpha", 0.2f), a.real("beta", 0.5f)};
  if (n->is("Clip") && n->input(0) == &x) {
    const auto low = scalar(n->input(1)), high = scalar(n->input(2));
    if ((low || !n->input(1)) && (high || !n->input(2)) && low.value_or(-INFINITY) <= high.value_or(INFINITY))
      return Activation{n, "clip", low.value_or(-INFINITY), high.value_or(INFINITY)};
  }
  return std::nullopt;
}

}  // namespace

Result<int> fuse_activation(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("Conv") || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32) continue;
    auto found = reader(*node->output(0));
    if (!found || found->last->graph() != &g) continue;
    node->domain = "onward";
    node->attributes.insert_or_assign("activation", found->name);
    node->attributes.insert_or_assign("alpha", found->alpha);
    node->attributes.insert_or_assign("beta", found->beta);
    patch.replace_uses(found->last->output(0), node->output(0));
    // What read the plain sum now reads the activated one: only the fused nodes did, and they are dead.
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
