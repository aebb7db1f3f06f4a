// com.microsoft.RotaryEmbedding: ONNX's operator with the inputs in another order: position_ids come second,
// as [batch, sequence], or as one number, the position of the first token. The caches are [positions, r/2].
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  int64_t interleaved = 0, heads = 0, rotated = 0;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("interleaved", 0), a.integer("num_heads", 0), a.integer("rotary_embedding_dim", 0)};
  if (a.real("scale", 1) != 1) a.fail("scale", "is not 1, which is not in this build");
  if (attrs.rotated > 0 && attrs.heads < 1) a.fail("num_heads", "is missing, rotary_embedding_dim needs it");
  return attrs;
}

Status infer(const Attrs&, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0, 1, 2, 3}, 4, 1));
  if (c.shape(0) && c.shape(0)->size() != 3 && c.shape(0)->size() != 4)
    return c.error("input 0 is ", list_text(*c.shape(0)), ", expected rank 3 or 4");
  if (c.shape(1) && c.shape(1)->size() > 2)
    return c.error("position_ids is ", list_text(*c.shape(1)), ", expected [1] or [batch, sequence]");
  return infer_same(c);
}

// Heads of a rank-3 input without num_heads: those of as many elements as the caches turn.
Result<int64_t> heads_of(const Attrs& a, Rewriter& c) {
  const SymShape *x = c.shape(c.in(0)), *cache = c.shape(c.in(2));
  if (a.heads > 0 || !x || x->size() != 3) return a.heads;
  if (!cache || cache->size() != 2 || !(*x)[2].is_constant() || !(*cache)[1].is_constant())
    return c.cannot("num_heads is not given, and the input's or the cache's extents are not known");
  const int64_t hidden = *(*x)[2].constant(), size = 2 * *(*cache)[1].constant();
  if (size <= 0 || hidden % size != 0)
    return c.error("input 0 has ", hidden, " elements a token, no multiple of the cache's ", size);
  return hidden / size;
}

Status lower(const Attrs& a, Rewriter& c) {
  const SymShape *x = c.shape(c.in(0)), *ids = c.shape(c.in(1));
  if (!x || !ids) return c.cannot("the rank of the input or of position_ids is not known");
  ir::Value* positions = c.in(1);
  if (ids->size() < 2) {
    const int64_t axis = x->size() == 3 ? 1 : 2;
    ir::Value* count = ONWARD_TRY(c.add("Squeeze", {ONWARD_TRY(extents(c, c.in(0), axis, axis + 1))}));
    ir::Value* first = ONWARD_TRY(c.add("Squeeze", {positions}));
    ir::Value* row = ONWARD_TRY(range_from(c, first, count));
    positions = ONWARD_TRY(c.add("Unsqueeze", {row, c.ints({0})}));
  }
  const int64_t heads = ONWARD_TRY(heads_of(a, c));
  ir::Attributes attributes{{"interleaved", a.interleaved}, {"rotary_embedding_dim", a.rotated}};
  if (heads > 0 && x->size() == 3) attributes.emplace("num_heads", heads);
  return c.replace(
      {ONWARD_TRY(c.add("RotaryEmbedding", {c.in(0), c.in(2), c.in(3), positions}, std::move(attributes)))});
}

}  // namespace

ONWARD_OPS(rotary_embedding_by_position) {
  return {op<Attrs>(
      {.name = "RotaryEmbedding", .domain = kMicrosoft, .read = read, .infer = infer, .lower = lower})};
}

}  // namespace ow
