// RotaryEmbedding: turns pairs of elements of each head by the angle of the token's position:
//   y1 = cos * x1 - sin * x2,  y2 = sin * x1 + cos * x2
// Of the first r = rotary_embedding_dim elements (0: all), pair j is (j, j + r/2), or (2j, 2j + 1) when
// interleaved; the rest is copied.
//
// x is [batch, heads, sequence, size] or [batch, sequence, heads * size]. With position_ids [batch, sequence]
// the caches are [positions, r/2], else [batch, sequence, r/2]; a batch of 1 serves all of x's.
#include "base/checked.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t heads = 0, rotated = 0;
  bool interleaved = false;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("num_heads", 0), a.integer("rotary_embedding_dim", 0), a.flag("interleaved", false)};
  if (attrs.heads < 0) a.fail("num_heads", "is negative");
  if (attrs.rotated < 0 || attrs.rotated % 2 != 0)
    a.fail("rotary_embedding_dim", cat("is ", attrs.rotated, ", expected an even number from 0 up"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && x->size() != 3 && x->size() != 4)
    return c.error("input 0 is ", list_text(*x), ", expected rank 3 or 4");
  if (x && x->size() == 3 && a.heads == 0)
    return c.error("input 0 is ", list_text(*x), ", of rank 3, which needs attribute 'num_heads'");
  const size_t rank = c.has(3) ? 2 : 3;
  for (size_t i : {size_t{1}, size_t{2}})
    if (c.shape(i) && c.shape(i)->size() != rank)
      return c.error("input ", i, " is ", list_text(*c.shape(i)), ", expected rank ", rank,
                     c.has(3) ? " with position_ids" : " without position_ids");
  return infer_same(c);
}

struct Call {
  int64_t batch, sequence, heads, size, half;
  int64_t token_stride, head_stride;  // elements of x; a batch entry is dense
  const float *cos, *sin;
  std::vector<int64_t> rows;  // of the caches, for (batch, token)
};

Result<std::vector<int64_t>> cache_rows(const RunContext& c, int64_t batch, int64_t sequence) {
  const Tensor& cache = c.in(1);
  const Shape given = c.has(3) ? c.in(3).shape() : Shape(cache.shape().dims().first(cache.rank() - 1));
  if (given.rank() != 2 || given[1] != sequence || (given[0] != batch && given[0] != 1))
    return c.error(c.has(3) ? "position_ids" : "the cache", " of extents ", given, " does not fit ", batch,
                   " x ", sequence, " tokens");
  std::vector<int64_t> rows(static_cast<size_t>(batch * sequence));
  for (int64_t i = 0; i < batch * sequence; ++i) {
    int64_t& row = rows[static_cast<size_t>(i)];
    row = given[0] == 1 ? i % sequence : i;
    if (!c.has(3)) continue;
    const int64_t position = c.in(3).data<int64_t>()[row];
    auto at = checked_index(position, cache.dim(0));
    if (!at) return c.error("position ", position, " is outside the cache of ", cache.dim(0), " positions");
    row = *at;
  }
  return rows;
}

Result<Call> read_call(const Attrs& a, const RunContext& c) {
  const Tensor& x = c.in(0);
  const Shape& s = x.shape();
  const bool flat = s.rank() == 3;
  if ((!flat && s.rank() != 4) || (flat && (a.heads < 1 || s[2] % a.heads != 0)))
    return c.error("input 0 of shape ", s, " does not divide into ", a.heads, " heads");
  Call k{.batch = s[0],
         .sequence = flat ? s[1] : s[2],
         .heads = flat ? a.heads : s[1],
         .size = flat ? s[2] / a.heads : s[3],
         .half = 0,
         .token_stride = flat ? s[2] : s[3],
         .head_stride = flat ? s[2] / a.heads : s[2] * s[3],
         .cos = c.in(1).data<float>(),
         .sin = c.in(2).data<float>(),
         .rows = {}};
  const int64_t rotated = a.rotated == 0 ? k.size : a.rotated;
  if (rotated > k.size || rotated % 2 != 0)
    return c.error("rotates ", rotated, " elements of heads of ", k.size,
                   ", expected an even number of them");
  k.half = rotated / 2;
  const size_t rank = c.has(3) ? 2 : 3;
  if (c.in(1).rank() != rank || c.in(1).shape().back() != k.half || !(c.in(1).shape() == c.in(2).shape()))
    return c.error("cos_cache ", c.in(1).shape(), " and sin_cache ", c.in(2).shape(), ", expected rank ",
                   rank, " and ", k.half, " in the last axis");
  if (x.count() > 0) k.rows = ONWARD_TRY(cache_rows(c, k.batch, k.sequence));
  return k;
}

Status run(const Attrs& a, RunContext& c) {
  const Call k = ONWARD_TRY(read_call(a, c));
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, c.in(0).shape()));
  if (y.count() == 0) return {};
  const float* in = c.in(0).data<float>();
  float* out = y.mutable_data<float>();
  const int64_t step = a.interleaved ? 2 : 1, partner = a.interleaved ? 1 : k.half;
  const int64_t tokens = k.batch * k.sequence;
  c.parallel_for(tokens, std::max<int64_t>(1, 8192 / std::max<int64_t>(1, k.heads * k.size)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t row = k.rows[static_cast<size_t>(i)] * k.half;
                     const float *cos = k.cos + row, *sin = k.sin + row;
                     for (int64_t h = 0; h < k.heads; ++h) {
                       const int64_t at = i / k.sequence * k.sequence * k.heads * k.size +
                                          i % k.sequence * k.token_stride + h * k.head_stride;
                       const float* x = in + at;
                       float* z = out + at;
                       for (int64_t j = 0; j < k.half; ++j) {
                         const float x1 = x[j * step], x2 = x[j * step + partner];
                         z[j * step] = cos[j] * x1 - sin[j] * x2;
                         z[j * step + partner] = sin[j] * x1 + cos[j] * x2;
                       }
                       for (int64_t j = 2 * k.half; j < k.size; ++j) z[j] = x[j];
                     }
                   }
                 });
  return {};
}

}  // namespace

ONWARD_OPS(rotary_embedding) {
  return {op<Attrs>({.name = "RotaryEmbedding",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, int64_t>,
                     .in_place = {{0, 0}}})};
}

}  // namespace ow
