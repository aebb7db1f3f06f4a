// Derivative of Attention, Y = P V with P = softmax(cap(s Q K^T) + mask), by heads: with g that of Y,
//
//   dV = P^T g      dS = P (g V^T - sum(P g V^T)) cap'      dQ = s dS K      dK = s dS^T Q
//
// K and V with their past, and P, are outputs of the node run again. Query heads that share a head of keys
// and values stand on an axis of their own, [batch, key heads, query heads of each, rows, columns], and are
// summed.
#include "ops/op/gradient_rules.h"

namespace ow::gradients {
namespace {

using Context = GradientContext;

ir::Value* extents(Context& c, ir::Value* v, int64_t start, int64_t end) {
  return c.op("Shape", {v}, {{"start", start}, {"end", end}});
}

ir::Value* product(Context& c, ir::Value* a, ir::Value* b) { return c.op("MatMul", {a, b}); }

ir::Value* turned(Context& c, ir::Value* v) {
  return c.op("Transpose", {v}, {{"perm", ir::Ints{0, 1, 2, 4, 3}}});
}

const ir::Ints kHeadsAndRows = {0, 2, 1, 3};

// [batch, heads, rows, columns] of v, or of [batch, rows, heads * columns].
ir::Value* by_heads(Context& c, ir::Value* v, int64_t heads) {
  if (c.rank(v) == 4u) return v;
  ir::Value* apart = c.op("Reshape", {v, c.ints({0, 0, heads, -1})});
  return c.op("Transpose", {apart}, {{"perm", kHeadsAndRows}});
}

// The reverse, in the form of `like`.
ir::Value* as_given(Context& c, ir::Value* v, ir::Value* like) {
  if (c.rank(like) == 3u) v = c.op("Transpose", {v}, {{"perm", kHeadsAndRows}});
  return c.reshaped_to(v, like);
}

}  // namespace

void attention(Context& c) {
  const AttrReader a = c.attributes();
  ir::Value* q = c.in(0);
  for (size_t i = 0; i < 3; ++i)
    if (!c.rank(c.in(i))) return c.fail("the rank of input ", i, " is unknown");
  for (size_t i = 3; i < c.inputs(); ++i)
    if (c.wants(i)) return c.fail("its input ", i, " depends on what is differentiated by");
  for (size_t o = 1; o < c.outputs(); ++o)
    if (c.gradient(o)) return c.fail("only Y is differentiated");
  std::vector<ir::Value*> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) inputs.push_back(c.in(i));
  ir::Attributes attributes = c.node().attributes;
  attributes.insert_or_assign("qk_matmul_output_mode", int64_t{3});
  const auto all = c.ops("Attention", inputs, 4, std::move(attributes));
  if (all.empty()) return;
  ir::Value* groups = extents(c, all[1], 1, 2);
  const auto grouped = [&](ir::Value* v) {
    ir::Value* parts[] = {extents(c, v, 0, 1), groups, c.ints({-1}), extents(c, v, 2, 4)};
    ir::Value* shape = c.op("Concat", {parts[0], parts[1], parts[2], parts[3]}, {{"axis", int64_t{0}}});
    return c.op("Reshape", {v, shape});
  };
  const int64_t heads = a.integer("q_num_heads", 0);
  ir::Value *queries = by_heads(c, q, heads), *q5 = grouped(queries);
  ir::Value *g5 = grouped(by_heads(c, c.gradient(), heads)), *p = grouped(all[3]);
  ir::Value *k = c.op("Unsqueeze", {all[1], c.ints({2})}), *v = c.op("Unsqueeze", {all[2], c.ints({2})});
  ir::Value* columns = c.op("CastLike", {extents(c, queries, 3, 4), q});
  ir::Value* scale =
      a.has("scale") ? c.number(q, a.real("scale", 1)) : c.op("Reciprocal", {c.op("Sqrt", {columns})});
  const auto summed = [&](ir::Value* value, size_t i) {  // over query heads, without the past
    ir::Value* sum = c.op("ReduceSum", {value, c.ints({2})}, {{"keepdims", int64_t{0}}});
    const int64_t rows = c.rank(c.in(i)) == 4u ? 2 : 1;
    ir::Value* end = extents(c, sum, 2, 3);
    ir::Value* own = c.op("Slice", {sum, c.sub(end, extents(c, c.in(i), rows, rows + 1)), end, c.ints({2})});
    c.give(i, as_given(c, own, c.in(i)));
  };
  if (c.wants(2)) summed(product(c, turned(c, p), g5), 2);
  if (!c.wants(0) && !c.wants(1)) return;
  ir::Value* dp = product(c, g5, turned(c, v));
  ir::Value* ds = c.mul(p, c.sub(dp, c.op("ReduceSum", {c.mul(dp, p), c.ints({-1})})));
  if (const double cap = a.real("softcap", 0); cap > 0) {
    ir::Value* scores = c.mul(product(c, q5, turned(c, k)), scale);
    ir::Value* t = c.op("Tanh", {c.div(scores, c.number(q, cap))});
    ds = c.mul(ds, c.sub(c.number(q, 1), c.mul(t, t)));
  }
  ds = c.mul(ds, scale);
  if (c.wants(0)) c.give(0, as_given(c, c.reshaped_to(product(c, ds, k), queries), q));
  if (c.wants(1)) summed(product(c, turned(c, ds), q5), 1);
}

}  // namespace ow::gradients
