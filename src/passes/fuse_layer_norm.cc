// LayerNormalization from the nodes that exporters write for it:
//
//   d = x - ReduceMean(x),   d / Sqrt(ReduceMean(d^2) + epsilon) * scale + bias
//
// with the means over the same last axes, d^2 as a power or a product, and scale and bias constants of the
// shape of those axes.
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
};

// d^2 -> ReduceMean over the same axes.
const ir::Node* variance_of(const ir::Value* square_root_input, const ir::Value* d, float* epsilon) {
  const ir::Node* add = made_by(square_root_input, "Add");
  if (!add) return nullptr;
  for (size_t i = 0; i < 2; ++i) {
    const auto e = scalar(add->input(1 - i));
    const ir::Node* mean = made_by(add->input(i), "ReduceMean");
    if (!e || !mean) continue;
    const ir::Node* pow = made_by(mean->input(0), "Pow");
    const ir::Node* mul = made_by(mean->input(0), "Mul");
    const bool square = (pow && pow->input(0) == d && is_number(pow->input(1), 2)) ||
                        (mul && mul->input(0) == d && mul->input(1) == d);
    if (!square) continue;
    *epsilon = *e;
    return mean;
  }
  return nullptr;
}

std::optional<Match> match(const ir::Node& div) {
  Match m;
  const ir::Value* d = div.input(0);
  const ir::Node* sub = made_by(d, "Sub");
  const ir::Node* root = made_by(div.input(1), "Sqrt");
  if (!sub || !root || div.output(0)->type().dtype != DType::kFloat32) return std::nullopt;
  m.x = sub->input(0);
  const ir::Node* mean = made_by(sub->input(1), "ReduceMean");
  const ir::Node* variance = variance_of(root->input(0), d, &m.epsilon);
  if (!mean || !variance || mean->input(0) != m.x) return std::nullopt;
  const auto axis = first_axis(*mean), again = first_axis(*variance);
  if (!axis || axis != again || m.epsilon < 0) return std::nullopt;
  m.axis = *axis;
  ir::Node* mul = only_reader(div.output(0));
  if (!mul || !mul->is("Mul")) return std::nullopt;
  m.scale = other_input(mul, div.output(0));
  if (!covers(m.scale, m.x, m.axis)) return std::nullopt;
  m.last = mul;
  ir::Node* add = only_reader(mul->output(0));
  if (!add || !add->is("Add")) return m;
  ir::Value* bias = other_input(add, mul->output(0));
  if (covers(bias, m.x, m.axis)) m.bias = bias, m.last = add;
  return m;
}

}  // namespace

Result<int> fuse_layer_norm(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("Div") || !node->output(0)) continue;
    const auto m = match(*node);
    if (!m || m->last->graph() != &g) continue;
    std::vector<ir::Value*> inputs = {m->x, m->scale};
    if (m->bias) inputs.push_back(m->bias);
    ir::Node* norm = patch.insert(m->last, "LayerNormalization", "", std::move(inputs), 1,
                                  {{"axis", static_cast<int64_t>(m->axis)}, {"epsilon", m->epsilon}});
    norm->output(0)->fact.type = m->last->output(0)->fact.type;
    patch.replace_uses(m->last->output(0), norm->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
