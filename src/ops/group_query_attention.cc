// com.microsoft.GroupQueryAttention: causal attention over a cache that it extends, as decoders run it.
//   query [batch, n, heads * d], key and value [batch, n, kv_heads * d]; or all three packed in query
//   past_key, past_value [batch, kv_heads, past, d]; seqlens_k [batch]: keys of each sequence, less one;
//   total_sequence_length: the most of them; cos and sin caches [positions, r/2], position_ids [batch, n];
//   attention_bias broadcast to [batch, heads, n, total], added to the scores
// The new keys of a sequence go to positions past_b .. past_b + n - 1, where past_b = seqlens_k[b] + 1 - n,
// or 0 in the first call (total = n). A query at position p sees keys 0 .. p, with local_window_size w only
// the last w of them. Outputs 1 and 2 are the caches, max(past, total) long.
//
// Lowered to Pad, TensorScatter, RotaryEmbedding and Attention with an explicit mask.
#include <limits>

#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  int64_t heads = 0, kv_heads = 0, window = -1, interleaved = 0;
  bool rotary = false;
  std::optional<float> scale;
  float softcap = 0;
};

enum Input : size_t {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kLengths,
  kTotal,
  kCos,
  kSin,
  kPositions,
  kBias,
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.required_integer("num_heads"),
              a.required_integer("kv_num_heads"),
              a.integer("local_window_size", -1),
              a.integer("rotary_interleaved", 0),
              a.flag("do_rotary", false),
              std::nullopt,
              a.real("softcap", 0)};
  constexpr int64_t kMostHeads = int64_t{1} << 31;
  if (attrs.kv_heads < 1 || attrs.heads < 1 || attrs.heads > kMostHeads || attrs.heads % attrs.kv_heads != 0)
    a.fail("num_heads", cat("is ", attrs.heads, ", expected a multiple of kv_num_heads, ", attrs.kv_heads));
  if (a.flag("smooth_softmax", false)) a.fail("smooth_softmax", "is not in this build");
  for (const char* name : {"k_quant_type", "v_quant_type"})
    if (a.text(name, "NONE") != "NONE") a.fail(name, "is not NONE: quantized caches are not in this build");
  if (a.integer("qk_output", 0) != 0) a.fail("qk_output", "is not 0, which is not in this build");
  // A scale of 0 stands for the default.
  if (a.has("scale") && a.real("scale", 0) != 0) attrs.scale = a.real("scale", 0);
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(check_arity(c, {kQuery, kLengths, kTotal}, 16, 3));
  for (size_t i = kBias + 1; i < c.inputs(); ++i)
    if (c.has(i)) return unsupported(c.node().label(), ": input ", i, " is not in this build");
  if (c.has(kKey) != c.has(kValue) || c.has(kPastKey) != c.has(kPastValue))
    return c.error("of key and value, or of the past ones, only one is there");
  if (a.rotary && (!c.has(kCos) || !c.has(kSin))) return c.error("do_rotary is 1, without cos or sin cache");
  for (size_t o = 0; o < c.outputs(); ++o)
    c.set_unknown_dims(o, c.dtype(o == 0 || !c.has(kPastKey) ? kQuery : kPastKey), o == 0 ? 3 : 4);
  const SymShape* q = c.shape(kQuery);
  if (!q) return {};
  if (q->size() != 3) return c.error("query is ", list_text(*q), ", expected rank 3");
  const Dim size = floor_div((*q)[2], c.has(kKey) ? a.heads : a.heads + 2 * a.kv_heads);
  c.set(0, c.dtype(kQuery), SymShape{(*q)[0], (*q)[1], size * Dim(a.heads)});
  for (size_t o = 1; o < c.outputs(); ++o)
    c.set(o, c.results()[o].type.dtype, SymShape{(*q)[0], a.kv_heads, Dim::unknown(), size});
  return {};
}

// What the parts of the lowering share; all int64, scalars unless a shape is given.
struct Call {
  const Attrs& a;
  Rewriter& c;
  ir::Value *query = nullptr, *key = nullptr, *value = nullptr;  // [batch, heads, n, d]
  ir::Value *batch = nullptr, *count = nullptr, *total = nullptr;
  ir::Value *past = nullptr, *positions = nullptr;  // [batch], [batch, n]
  ir::Value* capacity = nullptr;                    // [1]: extent of the caches
};

Status split_inputs(Call& k) {
  Rewriter& c = k.c;
  if (c.in(kKey)) {
    k.query = ONWARD_TRY(split_heads(c, c.in(kQuery), k.a.heads));
    k.key = ONWARD_TRY(split_heads(c, c.in(kKey), k.a.kv_heads));
    k.value = ONWARD_TRY(split_heads(c, c.in(kValue), k.a.kv_heads));
    return {};
  }
  ir::Value* all = ONWARD_TRY(split_heads(c, c.in(kQuery), k.a.heads + 2 * k.a.kv_heads));
  ir::Value* sizes = c.ints({k.a.heads, k.a.kv_heads, k.a.kv_heads});
  auto parts = ONWARD_TRY(c.add_multi("Split", {all, sizes}, 3, {{"axis", int64_t{1}}}));
  k.query = parts[0], k.key = parts[1], k.value = parts[2];
  return {};
}

Result<ir::Value*> to_int64(Rewriter& c, ir::Value* v, const ir::Ints& shape) {
  ir::Value* wide = ONWARD_TRY(c.add("Cast", {v}, {{"to", static_cast<int64_t>(DType::kInt64)}}));
  return c.add("Reshape", {wide, c.ints(shape)});
}

Status place_tokens(Call& k) {
  Rewriter& c = k.c;
  k.batch = ONWARD_TRY(extents(c, c.in(kQuery), 0, 1));
  k.count = ONWARD_TRY(c.add("Squeeze", {ONWARD_TRY(extents(c, c.in(kQuery), 1, 2))}));
  k.total = ONWARD_TRY(to_int64(c, c.in(kTotal), {}));
  ir::Value* last = ONWARD_TRY(to_int64(c, c.in(kLengths), {-1}));
  ir::Value* before = ONWARD_TRY(c.add("Sub", {last, k.count}));
  before = ONWARD_TRY(c.add("Add", {before, c.int_scalar(1)}));
  ir::Value* first_call = ONWARD_TRY(c.add("Equal", {k.total, k.count}));
  k.past = ONWARD_TRY(c.add("Where", {first_call, c.int_scalar(0), before}));
  ir::Value* steps = ONWARD_TRY(range_from(c, c.int_scalar(0), k.count));
  ir::Value* begin = ONWARD_TRY(c.add("Unsqueeze", {k.past, c.ints({1})}));
  k.positions = ONWARD_TRY(c.add("Add", {begin, steps}));
  k.capacity = ONWARD_TRY(c.add("Unsqueeze", {k.total, c.ints({0})}));
  if (c.in(kPastKey)) {
    ir::Value* have = ONWARD_TRY(extents(c, c.in(kPastKey), 2, 3));
    k.capacity = ONWARD_TRY(c.add("Max", {k.capacity, have}));
  }
  return {};
}

Result<ir::Value*> rotated(Call& k, ir::Value* x) {
  Rewriter& c = k.c;
  const SymShape* cache = c.shape(c.in(kCos));
  if (!cache || cache->size() != 2 || !(*cache)[1].is_constant())
    return c.cannot("how many elements of a head are rotated is not known: cos_cache has no known shape");
  ir::Value* ids = c.in(kPositions) ? c.in(kPositions) : k.positions;
  return c.add("RotaryEmbedding", {x, c.in(kCos), c.in(kSin), ids},
               {{"interleaved", k.a.interleaved}, {"rotary_embedding_dim", 2 * *(*cache)[1].constant()}});
}

// The cache with the new keys or values in it.
Result<ir::Value*> extended(Call& k, ir::Value* past, ir::Value* fresh) {
  Rewriter& c = k.c;
  ir::Value* buffer = nullptr;
  if (past) {
    ir::Value* have = ONWARD_TRY(extents(c, past, 2, 3));
    ir::Value* missing = ONWARD_TRY(c.add("Sub", {k.capacity, have}));
    ir::Value* pads = ONWARD_TRY(c.add("Concat", {c.ints({0}), missing}, {{"axis", int64_t{0}}}));
    buffer = ONWARD_TRY(c.add("Pad", {past, pads, nullptr, c.ints({2})}));
  } else {
    ir::Value* size = ONWARD_TRY(extents(c, fresh, 3, 4));
    ir::Value* shape = ONWARD_TRY(
        c.add("Concat", {k.batch, c.ints({k.a.kv_heads}), k.capacity, size}, {{"axis", int64_t{0}}}));
    buffer = ONWARD_TRY(c.add("Expand", {ONWARD_TRY(c.scalar_like(fresh, 0)), shape}));
  }
  return c.add("TensorScatter", {buffer, fresh, k.past}, {{"axis", int64_t{2}}});
}

// 0 where a query sees a key, else -inf, [batch, 1, n, capacity]; plus attention_bias.
Result<ir::Value*> mask_of(Call& k) {
  Rewriter& c = k.c;
  ir::Value* end = ONWARD_TRY(c.add("Squeeze", {k.capacity}));
  ir::Value* keys = ONWARD_TRY(range_from(c, c.int_scalar(0), end));
  ir::Value* at = ONWARD_TRY(c.add("Unsqueeze", {k.positions, c.ints({1, 3})}));
  ir::Value* seen = ONWARD_TRY(c.add("LessOrEqual", {keys, at}));
  if (k.a.window > 0) {
    ir::Value* left = ONWARD_TRY(c.add("Sub", {at, c.int_scalar(k.a.window)}));
    ir::Value* near = ONWARD_TRY(c.add("Greater", {keys, left}));
    seen = ONWARD_TRY(c.add("And", {seen, near}));
  }
  ir::Value* open = ONWARD_TRY(c.scalar_like(k.query, 0));
  ir::Value* closed = ONWARD_TRY(c.scalar_like(k.query, -std::numeric_limits<double>::infinity()));
  ir::Value* mask = ONWARD_TRY(c.add("Where", {seen, open, closed}));
  return c.in(kBias) ? c.add("Add", {mask, c.in(kBias)}) : Result<ir::Value*>(mask);
}

Status lower(const Attrs& a, Rewriter& c) {
  Call k{a, c};
  ONWARD_TRY(split_inputs(k));
  ONWARD_TRY(place_tokens(k));
  if (a.rotary) {
    k.query = ONWARD_TRY(rotated(k, k.query));
    k.key = ONWARD_TRY(rotated(k, k.key));
  }
  std::vector<ir::Value*> results(3);
  results[1] = ONWARD_TRY(extended(k, c.in(kPastKey), k.key));
  results[2] = ONWARD_TRY(extended(k, c.in(kPastValue), k.value));
  ir::Value* mask = ONWARD_TRY(mask_of(k));
  ir::Attributes attributes{{"softcap", a.softcap}};
  if (a.scale) attributes.emplace("scale", *a.scale);
  ir::Value* y =
      ONWARD_TRY(c.add("Attention", {k.query, results[1], results[2], mask}, std::move(attributes)));
  results[0] = ONWARD_TRY(merge_heads(c, y));
  results.resize(c.node().outputs().size());
  return c.replace(results);
}

}  // namespace

ONWARD_OPS(group_query_attention) {
  return {op<Attrs>(
      {.name = "GroupQueryAttention", .domain = kMicrosoft, .read = read, .infer = infer, .lower = lower})};
}

}  // namespace ow
