// Attention from the nodes that exporters write for it, for float32 of rank 4:
//
//   MatMul(Softmax(MatMul(q, t) * scale + mask), v)      q [B, H, L, D], t [B, H, D, S], v [B, H, S, E]
//
// becomes onward.Attention(q, t, v, mask). The scale is a constant, multiplied with or divided by; it and the
// mask, of [L, S] or broadcast to [B, H, L, S] along other axes than the last, may be absent. What is between
// the products has no other reader.
#include "passes/match.h"
#include "passes/passes.h"

#include "ops/op/attributes.h"

namespace ow {
namespace {

bool same(const Dim& a, const Dim& b) { return a == b && !(a == Dim::unknown()); }

const SymShape* shape_of(const ir::Value* v) {
  return v && v->type().dtype == DType::kFloat32 && v->type().shape ? &*v->type().shape : nullptr;
}
const SymShape* four_axes(const ir::Value* v) {
  const SymShape* s = shape_of(v);
  return s && s->size() == 4 ? s : nullptr;
}

struct Match {
  ir::Value *q = nullptr, *t = nullptr, *v = nullptr, *mask = nullptr;
  float scale = 1;
};

// Whether `v` can be added to the scores without making them larger.
bool is_mask(const ir::Value* v, const SymShape& scores) {
  const SymShape* s = shape_of(v);
  if (!s || s->empty() || s->size() > 4 || !same(s->back(), scores.back())) return false;
  for (size_t i = 0; i < s->size(); ++i) {
    const Dim& d = (*s)[i];
    if (!d.is(1) && !same(d, scores[4 - s->size() + i])) return false;
  }
  return true;
}

// The scores before `node`, an Add of a mask or a product with a number that is taken into `m`; else `x`
// itself.
ir::Value* before_mask(ir::Value* x, Match& m) {
  ir::Node* add = made_by(x, "Add");
  for (size_t i = 0; add && i < 2; ++i)
    if (only_reader(add->input(i)) == add && same_shape(add->input(i), x) && four_axes(x) &&
        is_mask(add->input(1 - i), *four_axes(x)) && !made_by(add->input(1 - i), "MatMul")) {
      m.mask = add->input(1 - i);
      return add->input(i);
    }
  return x;
}
ir::Value* before_scale(ir::Value* x, Match& m) {
  ir::Node *mul = made_by(x, "Mul"), *div = made_by(x, "Div");
  for (size_t i = 0; mul && i < 2; ++i)
    if (const auto c = scalar(mul->input(1 - i)); c && only_reader(mul->input(i)) == mul) {
      m.scale = *c;
      return mul->input(i);
    }
  if (div)
    if (const auto c = scalar(div->input(1)); c && *c != 0 && only_reader(div->input(0)) == div) {
      m.scale = 1 / *c;
      return div->input(0);
    }
  return x;
}

std::optional<Match> match(const ir::Node& last) {
  Match m;
  ir::Node* softmax = made_by(last.input(0), "Softmax");
  if (!softmax || only_reader(last.input(0)) != &last || !four_axes(last.input(0))) return std::nullopt;
  const int64_t axis = AttrReader(*softmax).integer("axis", -1);
  if ((axis != -1 && axis != 3) || only_reader(softmax->input(0)) != softmax) return std::nullopt;
  ir::Value* scores = before_scale(before_mask(softmax->input(0), m), m);
  ir::Node* first = made_by(scores, "MatMul");
  if (!first || !only_reader(scores) || !same_shape(scores, last.input(0))) return std::nullopt;
  m.q = first->input(0), m.t = first->input(1), m.v = last.input(1);
  const SymShape *q = four_axes(m.q), *t = four_axes(m.t), *v = four_axes(m.v);
  if (!q || !t || !v) return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (!same((*q)[i], (*t)[i]) || !same((*q)[i], (*v)[i])) return std::nullopt;
  if (!same((*q)[3], (*t)[2]) || !same((*t)[3], (*v)[2])) return std::nullopt;
  return m;
}

}  // namespace

Result<int> fuse_attention(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("MatMul") || !node->output(0)) continue;
    const auto m = match(*node);
    if (!m) continue;
    std::vector<ir::Value*> inputs = {m->q, m->t, m->v};
    if (m->mask) inputs.push_back(m->mask);
    ir::Node* fused =
        patch.insert(node.get(), "Attention", "onward", std::move(inputs), 1, {{"scale", m->scale}});
    fused->output(0)->fact.type = node->output(0)->fact.type;
    patch.replace_uses(node->output(0), fused->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
