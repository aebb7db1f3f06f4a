// Attention from the nodes that exporters write for it, for float32 of rank 3 or 4:
//
//   MatMul(Softmax(MatMul(q, t) * scale + mask), v)      q [B, H, L, D], t [B, H, D, S], v [B, H, S, E]
//
// becomes onward.Attention(q, t, v, mask). The scale is a constant, multiplied with or divided by, of the
// scores or of an operand of the first product; it and the mask, of [L, S] or broadcast to [B, H, L, S] along
// other axes than the last, may be absent. What is between the products has no other reader. There may be
//
//   Reshape that merges or splits B and H only: the operands get the axes that the mask is for;
//   Reshape [B, H, L, S] -> [B / W, W, H, L, S], + a second mask [1, W, 1, L, S], Reshape back, as windows of
//   an image have it; Where(IsNaN(p), 0, p) behind the Softmax: rows that are hidden throughout give 0.
//
//   Max of the scores with the lowest number, which keeps a row that is hidden throughout from being NaN;
//   Unsqueeze, Expand, Reshape of keys and values that gives each query head its own: the heads share them.
//
// A Transpose behind it that brings the heads next to their elements is what the operator can write itself.
//
// Sizes that nobody knows to be the same are told by the run: where they are not, the operator does what the
// nodes did.
#include <algorithm>

#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

bool same(const Dim& a, const Dim& b) { return a == b && !(a == Dim::unknown()); }
// Whether they are the same, or a run may show that they are; what is 1 is meant to repeat.
bool may_be_same(const Dim& a, const Dim& b) {
  return same(a, b) || (!a.is(1) && !b.is(1) && (!a.constant() || !b.constant()));
}

const SymShape* shape_of(const ir::Value* v) {
  return v && v->type().dtype == DType::kFloat32 && v->type().shape ? &*v->type().shape : nullptr;
}
// Of three or four axes.
const SymShape* axes_of(const ir::Value* v) {
  const SymShape* s = shape_of(v);
  return s && (s->size() == 3 || s->size() == 4) ? s : nullptr;
}

// The axes before the last two; and others in their place.
SymShape batch_of(const SymShape& s) { return {s.begin(), s.end() - 2}; }
SymShape with_batch(SymShape batch, const SymShape& s) {
  batch.insert(batch.end(), s.end() - 2, s.end());
  return batch;
}

struct Match {
  ir::Value *q = nullptr, *t = nullptr, *v = nullptr, *mask = nullptr;
  ir::Value* windows = nullptr;                        // the second mask, of five axes
  ir::Value *shared_t = nullptr, *shared_v = nullptr;  // those of fewer heads
  std::optional<float> lowest;
  float scale = 1;
  bool hidden_is_zero = false;
  bool exact = true;      // all sizes that have to be the same are known to be
  bool reshaped = false;  // there are Reshapes between
  SymShape batch;         // the axes before the last two that the operator works with
};

// `a` and `b` have the same sizes, as far as can be told; `exact` becomes false where a run has to tell.
bool alike(const SymShape& a, const SymShape& b, bool& exact) {
  bool may = a.size() == b.size();
  for (size_t i = 0; may && i < a.size(); ++i) {
    may = may_be_same(a[i], b[i]);
    exact = exact && same(a[i], b[i]);
  }
  return may;
}

bool same_batch(const SymShape& a, const SymShape& b) {
  bool alike = a.size() == b.size();
  for (size_t i = 0; alike && i + 2 < a.size(); ++i) alike = same(a[i], b[i]);
  return alike;
}
bool same_matrix(const SymShape& a, const SymShape& b) {
  return same(a.back(), b.back()) && same(a[a.size() - 2], b[b.size() - 2]);
}

// What is before a Reshape of the axes before the last two; else `x` itself.
ir::Value* before_reshape(ir::Value* x, Match& m) {
  const ir::Node* reshape = made_by(x, "Reshape");
  if (!reshape || only_reader(reshape->input(0)) != reshape) return x;
  const SymShape *to = axes_of(x), *from = axes_of(reshape->input(0));
  if (!to || !from || !same_matrix(*from, *to)) return x;
  m.reshaped = true;
  return reshape->input(0);
}

// Whether `v` can be added to the scores without making them larger.
bool is_mask(const ir::Value* v, const SymShape& scores, bool& exact) {
  const SymShape* s = shape_of(v);
  if (!s || s->empty() || s->size() > scores.size()) return false;
  for (size_t i = 0; i < s->size(); ++i) {
    const Dim &d = (*s)[i], &whole = scores[scores.size() - s->size() + i];
    if (i + 1 < s->size() && d.is(1)) continue;
    if (!may_be_same(d, whole)) return false;
    exact = exact && same(d, whole);
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
  for (bool known : {true, false})
    for (size_t i = 0; add && axes_of(x) && i < 2; ++i) {
      ir::Value *scores = add->input(i), *mask = add->input(1 - i);
      bool exact = true;
      if (only_reader(scores) != add || made_by(mask, "MatMul") || !axes_of(scores) ||
          !alike(*axes_of(scores), *axes_of(x), exact) || !is_mask(mask, *axes_of(scores), exact) ||
          (known ? !exact : !comes_from_product(scores, 4)))
        continue;
      m.mask = mask;
      m.exact = exact;
      m.batch = batch_of(*axes_of(x));
      return scores;
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
// The scores before a Max with a number that is as good as -inf; else `x` itself.
ir::Value* before_lowest(ir::Value* x, Match& m) {
  const ir::Node* max = made_by(x, "Max");
  for (size_t i = 0; max && max->inputs().size() == 2 && i < 2; ++i) {
    const auto number = scalar(max->input(1 - i));
    ir::Value* scores = max->input(i);
    if (!number || *number > -1e37f || !same_shape(scores, x) || only_reader(scores) != max) continue;
    m.lowest = *number;
    return scores;
  }
  return x;
}

// Keys or values of fewer heads, [B, H / n, S, D], which Unsqueeze, Expand and Reshape repeat n times each;
// null if `v` is not made so.
ir::Value* shared(const ir::Value* v) {
  const ir::Node* merge = made_by(v, "Reshape");
  const ir::Node* expand = merge ? made_by(merge->input(0), "Expand") : nullptr;
  const ir::Node* split = expand ? expand->input(0)->producer() : nullptr;
  if (!split || !(split->is("Unsqueeze") || split->is("Reshape"))) return nullptr;
  const SymShape *k = axes_of(split->input(0)), *one = shape_of(split->output(0)),
                 *each = shape_of(expand->output(0)), *all = axes_of(v);
  if (!k || !one || !each || !all || k->size() != 4 || one->size() != 5 || each->size() != 5 ||
      all->size() != 4 || !(*one)[2].is(1) || !(*each)[2].constant() || !(*k)[1].constant() ||
      !(*all)[1].constant())
    return nullptr;
  bool fits = *(*all)[1].constant() == *(*k)[1].constant() * *(*each)[2].constant();
  for (size_t axis : {0, 1, 2, 3}) {
    const size_t at = axis < 2 ? axis : axis + 1;
    fits = fits && same((*one)[at], (*k)[axis]) && same((*each)[at], (*k)[axis]) &&
           (axis == 1 || same((*all)[axis], (*k)[axis]));
  }
  return fits ? split->input(0) : nullptr;
}

// The scores before a mask of windows, between two Reshapes; else `x` itself.
ir::Value* before_windows(ir::Value* x, Match& m, Why& why) {
  const ir::Node* merge = made_by(x, "Reshape");
  const ir::Node* add = merge && only_reader(x) ? made_by(merge->input(0), "Add") : nullptr;
  const SymShape* merged = shape_of(x);
  const SymShape* sum = add ? shape_of(add->output(0)) : nullptr;
  if (!sum || sum->size() != 5 || merged->size() != 4 || only_reader(add->output(0)) != merge) return x;
  for (size_t i = 0; i < 2; ++i) {
    const ir::Node* split = made_by(add->input(i), "Reshape");
    ir::Value* mask = add->input(1 - i);
    const SymShape *before = split ? shape_of(split->input(0)) : nullptr, *s = shape_of(mask);
    if (!before || !s || only_reader(split->output(0)) != add || only_reader(split->input(0)) != split)
      continue;
    bool fits = *before == *merged && same_shape(split->output(0), add->output(0)) && s->size() == 5 &&
                (*s)[0].is(1) && same((*s)[1], (*sum)[1]) && same((*s)[4], (*sum)[4]);
    for (size_t axis : {2, 3}) fits = fits && ((*s)[axis].is(1) || same((*s)[axis], (*sum)[axis]));
    for (size_t axis : {2, 3, 4}) fits = fits && same((*sum)[axis], (*merged)[axis - 1]);
    if (!fits) {
      why.no(2, "the mask ", mask, " is ", mask->type(), " and the scores with it ", add->output(0)->type(),
             ", expected float[1,W,1,L,S] and float[B,W,H,L,S] of float[B*W,H,L,S]");
      continue;
    }
    m.windows = mask;
    return split->input(0);
  }
  return x;
}

// `x` as another value times a constant number.
struct Scaled {
  ir::Value* value = nullptr;
  float factor = 1;
};
Scaled scaled(ir::Value* x) {
  ir::Node *mul = made_by(x, "Mul"), *div = made_by(x, "Div");
  for (size_t i = 0; mul && i < 2; ++i)
    if (const auto c = scalar(mul->input(1 - i)); c && same_shape(mul->input(i), x))
      return {mul->input(i), *c};
  if (div)
    if (const auto c = scalar(div->input(1)); c && *c != 0 && same_shape(div->input(0), x))
      return {div->input(0), 1 / *c};
  return {x};
}

ir::Value* before_scale(ir::Value* x, Match& m, Why& why) {
  const Scaled s = scaled(x);
  if (s.value != x && only_reader(s.value)) {
    m.scale *= s.factor;
    return s.value;
  }
  if (made_by(x, "Mul") || made_by(x, "Div"))
    why.no(3, "the scale of ", x->producer(),
           " is no constant of one number, or others read the scores, too");
  return x;
}

// The operand of the first product without its own constant factor, unless others need that product, too.
ir::Value* unscaled(ir::Value* x, const ir::Node& product, Match& m) {
  const Scaled s = scaled(x);
  if (!s.value || only_reader(x) != &product) return x;
  m.scale *= s.factor;
  return s.value;
}

// MatMul(q, t) whose scores lead to `softmax`.
const ir::Node* match_scores(const ir::Node& softmax, Match& m, Why& why) {
  ir::Value* scores = before_windows(before_lowest(softmax.input(0), m), m, why);
  scores = before_reshape(before_mask(before_reshape(scores, m), m, why), m);
  scores = before_reshape(before_scale(scores, m, why), m);
  const ir::Node* first = made_by(scores, "MatMul");
  if (!first)
    return why.no(2, "the scores ", scores, " are made by ", MakerOf{scores},
                  ", expected a MatMul, times a number, and a mask added to that"),
           nullptr;
  if (!only_reader(scores)) return why.no(4, ReadersOf{scores}, "; only the Softmax may use it"), nullptr;
  m.q = unscaled(first->input(0), *first, m), m.t = unscaled(first->input(1), *first, m);
  return first;
}

bool shapes_fit(Match& m, const ir::Value* weights, Why& why) {
  const SymShape *q = axes_of(m.q), *t = axes_of(m.t), *v = axes_of(m.v), *w = axes_of(weights);
  if (m.windows && (!m.exact || m.reshaped || !w || w->size() != 4))
    return why.no(5, "there is a mask of windows, and sizes are not known to be the same"), false;
  if (q && t && v && w && same_batch(*q, *t) && same_batch(*w, *v) && same(q->back(), (*t)[t->size() - 2]) &&
      same(t->back(), (*v)[v->size() - 2]) && (m.exact || !m.reshaped))
    return true;
  m.exact = false;
  if (q && t && v && w && !m.reshaped && !m.windows && alike(batch_of(*q), batch_of(*t), m.exact) &&
      alike(batch_of(*q), batch_of(*v), m.exact) && may_be_same(q->back(), (*t)[t->size() - 2]) &&
      may_be_same(t->back(), (*v)[v->size() - 2]))
    return true;
  for (const ir::Value* x : {m.q, m.t, m.v})
    if (!x) return false;
  return why.no(5, "queries, keys and values are ", m.q->type(), ", ", m.t->type(), " and ", m.v->type(),
                ", expected float[B,H,L,D], float[B,H,D,S] and float[B,H,S,E], or without H"),
         false;
}

// The constant shape that a Reshape gives `v` the axes `batch` with, beside the last two of `v`; one of them
// may have to be computed.
std::optional<std::vector<int64_t>> target_shape(const SymShape& batch, const ir::Value* v) {
  std::vector<int64_t> out;
  for (const Dim& d : with_batch(batch, *axes_of(v))) out.push_back(d.constant().value_or(-1));
  const bool fits = std::count(out.begin(), out.end(), -1) <= 1 && std::count(out.begin(), out.end(), 0) == 0;
  return fits ? std::optional(out) : std::nullopt;
}
bool has_batch(const ir::Value* v, const SymShape& batch) {
  const SymShape& s = *axes_of(v);
  bool alike = s.size() == batch.size() + 2;
  for (size_t i = 0; alike && i < batch.size(); ++i) alike = same(s[i], batch[i]);
  return alike;
}

// Whether all operands, and the result, can be given the axes they need.
bool axes_fit(Match& m, const ir::Value* y, Why& why) {
  if (!axes_of(y)) return false;
  if (!m.reshaped) return true;
  if (!m.mask) m.batch = batch_of(*axes_of(m.q));
  for (const ir::Value* x : {static_cast<const ir::Value*>(m.q), static_cast<const ir::Value*>(m.t),
                             static_cast<const ir::Value*>(m.v), y})
    if (!has_batch(x, m.batch) && !target_shape(m.batch, x))
      return why.no(6, "a Reshape is between the products, and ", x, ", ", x->type(),
                    ", has more than one unknown size"),
             false;
  return has_batch(y, m.batch) || target_shape(batch_of(*axes_of(y)), y);
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

// Weights of which NaN has become 0: those before that, which `where` alone reads, twice.
const ir::Value* before_where(const ir::Value* weights, Match& m) {
  const ir::Node* where = made_by(weights, "Where");
  const ir::Node* is_nan = where ? made_by(where->input(0), "IsNaN") : nullptr;
  const ir::Value* p = where ? where->input(2) : nullptr;
  if (!is_nan || is_nan->input(0) != p || scalar(where->input(1)) != 0.0f || !same_shape(p, weights) ||
      only_reader(is_nan->output(0)) != where || p->uses().size() != 2 || p->output_uses() > 0)
    return weights;
  m.hidden_is_zero = true;
  return p;
}

std::optional<Match> match(const ir::Node& last, Why& why) {
  Match m;
  ir::Value* const weights = last.input(0);
  const ir::Value* before = before_reshape(weights, m);
  const ir::Value* p = before_where(before, m);
  const ir::Node* softmax = made_by(p, "Softmax");
  if (!softmax) return why_not_behind(last, why);
  if (why.asked() && !comes_from_product(softmax->input(0), 6)) why.dismiss();  // any weighted sum
  if (only_reader(weights) != &last) return why.no(1, ReadersOf{weights}, "; only ", &last, " may read it");
  if (!m.hidden_is_zero && !only_reader(p)) return why.no(1, ReadersOf{p}, "; only ", &last, " may use it");
  const SymShape* axes = axes_of(p);
  if (!axes)
    return why.no(1, "the attention weights ", p, " are ", p->type(),
                  ", expected float of three or four axes");
  const int64_t axis = AttrReader(*softmax).integer("axis", -1);
  if (axis != -1 && axis != static_cast<int64_t>(axes->size()) - 1)
    return why.no(1, softmax, " is along axis ", axis, ", expected the last one");
  if (only_reader(softmax->input(0)) != softmax)
    return why.no(1, ReadersOf{softmax->input(0)}, "; only ", softmax, " may read it");
  if (!match_scores(*softmax, m, why)) return std::nullopt;
  m.v = last.input(1);
  const ir::Node* turned = made_by(m.t, "Transpose");
  if (turned && AttrReader(*turned).maybe_integers("perm") == ir::Ints{0, 1, 3, 2})
    m.shared_t = shared(turned->input(0)), m.shared_v = shared(m.v);
  return shapes_fit(m, weights, why) && axes_fit(m, last.output(0), why) ? std::optional(m) : std::nullopt;
}

// `v` with other axes before the last two.
ir::Value* reshaped(ir::Value* v, const SymShape& batch, ir::Node* before, ir::Patch& patch) {
  if (has_batch(v, batch)) return v;
  const auto shape = *target_shape(batch, v);
  ir::Value* const to = patch.constant(Tensor::of<int64_t>({static_cast<int64_t>(shape.size())}, shape));
  ir::Node* node = patch.insert(before, "Reshape", "", {v, to}, 1, {});
  node->output(0)->fact.type = ir::Type::tensor(DType::kFloat32, with_batch(batch, *axes_of(v)));
  return node->output(0);
}

ir::Value* without_first_axis(ir::Value* mask, ir::Node* before, ir::Patch& patch) {
  const SymShape& s = *shape_of(mask);
  SymShape shape(s.begin() + 1, s.end());
  if (mask->is_constant())
    if (const auto extents = concrete(shape)) return patch.constant(mask->fact.constant->reshaped(*extents));
  ir::Node* node =
      patch.insert(before, "Squeeze", "",
                   {mask, patch.constant(Tensor::of<int64_t>({1}, std::vector<int64_t>{0}))}, 1, {});
  node->output(0)->fact.type = ir::Type::tensor(DType::kFloat32, std::move(shape));
  return node->output(0);
}

// Where all that happens to the result of `last` is that heads and rows change places, `fused` writes it so.
bool take_transpose(ir::Node& fused, const ir::Node& last, ir::Patch& patch) {
  ir::Node* transpose = only_reader(last.output(0));
  const SymShape* y = axes_of(last.output(0));
  const auto perm =
      transpose && transpose->is("Transpose") ? AttrReader(*transpose).maybe_integers("perm") : std::nullopt;
  if (!perm || !y || *perm != (y->size() == 4 ? ir::Ints{0, 2, 1, 3} : ir::Ints{1, 0, 2})) return false;
  fused.attributes.insert_or_assign("rows_first", int64_t{1});
  fused.output(0)->fact.type = transpose->output(0)->type();
  patch.replace_uses(transpose->output(0), fused.output(0));
  return true;
}

void fuse(const Match& m, ir::Node* last, ir::Patch& patch) {
  std::vector<ir::Value*> inputs = {m.q, m.t, m.v};
  const SymShape& y = *axes_of(last->output(0));
  if (m.reshaped)
    for (ir::Value*& x : inputs) x = reshaped(x, m.batch, last, patch);
  if (m.shared_t && m.shared_v && !m.reshaped && (*shape_of(m.shared_t))[1] == (*shape_of(m.shared_v))[1]) {
    SymShape turned = *shape_of(m.shared_t);
    std::swap(turned[2], turned[3]);
    ir::Node* node = patch.insert(last, "Transpose", "", {m.shared_t}, 1, {{"perm", ir::Ints{0, 1, 3, 2}}});
    node->output(0)->fact.type = ir::Type::tensor(DType::kFloat32, std::move(turned));
    inputs[1] = node->output(0), inputs[2] = m.shared_v;
  }
  if (m.mask || m.windows) inputs.push_back(m.mask);
  if (m.windows) inputs.push_back(without_first_axis(m.windows, last, patch));
  ir::Node* fused = patch.insert(last, "Attention", "onward", std::move(inputs), 1, {{"scale", m.scale}});
  if (m.hidden_is_zero) fused->attributes.insert_or_assign("hidden_is_zero", int64_t{1});
  if (m.lowest) fused->attributes.insert_or_assign("lowest", *m.lowest);
  fused->output(0)->fact.type = ir::Type::tensor(DType::kFloat32, m.reshaped ? with_batch(m.batch, y) : y);
  ir::Value* result = fused->output(0);
  if (!m.reshaped && take_transpose(*fused, *last, patch)) return;
  if (m.reshaped) result = reshaped(result, batch_of(y), last, patch);
  patch.replace_uses(last->output(0), result);
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
    fuse(*m, node.get(), patch);
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
