#include "passes/match.h"

#include <cmath>

#include "ops/op/attributes.h"

namespace ow {

bool has_subgraphs(const ir::Node& node) {
  bool found = false;
  node.visit_subgraphs([&](const std::string&, ir::Graph&) { found = true; });
  return found;
}

ir::Node* only_reader(const ir::Value* v) {
  if (!v || v->output_uses() > 0 || v->uses().size() != 1) return nullptr;
  ir::Node* n = v->uses()[0].node;
  return n->graph() == v->graph() ? n : nullptr;
}

std::optional<float> scalar(const ir::Value* v) {
  if (!v || !v->is_constant()) return std::nullopt;
  const Tensor& t = *v->fact.constant;
  if (t.dtype() != DType::kFloat32 || t.count() != 1) return std::nullopt;
  return t.data<float>()[0];
}

bool is_number(const ir::Value* v, float number) {
  const auto s = scalar(v);
  return s && std::abs(*s - number) <= 1e-4f * std::abs(number);
}

ir::Value* other_input(const ir::Node* node, const ir::Value* v) {
  if (!node || node->inputs().size() != 2 || node->input(0) == node->input(1)) return nullptr;
  return node->input(0) == v ? node->input(1) : node->input(1) == v ? node->input(0) : nullptr;
}

ir::Node* made_by(const ir::Value* v, std::string_view op_type) {
  ir::Node* n = v ? v->producer() : nullptr;
  return n && n->is(op_type) ? n : nullptr;
}

bool same_shape(const ir::Value* a, const ir::Value* b) {
  return a && b && a->type().shape && b->type().shape && *a->type().shape == *b->type().shape;
}

Positions positions(const ir::Graph& g) {
  Positions at;
  for (const auto& node : g.nodes()) at.emplace(node.get(), static_cast<int>(at.size()));
  return at;
}

bool is_made_before(const ir::Value* v, const ir::Node* node, const Positions& at) {
  const ir::Node* maker = v->producer();
  if (!maker || maker->graph() != node->graph()) return true;  // an input, a constant, or of a graph around
  const auto a = at.find(maker), b = at.find(node);
  return a != at.end() && b != at.end() && a->second < b->second;
}

SumMatch sum_behind(const ir::Node& node) {
  ir::Node* add = only_reader(node.output(0));
  if (!add || !add->is("Add")) return {};
  ir::Value* operand = other_input(add, node.output(0));
  return operand ? SumMatch{add, operand} : SumMatch{};
}

bool is_residual(const ir::Value* v, const ir::Node& node, const Positions& at) {
  return v && !v->is_constant() && v->type().dtype == DType::kFloat32 && same_shape(v, node.output(0)) &&
         is_made_before(v, &node, at);
}

void take_sum(ir::Node& node, size_t input, const SumMatch& sum, ir::Patch& patch) {
  patch.set_input(&node, input, sum.operand);
  patch.replace_uses(sum.add->output(0), node.output(0));
  patch.erase(sum.add);
}

std::optional<ActivationMatch> plain_activation(ir::Node& n) {
  const AttrReader a(n);
  if (n.is("Relu")) return ActivationMatch{&n, "relu"};
  if (n.is("LeakyRelu")) return ActivationMatch{&n, "leaky_relu", a.real("alpha", 0.01f)};
  if (n.is("Sigmoid")) return ActivationMatch{&n, "sigmoid"};
  if (n.is("Tanh")) return ActivationMatch{&n, "tanh"};
  if (n.is("HardSwish")) return ActivationMatch{&n, "hard_swish"};
  if (n.is("Gelu"))
    return ActivationMatch{&n, a.text("approximate", "none") == "tanh" ? "gelu_tanh" : "gelu"};
  if (n.is("HardSigmoid"))
    return ActivationMatch{&n, "hard_sigmoid", a.real("alpha", 0.2f), a.real("beta", 0.5f)};
  if (n.is("Clip")) {
    const auto low = scalar(n.input(1)), high = scalar(n.input(2));
    if ((low || !n.input(1)) && (high || !n.input(2)) && low.value_or(-INFINITY) <= high.value_or(INFINITY))
      return ActivationMatch{&n, "clip", low.value_or(-INFINITY), high.value_or(INFINITY)};
  }
  return std::nullopt;
}

std::optional<ActivationMatch> activation_of(const ir::Value& x) {
  if (x.output_uses() > 0 || x.uses().empty() || x.uses().size() > 2) return std::nullopt;
  ir::Node* n = x.uses()[0].node;
  if (x.uses().size() == 2) {
    ir::Node* other = x.uses()[1].node;
    ir::Node* gate = n->is("Mul") ? other : n;
    ir::Node* product = n->is("Mul") ? n : other;
    if (!product->is("Mul") || gate->graph() != product->graph()) return std::nullopt;
    if (only_reader(gate->output(0)) != product) return std::nullopt;
    if (gate->is("Sigmoid")) return ActivationMatch{product, "silu"};
    const AttrReader a(*gate);
    if (gate->is("HardSigmoid") && std::abs(a.real("alpha", 0.2f) - 1.0f / 6) < 1e-6f &&
        a.real("beta", 0.5f) == 0.5f)
      return ActivationMatch{product, "hard_swish"};
    return std::nullopt;
  }
  return n->input(0) == &x ? plain_activation(*n) : std::nullopt;
}

void set_activation(ir::Node& node, const ActivationMatch& activation) {
  node.attributes.insert_or_assign("activation", activation.name);
  node.attributes.insert_or_assign("alpha", activation.alpha);
  node.attributes.insert_or_assign("beta", activation.beta);
}

bool take_activation(ir::Node& node, ir::Patch& patch) {
  const auto found = activation_of(*node.output(0));
  if (!found || found->last->graph() != node.graph()) return false;
  set_activation(node, *found);
  // What read the plain value now reads the activated one: only the fused nodes did, and they are dead.
  patch.replace_uses(found->last->output(0), node.output(0));
  return true;
}

}  // namespace ow
