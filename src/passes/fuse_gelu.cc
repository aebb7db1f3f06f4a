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

// x of sqrt(2 / pi) * (x + 0.044715 x^3).
ir::Value* tanh_argument(const ir::Value* v) {
  ir::Value* sum = scaled(v, 0.7978845608f);
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
ir::Node* half_product(ir::Value* v, const ir::Value* x) {
  ir::Node* mul = only_reader(v);
  if (!mul || !mul->is("Mul")) return nullptr;
  const ir::Value* other = other_input(mul, v);
  if (!other) return nullptr;
  if (scaled(other, 0.5f) == x) return mul;
  ir::Node* last = only_reader(mul->output(0));
  if (other == x)
    return last && (last->is("Mul") || last->is("Div")) && scaled(last->output(0), 0.5f) == mul->output(0)
               ? last
               : nullptr;
  // x * (v / 2)
  if (!is_number(other, 0.5f) || !last || !last->is("Mul")) return nullptr;
  return other_input(last, mul->output(0)) == x ? last : nullptr;
}

}  // namespace

Result<int> fuse_gelu(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    const bool erf = node->is("Erf"), tanh = node->is("Tanh");
    if ((!erf && !tanh) || !node->output(0) || node->output(0)->type().dtype != DType::kFloat32) continue;
    ir::Value* x = erf ? scaled(node->input(0), 0.70710678f) : tanh_argument(node->input(0));
    ir::Node* plus = only_reader(node->output(0));
    if (!x || !plus || !plus->is("Add") || !is_number(other_input(plus, node->output(0)), 1)) continue;
    ir::Node* last = half_product(plus->output(0), x);
    if (!last || last->graph() != &g || !same_shape(last->output(0), x)) continue;
    ir::Node* gelu =
        patch.insert(last, "Gelu", "", {x}, 1, {{"approximate", std::string(erf ? "none" : "tanh")}});
    gelu->output(0)->fact.type = last->output(0)->fact.type;
    patch.replace_uses(last->output(0), gelu->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
