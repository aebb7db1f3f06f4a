// Attention: Y = softmax(softcap(scale * Q K^T) + bias) V for each batch entry and head; several query heads
// may share one key and value head.
//
// Q is [batch, heads, q, d] or [batch, q, heads * d], K and V likewise; past_key and past_value [batch,
// kv_heads, past, d] go before K and V. The bias is attn_mask (added, or -inf where a bool mask is false;
// missing columns at the end are -inf), -inf where j > i + past with is_causal, and -inf from
// nonpad_kv_seqlen on. A row that is masked throughout gives 0. Queries are walked in blocks, so that the
// scores of one block stay in the cache; each output row's sums run over all keys in order.
//
// onward.Attention is what the optimiser makes of two products with a Softmax between them: K is transposed,
// [batch, heads, d, kv], of rank 3 all inputs are without batch, the scale is 1 if it is not given, and a row
// that is -inf throughout gives NaN; with hidden_is_zero weights that are NaN count as 0. Its operands may
// have any strides. A second bias, input 4, [windows, heads or 1, q or 1, kv], is that of batch entry
// b % windows. rows_first: Y is [batch, q, heads, d]. lowest: no score counts as less, after the bias.
#include <array>
#include <cmath>
#include <limits>

#include "base/parallel_tasks.h"
#include "kernels/compensated_sum.h"
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "kernels/softmax.h"
#include "ops/op/evaluate.h"
#include "ops/op/op.h"
#include "ops/op/widen.h"

namespace ow {
namespace {

struct Attrs {
  bool is_causal = false;
  int64_t q_heads = 0, kv_heads = 0;  // 0: from 4-D inputs
  std::optional<float> scale;
  float softcap = 0;
  int64_t output_mode = 0;
  bool fused = false;  // onward.Attention
  bool hidden_is_zero = false;
  bool rows_first = false;
  float lowest = -std::numeric_limits<float>::infinity();
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.is_causal = a.flag("is_causal", false),
              .q_heads = a.integer("q_num_heads", 0),
              .kv_heads = a.integer("kv_num_heads", 0),
              .scale = std::nullopt,
              .softcap = a.real("softcap", 0),
              .output_mode = a.integer("qk_matmul_output_mode", 0)};
  if (a.has("scale")) attrs.scale = a.real("scale", 1);
  if (attrs.q_heads < 0) a.fail("q_num_heads", "is negative");
  if (attrs.kv_heads < 0) a.fail("kv_num_heads", "is negative");
  if (attrs.output_mode < 0 || attrs.output_mode > 3)
    a.fail("qk_matmul_output_mode", cat("is ", attrs.output_mode, ", expected 0 to 3"));
  return attrs;
}

Result<Attrs> read_fused(const AttrReader& a) {
  return Attrs{.scale = a.real("scale", 1),
               .fused = true,
               .hidden_is_zero = a.flag("hidden_is_zero", false),
               .rows_first = a.flag("rows_first", false),
               .lowest = a.real("lowest", -std::numeric_limits<float>::infinity())};
}

// Extents of Q, K or V as [batch, heads, sequence, size].
Result<SymShape> heads_of(const InferContext& c, size_t input, int64_t heads) {
  const SymShape& s = *c.shape(input);
  if (s.size() == 4) return s;
  if (s.size() != 3) return c.error("input ", input, " is ", list_text(s), ", expected rank 3 or 4");
  if (heads == 0) return c.error("inputs of rank 3 need q_num_heads and kv_num_heads");
  return SymShape{s[0], heads, s[1], floor_div(s[2], heads)};
}

Status infer(const Attrs& a, InferContext& c) {
  const bool known = c.shape(0) && c.shape(1) && c.shape(2) && (!c.has(4) || c.shape(4));
  for (size_t o = 0; o < c.outputs(); ++o) {
    const DType type = c.dtype(o == 2 ? 2 : 0);
    if (known || o == 0)
      c.set(o, type, std::nullopt);
    else
      c.set_unknown_dims(o, type, 4);
  }
  if (!known) return {};
  const SymShape q = ONWARD_TRY(heads_of(c, 0, a.q_heads)), k = ONWARD_TRY(heads_of(c, 1, a.kv_heads)),
                 v = ONWARD_TRY(heads_of(c, 2, a.kv_heads));
  if (c.has(4) && c.shape(4)->size() != 4)
    return c.error("past_key is ", list_text(*c.shape(4)), ", expected rank 4");
  const Dim total = c.has(4) ? (*c.shape(4))[2] + k[2] : k[2];
  const bool flat = c.shape(0)->size() == 3;
  c.set(0, c.dtype(0), flat ? SymShape{q[0], q[2], q[1] * v[3]} : SymShape{q[0], q[1], q[2], v[3]});
  c.set(1, c.dtype(0), SymShape{k[0], k[1], total, k[3]});
  c.set(2, c.dtype(2), SymShape{v[0], v[1], total, v[3]});
  c.set(3, c.dtype(0), SymShape{q[0], q[1], q[2], total});
  return {};
}

Status infer_fused(const Attrs& a, InferContext& c) {
  c.set(0, c.dtype(0), std::nullopt);
  const SymShape *q = c.shape(0), *t = c.shape(1), *v = c.shape(2);
  if (!q || !t || !v || (c.has(3) && !c.shape(3)) || q->size() < 2 || t->size() < 2 || v->size() < 2)
    return {};
  const auto batch = [](const SymShape& s) { return SymShape(s.begin(), s.end() - 2); };
  // Query heads that share one of the keys and values.
  SymShape keys = batch(*t), values = batch(*v);
  for (SymShape* s : {&keys, &values})
    if (q->size() == 4 && s->size() == 2 && !((*s)[1] == (*q)[1]) && (*s)[1].is_constant()) (*s)[1] = (*q)[1];
  SymShape y = ONWARD_TRY(c.broadcast(batch(*q), keys));
  y.push_back((*q)[q->size() - 2]);
  y.push_back(t->back());
  if (c.has(3)) y = ONWARD_TRY(c.broadcast(y, *c.shape(3)));
  const Dim rows = y[y.size() - 2];
  y = ONWARD_TRY(c.broadcast(batch(y), values));
  y.push_back(rows);
  y.push_back(v->back());
  if (a.rows_first && y.size() >= 3) std::swap(y[y.size() - 3], y[y.size() - 2]);
  c.set(0, c.dtype(0), std::move(y));
  return {};
}

// One of Q, K, V, Y in memory.
struct Heads {
  int64_t batch, heads, length, size;
  int64_t batch_stride, head_stride, row_stride;
  int64_t column_stride = 1;
  int64_t at(int64_t b, int64_t h) const { return b * batch_stride + h * head_stride; }
};

Result<Heads> heads_in(const RunContext& c, size_t input, int64_t heads, bool fused) {
  const Shape &s = c.in(input).shape(), &steps = c.in(input).strides();
  if (fused && s.rank() == 3) return Heads{1, s[0], s[1], s[2], 0, steps[0], steps[1], steps[2]};
  if (fused) return Heads{s[0], s[1], s[2], s[3], steps[0], steps[1], steps[2], steps[3]};
  if (s.rank() == 4) return Heads{s[0], s[1], s[2], s[3], s[1] * s[2] * s[3], s[2] * s[3], s[3]};
  if (s.rank() != 3 || heads < 1 || s[2] % heads != 0)
    return c.error("input ", input, " of shape ", s, " does not divide into ", heads, " heads");
  return Heads{s[0], heads, s[1], s[2] / heads, s[1] * s[2], s[2] / heads, s[2]};
}

// The mask's element for (b % batches, h, i, j), j < columns.
struct Mask {
  Tensor tensor;
  int64_t batch = 0, head = 0, row = 0, columns = 0;
  int64_t batches = 1;
};

struct Call {
  Heads q, k, v;  // k and v: the new ones
  int64_t past = 0, total = 0;
  double scale = 1;
  Mask masks[2];
  std::vector<int64_t> valid;  // nonpad_kv_seqlen; empty: all
};

Result<Mask> read_mask(const RunContext& c, size_t input, const Call& k) {
  if (!c.has(input)) return Mask();
  Tensor t = c.in(input);
  const int64_t batches = input == 4 && t.rank() == 4 ? std::max<int64_t>(t.dim(0), 1) : k.q.batch;
  if (k.q.batch % std::max<int64_t>(batches, 1) != 0)
    return c.error("a mask of ", batches, " windows does not divide ", k.q.batch, " batch entries");
  const int64_t full[4] = {batches, k.q.heads, k.q.length, k.total};
  if (t.rank() > 0 && t.strides()[t.rank() - 1] != 1) t = ONWARD_TRY(t.owned(c.budget()));
  int64_t strides[4] = {};
  bool fits = t.rank() >= 1 && t.rank() <= 4;
  for (size_t i = 0; fits && i < t.rank(); ++i) {
    const size_t at = 4 - t.rank() + i;
    fits = at == 3 ? t.dim(i) <= full[3] : t.dim(i) == full[at] || t.dim(i) == 1;
    strides[at] = t.dim(i) == 1 ? 0 : t.strides()[i];
  }
  if (!fits) return c.error("attn_mask of shape ", t.shape(), " does not broadcast to ", list_text(full));
  if (t.dtype() != DType::kBool && t.dtype() != c.in(0).dtype())
    return c.error("attn_mask is of type ", t.dtype(), ", expected bool or ", c.in(0).dtype());
  return Mask{t, strides[0], strides[1], strides[2], t.shape().back(), std::max<int64_t>(batches, 1)};
}

Result<Call> read_call(const Attrs& a, const RunContext& c) {
  Call k = {};
  k.q = ONWARD_TRY(heads_in(c, 0, a.q_heads, a.fused));
  k.k = ONWARD_TRY(heads_in(c, 1, a.kv_heads, a.fused));
  k.v = ONWARD_TRY(heads_in(c, 2, a.kv_heads, a.fused));
  if (a.fused) {
    std::swap(k.k.length, k.k.size);
    std::swap(k.k.row_stride, k.k.column_stride);
  }
  // No heads at all is an empty batch, of three axes.
  const bool grouped = k.k.heads > 0 ? k.q.heads % k.k.heads == 0 : k.q.heads == 0;
  const bool fits = k.k.batch == k.q.batch && k.v.batch == k.q.batch && k.k.heads == k.v.heads && grouped &&
                    k.k.size == k.q.size && k.k.length == k.v.length;
  if (!fits)
    return c.error("Q ", c.in(0).shape(), ", K ", c.in(1).shape(), " and V ", c.in(2).shape(),
                   " do not fit together");
  const bool has_past = c.has(4) && !a.fused;
  if (has_past != c.has(5)) return c.error("past_key and past_value come together or not at all");
  if (has_past) {
    k.past = c.in(4).rank() == 4 ? c.in(4).dim(2) : -1;
    if (!(c.in(4).shape() == Shape{k.q.batch, k.k.heads, k.past, k.k.size}) ||
        !(c.in(5).shape() == Shape{k.q.batch, k.k.heads, k.past, k.v.size}))
      return c.error("past_key ", c.in(4).shape(), " and past_value ", c.in(5).shape(),
                     " do not fit K and V");
  }
  k.total = k.past + k.k.length;
  k.scale = a.scale ? *a.scale : 1 / std::sqrt(static_cast<double>(k.q.size));
  k.masks[0] = ONWARD_TRY(read_mask(c, 3, k));
  if (a.fused) k.masks[1] = ONWARD_TRY(read_mask(c, 4, k));
  if (c.has(6)) {
    k.valid = ONWARD_TRY(read_ints(c, 6));
    if (static_cast<int64_t>(k.valid.size()) != k.q.batch)
      return c.error("nonpad_kv_seqlen has ", k.valid.size(), " values, expected ", k.q.batch);
  }
  return k;
}

// Past rows, then new ones: [batch, kv_heads, total, size], dense.
template <class T>
void join(const Tensor* past, const Tensor& fresh, const Heads& h, int64_t past_length, T* out) {
  const int64_t total = past_length + h.length;
  for (int64_t b = 0; b < h.batch; ++b)
    for (int64_t head = 0; head < h.heads; ++head) {
      T* to = out + (b * h.heads + head) * total * h.size;
      if (past)
        to = std::copy_n(past->data<T>() + (b * h.heads + head) * past_length * h.size, past_length * h.size,
                         to);
      const T* from = fresh.data<T>() + h.at(b, head);
      for (int64_t i = 0; i < h.length; ++i) to = std::copy_n(from + i * h.row_stride, h.size, to);
    }
}

// The keys or values of every head: row (b, head, j) at data + h.at(b, head) + j * h.row_stride.
template <class T>
struct Rows {
  const T* data;
  Heads h;
};

// Those of the past and the new ones: the input itself where that is all, in output `o` if that is wanted,
// else in scratch memory.
template <class T>
Result<Rows<T>> present(RunContext& c, size_t input, size_t past, size_t o, const Heads& h, const Call& k) {
  if (!c.has(5) && !c.wants(o)) return Rows<T>{c.in(input).data<T>(), h};
  const Shape shape{h.batch, h.heads, k.total, h.size};
  if (shape.count() < 0) return c.error("the present state's shape ", shape, " overflows");
  T* to = nullptr;
  if (c.wants(o)) {
    Tensor t = ONWARD_TRY(c.out(o, dtype_of<T>, shape));
    to = t.mutable_data<T>();
  } else {
    to = ONWARD_TRY(c.scratch_of<T>(shape.count())).data();
  }
  join<T>(c.has(past) ? &c.in(past) : nullptr, c.in(input), h, k.past, to);
  return Rows<T>{to,
                 {h.batch, h.heads, k.total, h.size, h.heads * k.total * h.size, k.total * h.size, h.size}};
}

// The right sides of the two products, one for each batch entry and head. Float: in tiles of keys, packed in
// some place; those that causality or padding hides from a block of queries are not looked at. Else one tile,
// read where it is.
template <class T>
struct KeyTiles {
  Rows<T> rows;
  int64_t total;
  bool transposed;  // K^T, times scale; else V
  bool in_double;   // kernels::BSource::in_double; then there is one tile, or a sum would be rounded twice
  double scale = 1;
  std::byte* packed = nullptr;
  int64_t tile_keys = 0, tile_bytes = 0, tiles = 0;

  int64_t keys(int64_t tile) const { return std::min(tile_keys, total - tile * tile_keys); }
  const T* at(int64_t side, int64_t tile) const {
    return rows.data + rows.h.at(side / rows.h.heads, side % rows.h.heads) +
           tile * tile_keys * rows.h.row_stride;
  }
  int64_t sides() const { return rows.h.batch * rows.h.heads; }
  // Room for so many sides.
  Status reserve(RunContext& c, int64_t places) {
    const bool in_tiles = std::is_same_v<T, float> && !in_double;
    tile_keys = std::max<int64_t>(1, in_tiles ? std::min<int64_t>(total, 256) : total);
    tiles = (total + tile_keys - 1) / tile_keys;
    if constexpr (std::is_same_v<T, float>) {
      const int64_t size = rows.h.size, most = tile_keys;
      const size_t bytes = kernels::packed_b_bytes(1, transposed ? size : most, transposed ? most : size);
      tile_bytes = (static_cast<int64_t>(bytes) + 63) / 64 * 64;
      auto all = checked_product(std::array{tile_bytes, tiles, places});
      if (!all) return c.error("keys and values are too large to pack: ", c.in(1).shape());
      packed = ONWARD_TRY(c.scratch(*all)).data();
    }
    return {};
  }
  void pack(int64_t side, int64_t place) const {
    for (int64_t tile = 0; tile < tiles; ++tile) pack_tile(side, tile, place);
  }
  void pack_tile(int64_t side, int64_t tile, int64_t place) const {
    if constexpr (std::is_same_v<T, float>) {
      const int64_t n = keys(tile), size = rows.h.size, stride = rows.h.row_stride;
      kernels::pack_b({.b = at(side, tile),
                       .k = transposed ? size : n,
                       .n = transposed ? n : size,
                       .stride_k = transposed ? rows.h.column_stride : stride,
                       .stride_n = transposed ? stride : rows.h.column_stride,
                       .scale = static_cast<float>(scale),
                       .in_double = in_double},
                      packed + (place * tiles + tile) * tile_bytes, 1);
    }
  }
  // out = a * tile; or, if `adds`, out += a * tile.
  void multiply(int64_t side, int64_t place, int64_t tile, int64_t m, const T* a, int64_t lda, T* out,
                int64_t ldc, bool adds) const {
    const int64_t size = rows.h.size;
    const int64_t k = transposed ? size : keys(tile), n = transposed ? keys(tile) : size;
    if constexpr (std::is_same_v<T, float>) {
      kernels::Epilogue epilogue;
      if (adds) epilogue.residual = out, epilogue.residual_ld = ldc;
      kernels::gemm(m, n, k, a, lda, packed + (place * tiles + tile) * tile_bytes, out, ldc, epilogue, 1);
    } else {
      kernels::GenericGemm<T, T, T> g{
          .m = m,
          .n = n,
          .k = k,
          .a = {a, lda, 1},
          .b = {at(side, tile), transposed ? 1 : rows.h.row_stride, transposed ? rows.h.row_stride : 1},
          .c = out,
          .ldc = ldc};
      g.run(1);
      for (int64_t i = 0; scale != 1 && i < m; ++i)
        for (int64_t j = 0; j < n; ++j) out[i * ldc + j] *= static_cast<T>(scale);
    }
  }
};

// Adds mask, causality and padding to the first n scores of query i.
template <class T>
void add_bias(const Attrs& a, const Call& k, int64_t b, int64_t h, int64_t i, T* row, int64_t n) {
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  auto hide_from = [&](int64_t j) { std::fill(row + std::clamp<int64_t>(j, 0, n), row + n, kNever); };
  for (const Mask& mask : k.masks) {
    if (!mask.tensor.has_value()) break;
    const int64_t at = b % mask.batches * mask.batch + h * mask.head + i * mask.row;
    const int64_t columns = std::min(n, mask.columns);
    if (mask.tensor.dtype() == DType::kBool) {
      const bool* keep = mask.tensor.data<bool>() + at;
      for (int64_t j = 0; j < columns; ++j) row[j] = keep[j] ? row[j] : kNever;
    } else {
      const T* add = mask.tensor.data<T>() + at;
      if constexpr (std::is_same_v<T, float>)
        kernels::add_row(add, row, columns);
      else
        for (int64_t j = 0; j < columns; ++j) row[j] += add[j];
    }
    hide_from(columns);
  }
  if (a.lowest > -std::numeric_limits<float>::infinity())
    for (int64_t j = 0; j < n; ++j)
      row[j] = row[j] < static_cast<T>(a.lowest) ? static_cast<T>(a.lowest) : row[j];
  if (a.is_causal) hide_from(i + k.past + 1);
  if (!k.valid.empty()) hide_from(k.valid[static_cast<size_t>(b)]);
}

// row[j] = exp(row[j] - m); returns what makes the sum 1, or `if_hidden` for a row that is -inf throughout.
template <class T>
T exponentiate(T* row, int64_t n, T if_hidden) {
  T sum = 0;
  if constexpr (std::is_same_v<T, float>) {
    sum = kernels::exp_row(row, row, n);
  } else {
    T m = -std::numeric_limits<T>::infinity();
    for (int64_t j = 0; j < n; ++j) m = row[j] > m ? row[j] : m;
    if (m == -std::numeric_limits<T>::infinity()) m = 0;
    kernels::CompensatedSum exact;
    for (int64_t j = 0; j < n; ++j) exact += row[j] = std::exp(row[j] - m);
    sum = static_cast<T>(exact);
  }
  return sum == 0 ? if_hidden : 1 / sum;
}

template <class T>
void softcap_row(float cap, T* row, int64_t n) {
  const T limit = static_cast<T>(cap);
  for (int64_t j = 0; j < n; ++j) row[j] /= limit;
  if constexpr (std::is_same_v<T, float>)
    kernels::tanh(row, row, n);
  else
    for (int64_t j = 0; j < n; ++j) row[j] = std::tanh(row[j]);
  for (int64_t j = 0; j < n; ++j) row[j] *= limit;
}

// The blocks of queries of one call.
template <class T>
class Blocks {
 public:
  Blocks(const Attrs& a, const Call& call, const KeyTiles<T>& keys, const KeyTiles<T>& values, Rows<T> q,
         T* y, const Heads& y_heads, T* kept)
      : a_(a), k_(call), keys_(keys), values_(values), q_(q), y_(y), y_heads_(y_heads), kept_(kept) {
    // Whole register tiles of rows, whose scores leave room in the second-level cache.
    rows_ = std::clamp<int64_t>(96 * 1024 / std::max<int64_t>(call.total, 1) / 14, 1, 5) * 14;
    rows_ = std::min(rows_, std::max<int64_t>(call.q.length, 1));
    each_ = (call.q.length + rows_ - 1) / rows_;
  }
  int64_t count() const { return k_.q.batch * k_.q.heads * each_; }
  int64_t row_elements() const { return k_.total + 16; }  // rows at powers of two would share cache lines
  int64_t score_elements() const { return rows_ * row_elements(); }

  int64_t side(int64_t i) const {
    return i / each_ / k_.q.heads * k_.k.heads + i / each_ % k_.q.heads / (k_.q.heads / k_.k.heads);
  }
  // place: where the keys and values of the block's side are packed.
  void run(int64_t i, int64_t place, T* scores) const {
    const int64_t b = i / each_ / k_.q.heads, h = i / each_ % k_.q.heads, first = i % each_ * rows_;
    const int64_t rows = std::min(rows_, k_.q.length - first);
    const int64_t tiles = tiles_seen(b, first + rows), ld = row_elements();
    const int64_t n = std::min(k_.total, tiles * keys_.tile_keys);
    for (int64_t t = 0; t < tiles; ++t)
      keys_.multiply(side(i), place, t, rows, q_.data + q_.h.at(b, h) + first * q_.h.row_stride,
                     q_.h.row_stride, scores + t * keys_.tile_keys, ld, false);
    T* out = y_ + y_heads_.at(b, h) + first * y_heads_.row_stride;
    T* kept = kept_ ? kept_ + ((b * k_.q.heads + h) * k_.q.length + first) * k_.total : nullptr;
    T factors[5 * 14];
    for (int64_t r = 0; r < rows; ++r)
      factors[r] = weights(b, h, first + r, scores + r * ld, n, kept ? kept + r * k_.total : nullptr);
    for (int64_t t = 0; t < tiles; ++t)
      values_.multiply(side(i), place, t, rows, scores + t * values_.tile_keys, ld, out, y_heads_.row_stride,
                       t > 0);
    for (int64_t r = 0; r < rows; ++r) {
      T *y = out + r * y_heads_.row_stride, factor = factors[r];
      if (tiles == 0) std::fill_n(y, y_heads_.size, T(0));
      if constexpr (std::is_same_v<T, float>)
        kernels::scale_row(factor, y, y_heads_.size);
      else
        for (int64_t j = 0; j < y_heads_.size; ++j) y[j] *= factor;
    }
  }

 private:
  // Tiles of keys of which a query before `end` sees any; all where the scores are an output.
  int64_t tiles_seen(int64_t b, int64_t end) const {
    int64_t seen = k_.total;
    if (!kept_ && a_.is_causal) seen = std::min(seen, end + k_.past);
    if (!kept_ && !k_.valid.empty()) seen = std::min(seen, k_.valid[static_cast<size_t>(b)]);
    return seen <= 0 ? 0 : (seen + keys_.tile_keys - 1) / keys_.tile_keys;
  }

  // Makes the scores of query i its weights but for the factor that it returns.
  T weights(int64_t b, int64_t h, int64_t i, T* row, int64_t n, T* kept) const {
    auto keep = [&](int64_t mode) {
      if (kept && a_.output_mode == mode) std::copy_n(row, n, kept);
    };
    keep(0);
    if (a_.softcap > 0) softcap_row(a_.softcap, row, n);
    keep(1);
    add_bias(a_, k_, b, h, i, row, n);
    keep(2);
    // Softmax of nothing but -inf is NaN.
    const bool is_nan = a_.fused && !a_.hidden_is_zero && n > 0;
    T factor = exponentiate(row, n, is_nan ? std::numeric_limits<T>::quiet_NaN() : T(0));
    // A sum that is NaN makes all weights of the row NaN.
    if (a_.hidden_is_zero && std::isnan(factor)) std::fill_n(row, n, T(0)), factor = 0;
    if (kept && a_.output_mode == 3)
      for (int64_t j = 0; j < n; ++j) kept[j] = row[j] * factor;
    return factor;
  }

  const Attrs& a_;
  const Call& k_;
  const KeyTiles<T>&keys_, &values_;
  Rows<T> q_;
  T* y_;
  Heads y_heads_;
  T* kept_;
  int64_t rows_, each_;
};

Shape output_shape(const Attrs& a, const Call& k, size_t rank) {
  if (rank == 3 && !a.fused) return {k.q.batch, k.q.length, k.q.heads * k.v.size};
  Shape s{k.q.batch, k.q.heads, k.q.length, k.v.size};
  if (a.rows_first) std::swap(s[1], s[2]);
  return rank == 4 ? s : Shape{s[1], s[2], s[3]};
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  Call k = ONWARD_TRY(read_call(a, c));
  Tensor q = c.in(0);
  if (k.q.column_stride != 1) {  // rows of a product lie side by side
    q = ONWARD_TRY(q.owned(c.budget()));
    const Shape& steps = q.strides();
    const size_t rank = q.rank();
    k.q.batch_stride = rank == 4 ? steps[0] : 0;
    k.q.head_stride = steps[rank - 3], k.q.row_stride = steps[rank - 2], k.q.column_stride = 1;
  }
  KeyTiles<T> keys{ONWARD_TRY(present<T>(c, 1, 4, 1, k.k, k)), k.total, true, c.strict(), k.scale};
  KeyTiles<T> values{ONWARD_TRY(present<T>(c, 2, 5, 2, k.v, k)), k.total, false, c.strict()};
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, output_shape(a, k, c.in(0).rank())));
  const bool flat = a.rows_first || (c.in(0).rank() == 3 && !a.fused);
  Tensor kept;
  if (c.wants(3)) kept = ONWARD_TRY(c.out(3, dtype_of<T>, {k.q.batch, k.q.heads, k.q.length, k.total}));
  const int64_t size = k.v.size, row = flat ? k.q.heads * size : size;
  const Heads out{
      k.q.batch, k.q.heads, k.q.length, size, k.q.length * k.q.heads * size, flat ? size : k.q.length * size,
      row};
  const Blocks<T> blocks(a, k, keys, values, {q.data<T>(), k.q}, y.mutable_data<T>(), out,
                         kept.has_value() ? kept.mutable_data<T>() : nullptr);
  // Keys and values of one block are packed by its thread, while they are in its cache; those of several, or
  // of too few to keep all threads busy, before.
  const int64_t slots = std::max<int64_t>(1, std::min<int64_t>(blocks.count(), c.threads()));
  const bool is_read_once = blocks.count() == keys.sides() && keys.sides() >= 2 * slots;
  for (KeyTiles<T>* tiles : {&keys, &values})
    ONWARD_TRY(tiles->reserve(c, is_read_once ? slots : tiles->sides()));
  if (!is_read_once && keys.packed)
    c.parallel_for(keys.sides() * keys.tiles, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t side = i / keys.tiles, tile = i % keys.tiles;
        keys.pack_tile(side, tile, side);
        values.pack_tile(side, tile, side);
      }
    });
  auto scores = ONWARD_TRY(c.scratch_of<T>(slots * blocks.score_elements()));
  parallel_tasks(blocks.count(), static_cast<int>(slots), [&](int64_t slot, int64_t i) {
    if (c.budget() && c.budget()->stopped()) return;
    const int64_t side = blocks.side(i);
    if (is_read_once) keys.pack(side, slot), values.pack(side, slot);
    blocks.run(i, is_read_once ? slot : side, scores.data() + slot * blocks.score_elements());
  });
  return c.budget() ? c.budget()->check() : Status();
}

// Whether nothing repeats but rows and matrices of the mask.
bool fits(const RunContext& c) {
  const Shape &q = c.in(0).shape(), &t = c.in(1).shape(), &v = c.in(2).shape();
  const size_t rank = q.rank();
  bool same = (rank == 3 || rank == 4) && t.rank() == rank && v.rank() == rank;
  for (size_t i = 0; same && i + 2 < rank; ++i) {
    const bool heads = rank == 4 && i == 1;
    same = t[i] == v[i] && (heads ? t[i] > 0 && q[i] % t[i] == 0 : q[i] == t[i]);
  }
  if (same && c.has(4)) {
    const Shape& m = c.in(4).shape();
    same = rank == 4 && m.rank() == 4 && m[0] > 0 && q[0] % m[0] == 0 && (m[1] == 1 || m[1] == q[1]) &&
           (m[2] == 1 || m[2] == q[2]) && m[3] == t.back();
  }
  if (!same || !c.has(3)) return same;
  const Shape& mask = c.in(3).shape();
  if (mask.rank() == 0 || mask.rank() > rank || mask.back() != t.back()) return false;
  for (size_t i = 0; same && i + 1 < mask.rank(); ++i)
    same = mask[i] == 1 || mask[i] == q[rank - mask.rank() + i];
  return same;
}

// The keys or values of each query head, where several share them.
Result<Tensor> of_each_head(const RunContext& c, size_t input) {
  const Tensor& x = c.in(input);
  const Shape& q = c.in(0).shape();
  if (q.rank() != 4 || x.rank() != 4 || x.dim(1) < 2 || q[1] <= x.dim(1) || q[1] % x.dim(1) != 0) return x;
  const Shape& s = x.strides();
  const Tensor repeated =
      x.strided({x.dim(0), x.dim(1), q[1] / x.dim(1), x.dim(2), x.dim(3)}, {s[0], s[1], 0, s[2], s[3]});
  const Tensor dense = ONWARD_TRY(repeated.owned(c.budget()));
  return dense.reshaped({x.dim(0), q[1], x.dim(2), x.dim(3)});
}

// The nodes that the optimiser made onward.Attention of, for sizes that turn out to be others than it took
// them for.
Status run_plain(const Attrs& a, RunContext& c) {
  const auto call = [&](std::string_view op_type, std::vector<Value> inputs,
                        ir::Attributes attributes = {}) -> Result<Tensor> {
    ir::Graph graph;
    std::vector<ir::Value*> arguments;
    for (Value& v : inputs) {
      v = ONWARD_TRY(v.owned(c.budget()));
      arguments.push_back(
          graph.add_input("x", ir::Type::tensor(v.tensor()->dtype(), symbolic(v.tensor()->shape()))));
    }
    const ir::Node* node = graph.add_node(op_type, "", arguments, {"y"}, std::move(attributes));
    auto made = ONWARD_TRY(evaluate(*node, inputs, {.threads = c.threads(), .budget = c.budget()}));
    return *made[0].tensor();
  };
  const Tensor scale = Tensor::of<float>({}, std::vector<float>{a.scale.value_or(1)});
  const Tensor keys = ONWARD_TRY(of_each_head(c, 1)), values = ONWARD_TRY(of_each_head(c, 2));
  Tensor p = ONWARD_TRY(call("MatMul", {c.in(0), keys}));
  p = ONWARD_TRY(call("Mul", {p, scale}));
  if (c.has(3)) p = ONWARD_TRY(call("Add", {p, c.in(3)}));
  if (c.has(4)) {
    const Shape whole = p.shape(), &m = c.in(4).shape();
    if (whole.rank() != 4 || m.rank() != 4 || m[0] < 1 || whole[0] % m[0] != 0)
      return c.error("a mask of shape ", m, " does not fit the scores ", whole);
    p = ONWARD_TRY(call("Add", {p.reshaped({whole[0] / m[0], m[0], whole[1], whole[2], whole[3]}), c.in(4)}));
    p = p.reshaped({p.dim(0) * p.dim(1), p.dim(2), p.dim(3), p.dim(4)});
  }
  if (a.lowest > -std::numeric_limits<float>::infinity())
    p = ONWARD_TRY(call("Max", {p, Tensor::of<float>({}, std::vector<float>{a.lowest})}));
  p = ONWARD_TRY(call("Softmax", {p}, {{"axis", int64_t{-1}}}));
  if (a.hidden_is_zero) {
    const Tensor is_nan = ONWARD_TRY(call("IsNaN", {p}));
    p = ONWARD_TRY(call("Where", {is_nan, Tensor::of<float>({}, std::vector<float>{0}), p}));
  }
  Tensor result = ONWARD_TRY(call("MatMul", {p, values}));
  if (a.rows_first) {
    if (result.rank() < 3) return c.error("the result of shape ", result.shape(), " has no heads");
    Shape shape = result.shape(), strides = result.strides();
    const size_t at = shape.rank() - 3;
    std::swap(shape[at], shape[at + 1]), std::swap(strides[at], strides[at + 1]);
    result = result.strided(shape, strides);
  }
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, result.shape()));
  copy_elements(result, y);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  if (a.fused && !fits(c)) return run_plain(a, c);
  if (c.in(0).dtype() != c.in(2).dtype())
    return c.error("Q is of type ", c.in(0).dtype(), " and V of type ", c.in(2).dtype(), ", expected one");
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(attention) {
  OpSpec<Attrs> spec{.name = "Attention",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, bool> | kOneFloat};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.infer = infer_fused;
  fused.native = types<float>;
  fused.layout = LayoutRule::kUnread;
  return {op<Attrs>(spec), op<Attrs>(fused)};
}

}  // namespace ow
