// Gelu from the nodes that exporters write for it, in any order of the factors:
//
//   x / 2 * (1 + Erf(x / sqrt 2))                                   approximate = none
//   x / 2 * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))           approximate = tanh
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// x for v = x * factor, written as a product or a quotient by a constant; null if v is not that.
ir::Value* scaled(const ir::Value* v, float factor) {
  if (const ir::Node* mul = made_by(v, "Mul")) {
    if (is_number(mul->input(1), factor)) return mul->input(0);
    if (is_number(mul->input(0), factor)) return mul->input(1);
  }
  const ir::Node* div = made_by(v, "Div");
  return div && is_number(div->input(1), 1 / factor) ? div->input(0) : nullptr;
}

bool is_cube(const ir::Value* v, const ir::Value* x) {
  if (const ir::Node* pow = made_by(v, "Pow")) return pow->input(0) == x && is_number(pow->input(1), 3);
  const ir::Node* mul = made_by(v, "Mul");
  const ir::Value* square = mul ? other_input(mul, x) : nullptr;
  const ir::Node* inner = made_by(square, "Mul");
  return inner && inner->input(0) == x && inner->input(1) == x;
}

constexpr float kTanhFactor = 0.7978845608f;  // sqrt(2 / pi)

// x of x + 0.044715 x^3.
ir::Value* tanh_argument(const ir::Value* sum) {
  const ir::Node* add = made_by(sum, "Add");
  if (!add) return nullptr;
  for (size_t i = 0; i < 2; ++i) {
    ir::Value* x = add->input(i);
    const ir::Value* cube = scaled(add->input(1 - i), 0.044715f);
    if (x && cube && is_cube(cube, x)) return x;
  }
  return nullptr;
}

// The node that makes x / 2 * v, where v alone is read by what leads there.
ir::Node* half_product(ir::Value* v, const ir::Value* x, Why& why) {
  ir::Node* mul = only_reader(v);
  if (!mul) return why.no(3, ReadersOf{v}, "; only its product with x / 2 may read it"), nullptr;
  const ir::Value* other = mul->is("Mul") ? other_input(mul, v) : nullptr;
  if (!other) return why.no(3, "its sum with 1 is read by ", mul, ", expected a product with x / 2"), nullptr;
  if (scaled(other, 0.5f) == x) return mul;
  ir::Node* last = only_reader(mul->output(0));
  if (other == x) {
    if (!last)
      return why.no(4, ReadersOf{mul->output(0)}, "; only its product with 1/2 may read it"), nullptr;
    if ((last->is("Mul") || last->is("Div")) && scaled(last->output(0), 0.5f) == mul->output(0)) return last;
    return why.no(4, "x times its sum with 1 is read by ", last, ", expected a product with 1/2"), nullptr;
  }
  // x * (v / 2)
  if (is_number(other, 0.5f) && last && last->is("Mul") && other_input(last, mul->output(0)) == x)
    return last;
  return why.no(4, "its sum with 1 is multiplied with ", MakerOf{other}, ", expected ", x, " or half of it"),
         nullptr;
}

struct Match {
  ir::Value* x = nullptr;
  ir::Node* last = nullptr;
};

std::optional<Match> match(const ir::Node& node, Why& why) {
  const bool erf = node.is("Erf");
  const ir::Value* y = node.output(0);
  ir::Node* plus = only_reader(y);
  if (y->type().dtype != DType::kFloat32) {
    if ((made_by(node.input(0), "Mul") || made_by(node.input(0), "Div")) && plus && plus->is("Add"))
      why.no(1, y, " is ", y->type(), ", expected float");
    return std::nullopt;
  }
  const ir::Value* argument = erf ? node.input(0) : scaled(node.input(0), kTanhFactor);
  ir::Value* x = erf ? scaled(argument, 0.70710678f) : tanh_argument(argument);
  const bool adds_one = plus && plus->is("Add") && is_number(other_input(plus, y), 1);
  if (!argument || (!x && !adds_one)) return std::nullopt;  // the function as such
  if (!x && erf) return why.no(1, "its argument is made by ", MakerOf{argument}, ", expected x / sqrt(2)");
  if (!x) return why.no(1, "its argument is not sqrt(2 / pi) * (x + 0.044715 x^3)");
  if (!plus) return why.no(2, ReadersOf{y}, "; only its sum with 1 may read it");
  if (!adds_one) return why.no(2, y, " is read by ", plus, ", expected its sum with the constant 1");
  ir::Node* last = half_product(plus->output(0), x, why);
  if (!last) return std::nullopt;
  if (last->graph() != node.graph()) return why.no(5, "its last product is in another graph");
  if (!same_shape(last->output(0), x))
    return why.no(5, "its result is ", last->output(0)->type(), ", expected that of ", x, ", ", x->type());
  return Match{x, last};
}

}  // namespace

Result<int> fuse_gelu(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if ((!node->is("Erf") && !node->is("Tanh")) || !node->output(0)) continue;
    Why why(missed, *node);
    const auto m = match(*node, why);
    if (!m) continue;
    ir::Node* gelu = patch.insert(m->last, "Gelu", "", {m->x}, 1,
                                  {{"approximate", std::string(node->is("Erf") ? "none" : "tanh")}});
    gelu->output(0)->fact.type = m->last->output(0)->fact.type;
    patch.replace_uses(m->last->output(0), gelu->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
