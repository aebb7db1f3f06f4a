// com.microsoft.MultiHeadAttention: ONNX's Attention for tokens [batch, sequence, heads * size] with
//   bias            [q + k + v sizes], added to the tokens
//   key_padding_mask [batch, keys]: where it is 0, mask_filter_value is added to the scores
//   attention_bias  broadcast to [batch, heads, queries, keys], added to the scores
//   past_key, past_value [batch, heads, past, size], which go before; outputs 1 and 2 are all keys and values
// K and V may be [batch, heads, keys, size] as they are. The packed forms of the operator are refused.
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  int64_t heads = 0;
  float filter = -10000;
  std::optional<float> scale;
  bool causal = false;
};

enum Input : size_t { kQuery, kKey, kValue, kBias, kPadding, kScores, kPastKey, kPastValue };

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.required_integer("num_heads"), a.real("mask_filter_value", -10000.f), std::nullopt,
              a.flag("unidirectional", false)};
  if (attrs.heads < 1) a.fail("num_heads", cat("is ", attrs.heads, ", expected 1 or more"));
  if (a.has("scale")) attrs.scale = a.real("scale", 1);
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  if (!c.has(kKey) || !c.has(kValue))
    return unsupported(c.node().label(), ": packed query, key and value are not in this build");
  ONWARD_TRY(check_arity(c, {kQuery}, 8, 3));
  const SymShape *q = c.shape(kQuery), *k = c.shape(kKey), *v = c.shape(kValue), *past = c.shape(kPastKey);
  for (const SymShape* s : {q, k, v})
    if (s && s->size() != 3 && (s == q || s->size() != 4))
      return c.error("query, key and value are of rank ", s->size(),
                     ", expected 3, or 4 for keys and values");
  for (size_t o = 1; o < c.outputs(); ++o) c.set(o, c.dtype(0), std::nullopt);
  c.set(0, c.dtype(0), std::nullopt);
  if (!q || !k || !v) return {};
  const Dim hidden = v->size() == 4 ? (*v)[1] * (*v)[3] : (*v)[2];
  c.set(0, c.dtype(0), SymShape{(*q)[0], (*q)[1], hidden});
  if (c.has(kPastKey) && (!past || past->size() != 4)) return {};
  const Dim keys = ((*k)[k->size() == 4 ? 2 : 1]) + (past ? (*past)[2] : Dim(0));
  for (size_t o = 1; o < c.outputs(); ++o) {
    const SymShape& s = o == 1 ? *k : *v;
    const Dim size = s.size() == 4 ? s[3] : floor_div(s[2], a.heads);
    c.set(o, c.dtype(0), SymShape{(*q)[0], a.heads, keys, size});
  }
  return {};
}

// Query, key and value as [batch, heads, sequence, size], with their part of the bias.
Result<ir::Value*> tokens(const Attrs& a, Rewriter& c, size_t input, ir::Value* bias) {
  ir::Value* x = c.in(input);
  const SymShape* shape = c.shape(x);
  if (!shape) return c.cannot("the rank of input ", input, " is not known");
  if (shape->size() == 4) return x;
  if (bias) x = ONWARD_TRY(c.add("Add", {x, bias}));
  return split_heads(c, x, a.heads);
}

Result<std::vector<ir::Value*>> biases(Rewriter& c) {
  std::vector<ir::Value*> none(3, nullptr);
  if (!c.in(kBias)) return none;
  std::vector<ir::Value*> sizes;
  for (size_t i : {kQuery, kKey, kValue}) {
    const SymShape* s = c.shape(c.in(i));
    if (!s || s->size() != 3) return c.cannot("a bias for keys and values that are split into heads");
    sizes.push_back(ONWARD_TRY(extents(c, c.in(i), 2, 3)));
  }
  ir::Value* split = ONWARD_TRY(c.add("Concat", sizes, {{"axis", int64_t{0}}}));
  return c.add_multi("Split", {c.in(kBias), split}, 3, {{"axis", int64_t{0}}});
}

// What is added to the scores, or null.
Result<ir::Value*> scores_bias(const Attrs& a, Rewriter& c) {
  ir::Value* bias = c.in(kScores);
  ir::Value* padding = c.in(kPadding);
  if (!padding) return bias;
  const SymShape* shape = c.shape(padding);
  if (!shape || shape->size() != 2)
    return c.cannot("key_padding_mask is of a form other than [batch, keys], which is not in this build");
  ir::Value* kept = ONWARD_TRY(c.add("Cast", {padding}, {{"to", static_cast<int64_t>(DType::kBool)}}));
  kept = ONWARD_TRY(c.add("Unsqueeze", {kept, c.ints({1, 2})}));
  ir::Value* zero = ONWARD_TRY(c.scalar_like(c.in(0), 0));
  ir::Value* filter = ONWARD_TRY(c.scalar_like(c.in(0), static_cast<double>(a.filter)));
  ir::Value* mask = ONWARD_TRY(c.add("Where", {kept, zero, filter}));
  return bias ? c.add("Add", {bias, mask}) : Result<ir::Value*>(mask);
}

Status lower(const Attrs& a, Rewriter& c) {
  auto bias = ONWARD_TRY(biases(c));
  std::vector<ir::Value*> inputs;
  for (size_t i : {kQuery, kKey, kValue}) inputs.push_back(ONWARD_TRY(tokens(a, c, i, bias[i])));
  inputs.push_back(ONWARD_TRY(scores_bias(a, c)));
  if (c.in(kPastKey)) inputs.insert(inputs.end(), {c.in(kPastKey), c.in(kPastValue)});
  ir::Attributes attributes{{"is_causal", int64_t{a.causal}}};
  if (a.scale) attributes.emplace("scale", *a.scale);
  const size_t outputs = c.node().outputs().size();
  auto made = ONWARD_TRY(c.add_multi("Attention", std::move(inputs), outputs, std::move(attributes)));
  made[0] = ONWARD_TRY(merge_heads(c, made[0]));
  return c.replace(made);
}

}  // namespace

ONWARD_OPS(multi_head_attention) {
  return {op<Attrs>(
      {.name = "MultiHeadAttention", .domain = kMicrosoft, .read = read, .infer = infer, .lower = lower})};
}

}  // namespace ow
