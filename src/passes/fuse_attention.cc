// Attention from the nodes that exporters write for it, for float32 of rank 4:
//
//   MatMul(Softmax(MatMul(q, t) * scale + mask), v)      q [B, H, L, D], t [B, H, D, S], v [B, H, S, E]
//
// becomes onward.Attention(q, t, v, mask). The scale is a constant, multiplied with or divided by; it and the
// mask, of [L, S] or broadcast to [B, H, L, S] along other axes than the last, may be absent. What is between
// the products has no other reader.
#include <algorithm>

#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

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

// Whether `v` is a product, as far as nodes go that scores may pass: for the sake of reasons only.
bool comes_from_product(const ir::Value* v, int depth) {
  const ir::Node* n = v ? v->producer() : nullptr;
  if (!n || depth == 0) return false;
  if (n->is("MatMul") || n->is("Einsum")) return true;
  constexpr std::string_view kPassed[] = {"Add", "Sub",  "Mul",     "Div",       "Where",     "Max",
                                          "Min", "Cast", "Reshape", "Transpose", "Unsqueeze", "Clip"};
  if (std::none_of(std::begin(kPassed), std::end(kPassed), [&](auto name) { return n->is(name); }))
    return false;
  return std::any_of(n->inputs().begin(), n->inputs().end(),
                     [&](const ir::Value* x) { return comes_from_product(x, depth - 1); });
}

// The scores before `node`, an Add of a mask or a product with a number that is taken into `m`; else `x`
// itself.
ir::Value* before_mask(ir::Value* x, Match& m, Why& why) {
  ir::Node* add = made_by(x, "Add");
  for (size_t i = 0; add && i < 2; ++i)
    if (only_reader(add->input(i)) == add && same_shape(add->input(i), x) && four_axes(x) &&
        is_mask(add->input(1 - i), *four_axes(x)) && !made_by(add->input(1 - i), "MatMul")) {
      m.mask = add->input(1 - i);
      return add->input(i);
    }
  for (size_t i = 0; add && why.asked() && i < 2; ++i) {
    const ir::Value *scores = add->input(i), *mask = add->input(1 - i);
    if (!comes_from_product(scores, 4)) continue;
    if (only_reader(scores) != add)
      why.no(2, ReadersOf{scores}, "; only ", add, " may read it");
    else
      why.no(2, "the mask ", mask, " is ", mask->type(), " and the scores with it ", x->type(),
             ", expected a mask that leaves ", scores, ", ", scores->type(), ", as large as they are");
    break;
  }
  return x;
}
ir::Value* before_scale(ir::Value* x, Match& m, Why& why) {
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
  if (mul || div)
    why.no(3, "the scale of ", mul ? mul : div,
           " is no constant of one number, or others read the scores, too");
  return x;
}

// MatMul(q, t) whose scores lead to `softmax`.
const ir::Node* match_scores(const ir::Node& softmax, Match& m, Why& why) {
  ir::Value* const x = softmax.input(0);
  ir::Value* scores = before_scale(before_mask(x, m, why), m, why);
  const ir::Node* first = made_by(scores, "MatMul");
  if (!first)
    return why.no(2, "the scores ", scores, " are made by ", MakerOf{scores},
                  ", expected a MatMul, times a number, and a mask added to that"),
           nullptr;
  if (!only_reader(scores)) return why.no(4, ReadersOf{scores}, "; only the Softmax may use it"), nullptr;
  if (!same_shape(scores, softmax.output(0)))
    return why.no(4, "the scores are ", scores->type(), ", and after scale and mask ",
                  softmax.output(0)->type()),
           nullptr;
  m.q = first->input(0), m.t = first->input(1);
  return first;
}

bool shapes_fit(const Match& m, Why& why) {
  const SymShape *q = four_axes(m.q), *t = four_axes(m.t), *v = four_axes(m.v);
  bool fit = q && t && v;
  for (size_t i = 0; fit && i < 2; ++i) fit = same((*q)[i], (*t)[i]) && same((*q)[i], (*v)[i]);
  if (fit && same((*q)[3], (*t)[2]) && same((*t)[3], (*v)[2])) return true;
  for (const ir::Value* x : {m.q, m.t, m.v})
    if (!x) return false;
  return why.no(5, "queries, keys and values are ", m.q->type(), ", ", m.t->type(), " and ", m.v->type(),
                ", expected float[B,H,L,D], float[B,H,D,S] and float[B,H,S,E]"),
         false;
}

// The product with the values may read the weights behind nodes that no attention here has between.
std::nullopt_t why_not_behind(const ir::Node& last, Why& why) {
  const ir::Value* v = last.input(0);
  for (int step = 0; why.asked() && v && v->producer() && step < 3; ++step) {
    const ir::Node* n = v->producer();
    if (n->is("Softmax"))
      return comes_from_product(n->input(0), 6)
                 ? why.no(0, "between ", n, " and the product stands ", MakerOf{last.input(0)})
                 : std::nullopt;
    constexpr std::string_view kPassed[] = {"Where", "Cast", "Reshape", "Transpose", "Mul", "Expand"};
    if (std::none_of(std::begin(kPassed), std::end(kPassed), [&](auto name) { return n->is(name); })) break;
    v = n->input(n->is("Where") ? 2 : 0);
  }
  return std::nullopt;
}

std::optional<Match> match(const ir::Node& last, Why& why) {
  Match m;
  const ir::Value* weights = last.input(0);
  const ir::Node* softmax = made_by(weights, "Softmax");
  if (!softmax) return why_not_behind(last, why);
  if (why.asked() && !comes_from_product(softmax->input(0), 6)) why.dismiss();  // any weighted sum
  if (only_reader(weights) != &last) return why.no(1, ReadersOf{weights}, "; only ", &last, " may read it");
  if (!four_axes(weights))
    return why.no(1, "the attention weights ", weights, " are ", weights->type(),
                  ", expected float of four axes");
  const int64_t axis = AttrReader(*softmax).integer("axis", -1);
  if (axis != -1 && axis != 3) return why.no(1, softmax, " is along axis ", axis, ", expected the last one");
  if (only_reader(softmax->input(0)) != softmax)
    return why.no(1, ReadersOf{softmax->input(0)}, "; only ", softmax, " may read it");
  if (!match_scores(*softmax, m, why)) return std::nullopt;
  m.v = last.input(1);
  return shapes_fit(m, why) ? std::optional(m) : std::nullopt;
}

}  // namespace

Result<int> fuse_attention(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("MatMul") || !node->output(0)) continue;
    Why why(missed, *node);
    const auto m = match(*node, why);
    if (!m) continue;
    why.dismiss();
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
