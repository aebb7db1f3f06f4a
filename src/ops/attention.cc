// Attention: Y = softmax(softcap(scale * Q K^T) + bias) V for each batch entry and head; several query heads
// may share one key and value head.
//
// Q is [batch, heads, q, d] or [batch, q, heads * d], K and V likewise; past_key and past_value [batch,
// kv_heads, past, d] go before K and V. The bias is attn_mask (added, or -inf where a bool mask is false;
// missing columns at the end are -inf), -inf where j > i + past with is_causal, and -inf from
// nonpad_kv_seqlen on. A row that is masked throughout gives 0. Queries are walked in blocks, so that the
// scores of one block stay in the cache; each output row's sums run over all keys in order.
#include <cmath>
#include <limits>

#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool is_causal = false;
  int64_t q_heads = 0, kv_heads = 0;  // 0: from 4-D inputs
  std::optional<float> scale;
  float softcap = 0;
  int64_t output_mode = 0;
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

// Extents of Q, K or V as [batch, heads, sequence, size].
Result<SymShape> heads_of(const InferContext& c, size_t input, int64_t heads) {
  const SymShape& s = *c.shape(input);
  if (s.size() == 4) return s;
  if (s.size() != 3) return c.error("input ", input, " is ", list_text(s), ", expected rank 3 or 4");
  if (heads == 0) return c.error("inputs of rank 3 need q_num_heads and kv_num_heads");
  return SymShape{s[0], heads, s[1], floor_div(s[2], heads)};
}

Status infer(const Attrs& a, InferContext& c) {
  if ((c.dtype(0) == DType::kFloat64) != (c.dtype(2) == DType::kFloat64))
    return unsupported(c.node().label(), ": Q of type ", c.dtype(0), " with V of type ", c.dtype(2));
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

// One of Q, K, V, Y in memory.
struct Heads {
  int64_t batch, heads, length, size;
  int64_t batch_stride, head_stride, row_stride;
  int64_t at(int64_t b, int64_t h) const { return b * batch_stride + h * head_stride; }
};

Result<Heads> heads_in(const RunContext& c, size_t input, int64_t heads) {
  const Shape& s = c.in(input).shape();
  if (s.rank() == 4) return Heads{s[0], s[1], s[2], s[3], s[1] * s[2] * s[3], s[2] * s[3], s[3]};
  if (s.rank() != 3 || heads < 1 || s[2] % heads != 0)
    return c.error("input ", input, " of shape ", s, " does not divide into ", heads, " heads");
  return Heads{s[0], heads, s[1], s[2] / heads, s[1] * s[2], s[2] / heads, s[2]};
}

// The mask's element for (b, h, i, j), j < columns.
struct Mask {
  const Tensor* tensor = nullptr;
  int64_t batch = 0, head = 0, row = 0, columns = 0;
};

struct Call {
  Heads q, k, v;  // k and v: the new ones
  int64_t past = 0, total = 0;
  float scale = 1;
  Mask mask;
  std::vector<int64_t> valid;  // nonpad_kv_seqlen; empty: all
};

Result<Mask> read_mask(const RunContext& c, const Call& k) {
  Mask m;
  if (!c.has(3)) return m;
  const Tensor& t = c.in(3);
  const int64_t full[4] = {k.q.batch, k.q.heads, k.q.length, k.total};
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
  return Mask{&t, strides[0], strides[1], strides[2], t.shape().back()};
}

Result<Call> read_call(const Attrs& a, const RunContext& c) {
  Call k = {};
  k.q = ONWARD_TRY(heads_in(c, 0, a.q_heads));
  k.k = ONWARD_TRY(heads_in(c, 1, a.kv_heads));
  k.v = ONWARD_TRY(heads_in(c, 2, a.kv_heads));
  const bool fits = k.k.batch == k.q.batch && k.v.batch == k.q.batch && k.k.heads == k.v.heads &&
                    k.k.heads > 0 && k.q.heads % k.k.heads == 0 && k.k.size == k.q.size &&
                    k.k.length == k.v.length;
  if (!fits)
    return c.error("Q ", c.in(0).shape(), ", K ", c.in(1).shape(), " and V ", c.in(2).shape(),
                   " do not fit together");
  if (c.has(4) != c.has(5)) return c.error("past_key and past_value come together or not at all");
  if (c.has(4)) {
    k.past = c.in(4).rank() == 4 ? c.in(4).dim(2) : -1;
    if (!(c.in(4).shape() == Shape{k.q.batch, k.k.heads, k.past, k.k.size}) ||
        !(c.in(5).shape() == Shape{k.q.batch, k.k.heads, k.past, k.v.size}))
      return c.error("past_key ", c.in(4).shape(), " and past_value ", c.in(5).shape(),
                     " do not fit K and V");
  }
  k.total = k.past + k.k.length;
  k.scale = a.scale ? *a.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(k.q.size)));
  k.mask = ONWARD_TRY(read_mask(c, k));
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

// The present key or value: in output `o` if that is wanted, else in scratch memory.
template <class T>
Result<const T*> present(RunContext& c, size_t input, size_t past, size_t o, const Heads& h, const Call& k) {
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
  return to;
}

// c = a * b for one of many right sides: packed for float, read in place otherwise.
template <class T>
struct RightSides {
  int64_t k, n, stride_k, stride_n, each;  // elements from one to the next
  const T* data;
  float scale;
  std::byte* packed = nullptr;
  int64_t packed_each = 0;

  Status pack(RunContext& c, int64_t count) {
    if constexpr (std::is_same_v<T, float>) {
      packed_each = (static_cast<int64_t>(kernels::packed_b_bytes(1, k, n)) + 63) / 64 * 64;
      packed = ONWARD_TRY(c.scratch(packed_each * count)).data();
      c.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          kernels::pack_b({.b = data + i * each,
                           .k = k,
                           .n = n,
                           .stride_k = stride_k,
                           .stride_n = stride_n,
                           .scale = scale},
                          packed + i * packed_each, 1);
      });
    }
    return {};
  }
  void multiply(int64_t which, int64_t m, const T* a, int64_t lda, T* out, int64_t ldc) const {
    if constexpr (std::is_same_v<T, float>) {
      kernels::gemm(m, n, k, a, lda, packed + which * packed_each, out, ldc, {}, 1);
    } else {
      kernels::GenericGemm<T, T, T> g{.m = m,
                                      .n = n,
                                      .k = k,
                                      .a = {a, lda, 1},
                                      .b = {data + which * each, stride_k, stride_n},
                                      .c = out,
                                      .ldc = ldc};
      g.run(1);
      for (int64_t i = 0; scale != 1 && i < m; ++i)
        for (int64_t j = 0; j < n; ++j) out[i * ldc + j] *= static_cast<T>(scale);
    }
  }
};

// Adds mask, causality and padding to the scores of query i.
template <class T>
void add_bias(const Attrs& a, const Call& k, int64_t b, int64_t h, int64_t i, T* row) {
  constexpr T kNever = -std::numeric_limits<T>::infinity();
  if (k.mask.tensor) {
    const int64_t at = b * k.mask.batch + h * k.mask.head + i * k.mask.row;
    const int64_t columns = k.mask.columns;
    if (k.mask.tensor->dtype() == DType::kBool) {
      const bool* keep = k.mask.tensor->data<bool>() + at;
      for (int64_t j = 0; j < columns; ++j) row[j] = keep[j] ? row[j] : kNever;
    } else {
      const T* add = k.mask.tensor->data<T>() + at;
      for (int64_t j = 0; j < columns; ++j) row[j] += add[j];
    }
    std::fill(row + columns, row + k.total, kNever);
  }
  if (a.is_causal)
    for (int64_t j = std::max<int64_t>(0, i + k.past + 1); j < k.total; ++j) row[j] = kNever;
  if (!k.valid.empty())
    for (int64_t j = std::max<int64_t>(0, k.valid[static_cast<size_t>(b)]); j < k.total; ++j) row[j] = kNever;
}

template <class T>
void softmax_row(T* row, int64_t n) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < n; ++j) m = row[j] > m || row[j] != row[j] ? row[j] : m;
  if (m == -std::numeric_limits<T>::infinity()) {
    std::fill_n(row, n, T(0));
    return;
  }
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) row[j] -= m;
  if constexpr (std::is_same_v<T, float>)
    kernels::exp(row, row, n);
  else
    for (int64_t j = 0; j < n; ++j) row[j] = std::exp(row[j]);
  for (int64_t j = 0; j < n; ++j) sum += static_cast<double>(row[j]);
  const T inverse = static_cast<T>(1 / sum);
  for (int64_t j = 0; j < n; ++j) row[j] *= inverse;
}

template <class T>
void softcap_rows(float cap, T* scores, int64_t n) {
  const T limit = static_cast<T>(cap);
  for (int64_t j = 0; j < n; ++j) scores[j] = std::tanh(scores[j] / limit) * limit;
}

constexpr int64_t kBlockRows = 64;

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Call k = ONWARD_TRY(read_call(a, c));
  const T* key = ONWARD_TRY(present<T>(c, 1, 4, 1, k.k, k));
  const T* value = ONWARD_TRY(present<T>(c, 2, 5, 2, k.v, k));
  const bool flat = c.in(0).rank() == 3;
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>,
                              flat ? Shape{k.q.batch, k.q.length, k.q.heads * k.v.size}
                                   : Shape{k.q.batch, k.q.heads, k.q.length, k.v.size}));
  Tensor kept;
  if (c.wants(3)) kept = ONWARD_TRY(c.out(3, dtype_of<T>, {k.q.batch, k.q.heads, k.q.length, k.total}));
  const int64_t size = k.v.size, row = flat ? k.q.heads * size : size;
  const Heads out{
      k.q.batch, k.q.heads, k.q.length, size, k.q.length * k.q.heads * size, flat ? size : k.q.length * size,
      row};
  RightSides<T> keys{k.q.size, k.total, 1, k.q.size, k.total * k.q.size, key, k.scale};
  RightSides<T> values{k.total, size, size, 1, k.total * size, value, 1};
  ONWARD_TRY(keys.pack(c, k.q.batch * k.k.heads));
  ONWARD_TRY(values.pack(c, k.q.batch * k.k.heads));
  const int64_t blocks = (k.q.length + kBlockRows - 1) / kBlockRows, tasks = k.q.batch * k.q.heads * blocks;
  // Each slot has scores of its own and takes every slots-th task.
  const int64_t slots = std::max<int64_t>(1, std::min<int64_t>(tasks, c.threads()));
  auto scores = ONWARD_TRY(c.scratch_of<T>(slots * kBlockRows * k.total));
  auto task = [&](int64_t i, T* s) {
    const int64_t b = i / blocks / k.q.heads, h = i / blocks % k.q.heads, first = i % blocks * kBlockRows;
    const int64_t rows = std::min(kBlockRows, k.q.length - first),
                  side = b * k.k.heads + h / (k.q.heads / k.k.heads);
    keys.multiply(side, rows, c.in(0).data<T>() + k.q.at(b, h) + first * k.q.row_stride, k.q.row_stride, s,
                  k.total);
    auto keep = [&](int64_t mode) {
      if (kept.has_value() && a.output_mode == mode)
        std::copy_n(s, rows * k.total,
                    kept.mutable_data<T>() + ((b * k.q.heads + h) * k.q.length + first) * k.total);
    };
    keep(0);
    if (a.softcap > 0) softcap_rows(a.softcap, s, rows * k.total);
    keep(1);
    for (int64_t r = 0; r < rows; ++r) add_bias(a, k, b, h, first + r, s + r * k.total);
    keep(2);
    for (int64_t r = 0; r < rows; ++r) softmax_row(s + r * k.total, k.total);
    keep(3);
    values.multiply(side, rows, s, k.total, y.mutable_data<T>() + out.at(b, h) + first * row, row);
  };
  c.parallel_for(slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot)
      for (int64_t i = slot; i < tasks; i += slots) {
        if (c.budget() && c.budget()->stopped()) return;
        task(i, scores.data() + slot * kBlockRows * k.total);
      }
  });
  return c.budget() ? c.budget()->check() : Status();
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(attention) {
  return {op<Attrs>({.name = "Attention",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, bool, int64_t>})};
}

}  // namespace ow
