#include "passes/match.h"

#include <algorithm>
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

const Tensor* float_constant(const ir::Value* v) {
  if (!v || !v->is_constant()) return nullptr;
  const Tensor& t = *v->fact.constant;
  return t.dtype() == DType::kFloat32 && t.is_dense() ? &t : nullptr;
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

SumMatch sum_behind(const ir::Node& node, const Positions& at, Why& why) {
  const ir::Value* y = node.output(0);
  ir::Node* add = only_reader(y);
  if (!add && why.asked())
    for (const auto& use : y->uses()) {
      const ir::Value* other = use.node->is("Add") ? other_input(use.node, y) : nullptr;
      // What is made later is made of `y`, most often: a shortcut, that has to be in memory.
      if (other && same_shape(other, y) && is_made_before(other, &node, at))
        why.no(1, ReadersOf{y}, "; only ", use.node, " may read it");
    }
  if (!add || !add->is("Add")) return {};
  ir::Value* operand = other_input(add, y);
  return operand ? SumMatch{add, operand} : SumMatch{};
}

// Whether `v` is made by a node like `node`, perhaps with its bias, which takes the sum instead.
static bool is_like(const ir::Value* v, const ir::Node& node) {
  const ir::Node* maker = only_reader(v) ? v->producer() : nullptr;
  for (size_t i = 0; maker && maker->is("Add") && i < 2; ++i) {
    const ir::Value *bias = maker->input(i), *product = maker->input(1 - i);
    if (bias && bias->is_constant() && product) maker = product->producer();
  }
  return maker && maker->op_type == node.op_type;
}

bool is_residual(const ir::Value* v, const ir::Node& node, const Positions& at, Why& why) {
  if (!v) return false;
  const ir::Type &type = v->type(), &sum = node.output(0)->type();
  if (v->is_constant()) return why.no(2, "what is added, ", v, ", is a constant, ", type), false;
  if (type.dtype != DType::kFloat32) return why.no(2, "what is added, ", v, ", is ", type), false;
  if (!same_shape(v, node.output(0)))
    return why.no(2, "what is added, ", v, ", is ", type, ", expected the shape of ", node.output(0), ", ",
                  sum),
           false;
  if (is_made_before(v, &node, at)) return true;
  if (!is_like(v, node)) why.no(2, "what is added, ", v, ", is made later, by ", MakerOf{v});
  return false;
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

namespace {

constexpr std::string_view kActivations[] = {
    "Relu", "LeakyRelu", "Sigmoid", "Tanh",     "HardSwish", "Gelu", "HardSigmoid", "Clip",           "PRelu",
    "Elu",  "Selu",      "Celu",    "Softplus", "Softsign",  "Mish", "Swish",       "ThresholdedRelu"};

bool is_activation(const ir::Node& n) {
  return std::any_of(std::begin(kActivations), std::end(kActivations), [&](auto name) { return n.is(name); });
}

// x * gate(x), of whose two nodes `n` and `other` each reads x.
std::optional<ActivationMatch> gated_activation(const ir::Value& x, ir::Node* n, ir::Node* other, Why& why) {
  ir::Node* gate = n->is("Mul") ? other : n;
  ir::Node* product = n->is("Mul") ? n : other;
  const bool silu = gate->is("Sigmoid");
  if (!product->is("Mul") || gate->graph() != product->graph() || (!silu && !gate->is("HardSigmoid"))) {
    if (is_activation(*n) || is_activation(*other)) why.no(1, ReadersOf{&x}, "; only one may read it");
    return std::nullopt;
  }
  if (only_reader(gate->output(0)) != product)
    return why.no(2, ReadersOf{gate->output(0)}, "; only ", product, " may read it");
  if (silu) return ActivationMatch{product, "silu"};
  const AttrReader a(*gate);
  const float alpha = a.real("alpha", 0.2f), beta = a.real("beta", 0.5f);
  if (std::abs(alpha - 1.0f / 6) < 1e-6f && beta == 0.5f) return ActivationMatch{product, "hard_swish"};
  return why.no(3, gate, " has other factors than hard-swish: alpha is not 1/6, or beta not 1/2");
}

}  // namespace

bool meets_activation(const ir::Value& v) {
  return std::any_of(v.uses().begin(), v.uses().end(),
                     [](const auto& use) { return is_activation(*use.node); });
}

std::optional<ActivationMatch> activation_of(const ir::Value& x, Why& why) {
  if (x.output_uses() > 0 || x.uses().empty() || x.uses().size() > 2) {
    if (why.asked() && meets_activation(x)) why.no(1, ReadersOf{&x}, "; only an activation may read it");
    return std::nullopt;
  }
  ir::Node* n = x.uses()[0].node;
  if (x.uses().size() == 2) return gated_activation(x, n, x.uses()[1].node, why);
  if (n->input(0) != &x) return std::nullopt;
  auto plain = plain_activation(*n);
  if (!plain && why.asked() && is_activation(*n))
    why.no(2, n->is("Clip") ? "the bounds of " : "the activation ", n,
           n->is("Clip") ? " are not two ordered constants"
                         : " has no form in the kernel of the node before it");
  return plain;
}

void set_activation(ir::Node& node, const ActivationMatch& activation, std::string_view prefix) {
  node.attributes.insert_or_assign(cat(prefix, "activation"), activation.name);
  node.attributes.insert_or_assign(cat(prefix, "alpha"), activation.alpha);
  node.attributes.insert_or_assign(cat(prefix, "beta"), activation.beta);
}

bool take_activation(ir::Node& node, ir::Patch& patch, Why& why, std::string_view prefix) {
  const auto found = activation_of(*node.output(0), why);
  if (!found || found->last->graph() != node.graph()) return false;
  set_activation(node, *found, prefix);
  // What read the plain value now reads the activated one: only the fused nodes did, and they are dead.
  patch.replace_uses(found->last->output(0), node.output(0));
  return true;
}

}  // namespace ow
