// LayerNormalization and RMSNormalization from the nodes that exporters write for them:
//
//   d = x - ReduceMean(x),   d / Sqrt(ReduceMean(d^2) + epsilon) * scale + bias
//                            x / Sqrt(ReduceMean(x^2) + epsilon) * scale
//
// with the means over the same last axes, d^2 as a power or a product, the quotient also as a product with
// 1 / Sqrt, and scale and bias constants of the shape of those axes. The root mean square may have no scale:
// a Cast before it, or one that is computed, stays behind.
#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// The first of the axes that `mean` reduces, if they are the last ones of its input and are kept; else
// nullopt.
std::optional<size_t> first_axis(const ir::Node& mean) {
  const ir::Value* x = mean.input(0);
  if (!x || !x->type().shape || AttrReader(mean).integer("keepdims", 1) != 1) return std::nullopt;
  const auto rank = static_cast<int64_t>(x->type().shape->size());
  const ir::Value* axes = mean.input(1);
  if (!axes || !axes->fact.elements) return std::nullopt;
  int64_t first = rank;
  for (const Dim& d : *axes->fact.elements) {
    const auto axis = d.constant();
    if (!axis) return std::nullopt;
    first = std::min(first, *axis < 0 ? *axis + rank : *axis);
  }
  const bool last_ones =
      first >= 0 && first < rank && rank - first == static_cast<int64_t>(axes->fact.elements->size());
  return last_ones ? std::optional(static_cast<size_t>(first)) : std::nullopt;
}

std::string axes_text(const ir::Node& mean) {
  const ir::Value* axes = mean.input(1);
  if (!axes || !axes->fact.elements) return "unknown axes";
  std::string text = "axes [";
  for (const Dim& d : *axes->fact.elements) text += cat(text.back() == '[' ? "" : ",", d.text());
  return cat(text, AttrReader(mean).integer("keepdims", 1) == 1 ? "]" : "] (keepdims = 0)");
}

// A constant over exactly the axes of `x` from `axis` on.
bool covers(const ir::Value* v, const ir::Value* x, size_t axis) {
  if (!v || !v->is_constant() || v->type().dtype != x->type().dtype) return false;
  const Shape& s = v->fact.constant->shape();
  const SymShape& whole = *x->type().shape;
  if (s.rank() != whole.size() - axis) return false;
  for (size_t i = 0; i < s.rank(); ++i)
    if (!whole[axis + i].is(s[i])) return false;
  return true;
}

struct Match {
  ir::Value *x = nullptr, *scale = nullptr, *bias = nullptr;
  ir::Node* last = nullptr;
  size_t axis = 0;
  float epsilon = 0;
  bool centered = true;  // the mean is taken off
};

// `v` as the mean of a square plus epsilon: what is squared, and the ReduceMean.
struct Variance {
  const ir::Value* squared = nullptr;
  const ir::Node* mean = nullptr;
  float epsilon = 0;
};

std::optional<Variance> variance_of(const ir::Value* v) {
  const ir::Node* add = made_by(v, "Add");
  for (size_t i = 0; add && i < 2; ++i) {
    const auto epsilon = scalar(add->input(1 - i));
    const ir::Node* mean = made_by(add->input(i), "ReduceMean");
    if (!epsilon || !mean) continue;
    const ir::Node* pow = made_by(mean->input(0), "Pow");
    const ir::Node* mul = made_by(mean->input(0), "Mul");
    if (pow && is_number(pow->input(1), 2)) return Variance{pow->input(0), mean, *epsilon};
    if (mul && mul->input(0) == mul->input(1)) return Variance{mul->input(0), mean, *epsilon};
  }
  return std::nullopt;
}

// The product behind `quotient`, and the sum behind that.
bool match_scale(const ir::Node& quotient, Match& m, Why& why) {
  const ir::Value* y = quotient.output(0);
  ir::Node* mul = only_reader(y);
  if (!mul) return why.no(5, ReadersOf{y}, "; only its product with the scale may read it"), false;
  m.scale = mul->is("Mul") ? other_input(mul, y) : nullptr;
  if (!m.scale) return why.no(5, ReadersOf{y}, ", expected its product with the scale"), false;
  if (!covers(m.scale, m.x, m.axis))
    return why.no(6, "the scale ", m.scale, m.scale->is_constant() ? " is " : " is not constant, but ",
                  m.scale->type(), "; expected a constant over the axes from ", m.axis, " on of ",
                  m.x->type()),
           false;
  m.last = mul;
  ir::Node* add = only_reader(mul->output(0));
  ir::Value* bias = add && add->is("Add") ? other_input(add, mul->output(0)) : nullptr;
  if (covers(bias, m.x, m.axis)) m.bias = bias, m.last = add;
  return true;
}

// The node that makes d / root, where `node` divides by the root: d, or 1 for a product with d.
ir::Node* quotient_of(ir::Node& node, const ir::Value* d, Why& why) {
  if (node.is("Div") && node.input(0) == d) return &node;
  if (node.is("Div") && scalar(node.input(0)) != 1.0f)
    return why.no(3, "it divides ", node.input(0), ", expected ", d), nullptr;
  ir::Node* mul = only_reader(node.output(0));
  if (!mul || !mul->is("Mul") || other_input(mul, node.output(0)) != d || !same_shape(mul->output(0), d))
    return why.no(3, "one by the root: ", ReadersOf{node.output(0)}, ", expected its product with ", d),
           nullptr;
  return mul;
}

// x itself by the root. Where no constant scale is behind it, it has none.
std::optional<Match> match_root_mean_square(const Variance& variance, ir::Node* quotient, Why& why) {
  Match m{.x = const_cast<ir::Value*>(variance.squared), .epsilon = variance.epsilon, .centered = false};
  const auto axis = first_axis(*variance.mean);
  if (!axis)
    return why.asked() ? why.no(4, "the mean is over ", axes_text(*variance.mean), " of ", m.x->type(),
                                ", expected the last axes of a known number, kept")
                       : std::nullopt;
  m.axis = *axis;
  m.last = quotient;
  ir::Node* mul = only_reader(quotient->output(0));
  m.scale = mul && mul->is("Mul") ? other_input(mul, quotient->output(0)) : nullptr;
  if (covers(m.scale, m.x, m.axis)) return m.last = mul, m;
  m.scale = nullptr;
  for (size_t i = m.axis; i < m.x->type().shape->size(); ++i)
    if (!(*m.x->type().shape)[i].constant())
      return why.no(5, "no constant scale is behind it, and ", m.x, ", ", m.x->type(),
                    ", has no known size there");
  return m;
}

// `node`: what divides by the root.
std::optional<Match> match(ir::Node& node, Why& why) {
  const ir::Node* root = made_by(node.input(node.is("Reciprocal") ? 0 : 1), "Sqrt");
  if (root && node.output(0)->type().dtype != DType::kFloat32) {
    const ir::Node* add = made_by(root->input(0), "Add");
    if (add && (made_by(add->input(0), "ReduceMean") || made_by(add->input(1), "ReduceMean")))
      why.no(1, node.output(0), " is ", node.output(0)->type(), ", expected float");
    return std::nullopt;
  }
  const auto variance = root ? variance_of(root->input(0)) : std::nullopt;
  if (!variance) return std::nullopt;  // any quotient
  ir::Node* quotient = quotient_of(node, variance->squared, why);
  if (!quotient) return std::nullopt;
  if (variance->epsilon < 0) return why.no(4, "epsilon is negative");
  const ir::Node* sub = made_by(variance->squared, "Sub");
  const ir::Node* mean = sub ? made_by(sub->input(1), "ReduceMean") : nullptr;
  if (!mean || mean->input(0) != sub->input(0)) return match_root_mean_square(*variance, quotient, why);
  Match m{.x = sub->input(0), .epsilon = variance->epsilon};
  const auto axis = first_axis(*mean), again = first_axis(*variance->mean);
  if (!axis || axis != again)
    return why.asked()
               ? why.no(4, "the means are over ", axes_text(*mean), " and ", axes_text(*variance->mean),
                        " of ", m.x->type(), ", expected the last axes of a known number, kept")
               : std::nullopt;
  m.axis = *axis;
  return match_scale(*quotient, m, why) ? std::optional(m) : std::nullopt;
}

Result<ir::Value*> ones(const Match& m, ir::Patch& patch) {
  Shape shape;
  for (size_t i = m.axis; i < m.x->type().shape->size(); ++i)
    shape.push_back(*(*m.x->type().shape)[i].constant());
  Tensor t = ONWARD_TRY(Tensor::allocate(DType::kFloat32, shape));
  for (float& one : t.mutable_span<float>()) one = 1;
  return patch.constant(std::move(t));
}

}  // namespace

Result<int> fuse_layer_norm(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if ((!node->is("Div") && !node->is("Reciprocal")) || !node->output(0)) continue;
    Why why(missed, *node);
    const auto m = match(*node, why);
    if (!m || m->last->graph() != &g) continue;
    ir::Value* const scale = m->scale ? m->scale : ONWARD_TRY(ones(*m, patch));
    std::vector<ir::Value*> inputs = {m->x, scale};
    if (m->bias) inputs.push_back(m->bias);
    ir::Node* norm =
        patch.insert(m->last, m->centered ? "LayerNormalization" : "RMSNormalization", "", std::move(inputs),
                     1, {{"axis", static_cast<int64_t>(m->axis)}, {"epsilon", m->epsilon}});
    norm->output(0)->fact.type = m->last->output(0)->fact.type;
    patch.replace_uses(m->last->output(0), norm->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
