// FlexAttention: y = prob_mod(softmax(score_mod(scale * Q K^T))) V for each batch entry and query head, with
// the modifiers given as graphs of one tensor [batch, heads, q, kv]; consecutive query heads share a key and
// value head.
//
// A modifier sees the scores of all heads at once, so they are held whole. Its tensors are of
// softmax_precision (float64 for float64 inputs, else float32, when absent); the computation around it is in
// double if the inputs or that are, else in float. A row of scores that are all -inf gives NaN, as its
// softmax is 0 / 0.
#include <cmath>
#include <limits>

#include "kernels/compensated_sum.h"
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<float> scale;
  ir::GraphPtr score_mod, prob_mod;
  DType precision = DType::kUndefined;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs;
  if (a.has("scale")) attrs.scale = a.real("scale", 1);
  if (a.has("score_mod")) attrs.score_mod = a.graph("score_mod");
  if (a.has("prob_mod")) attrs.prob_mod = a.graph("prob_mod");
  attrs.precision = a.dtype("softmax_precision", DType::kUndefined);
  const DType p = attrs.precision;
  if (p != DType::kUndefined && p != DType::kFloat32 && p != DType::kFloat64 && p != DType::kFloat16 &&
      p != DType::kBfloat16)
    a.fail("softmax_precision", cat("is ", p, ", expected float, double, float16 or bfloat16"));
  return attrs;
}

DType precision_of(const Attrs& a, DType input) {
  if (a.precision != DType::kUndefined) return a.precision;
  return input == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}

Status infer_mod(InferContext& c, const ir::GraphPtr& g, const char* name, const ir::Type& scores) {
  if (!g) return {};
  if (g->inputs().size() != 1 || g->outputs().size() != 1)
    return c.error(name, " has ", g->inputs().size(), " inputs and ", g->outputs().size(),
                   " outputs, expected one of each");
  const ir::Fact fact{scores, {}, {}};
  const auto results = ONWARD_TRY(c.infer_subgraph(*g, std::span(&fact, 1)));
  const ir::Type& type = results[0].type;
  if (type.is_tensor() && type.dtype != DType::kUndefined && type.dtype != scores.dtype)
    return c.error(name, " makes ", type, ", expected ", scores);
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  for (size_t i : {0, 1, 2})
    if (c.shape(i) && c.shape(i)->size() != 4)
      return c.error("input ", i, " is ", list_text(*c.shape(i)), ", expected rank 4");
  const SymShape *q = c.shape(0), *k = c.shape(1), *v = c.shape(2);
  SymShape y(4), scores(4);
  for (size_t i : {0, 1, 2}) scores[i] = y[i] = q ? (*q)[i] : Dim::unknown();
  y[3] = v ? (*v)[3] : Dim::unknown();
  scores[3] = k ? (*k)[2] : v ? (*v)[2] : Dim::unknown();
  c.set(0, c.dtype(0), std::move(y));
  const ir::Type type = ir::Type::tensor(precision_of(a, c.dtype(0)), std::move(scores));
  ONWARD_TRY(infer_mod(c, a.score_mod, "score_mod", type));
  return infer_mod(c, a.prob_mod, "prob_mod", type);
}

struct Call {
  int64_t batch, heads, kv_heads, q, kv, size, v_size;
  int64_t side(int64_t i) const { return i / heads * kv_heads + i % heads / (heads / kv_heads); }
};

Result<Call> read_call(const RunContext& c) {
  const Shape &q = c.in(0).shape(), &k = c.in(1).shape(), &v = c.in(2).shape();
  const bool fits = q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && k[0] == q[0] && v[0] == q[0] &&
                    k[1] == v[1] && k[1] > 0 && q[1] % k[1] == 0 && k[3] == q[3] && v[2] == k[2];
  if (!fits) return c.error("Q ", q, ", K ", k, " and V ", v, " do not fit together");
  return Call{q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
}

// out[i] = a[i] * b[side(i)] for matrices [m, k] and [k, n]; b's element (r, s) is r * stride_k + s *
// stride_n.
template <class T>
Status multiply(RunContext& c, const Call& call, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
                int64_t stride_k, int64_t stride_n, T* out) {
  const int64_t sides = call.batch * call.kv_heads, count = call.batch * call.heads;
  if (m == 0 || n == 0 || count == 0) return {};
  int64_t each = 0;
  std::byte* packed = nullptr;
  if constexpr (std::is_same_v<T, float>) {
    each = (static_cast<int64_t>(kernels::packed_b_bytes(1, k, n)) + 63) / 64 * 64;
    auto bytes = checked_mul(each, sides);
    if (!bytes) return c.error("the packed operands are too large");
    packed = ONWARD_TRY(c.scratch(*bytes)).data();
    c.parallel_for(sides, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        kernels::pack_b({.b = b + i * k * n,
                         .k = k,
                         .n = n,
                         .stride_k = stride_k,
                         .stride_n = stride_n,
                         .in_double = c.strict()},
                        packed + i * each, 1);
    });
  }
  c.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      if constexpr (std::is_same_v<T, float>) {
        kernels::gemm(m, n, k, a + i * m * k, k, packed + call.side(i) * each, out + i * m * n, n, {}, 1);
      } else {
        kernels::GenericGemm<T, T, T>{.m = m,
                                      .n = n,
                                      .k = k,
                                      .a = {a + i * m * k, k, 1},
                                      .b = {b + call.side(i) * k * n, stride_k, stride_n},
                                      .c = out + i * m * n,
                                      .ldc = n}
            .run(1);
      }
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

// Input i in element type T.
template <class T>
Result<Tensor> typed(const RunContext& c, size_t i) {
  const Tensor& x = c.in(i);
  return x.dtype() == dtype_of<T> ? x : convert(x, dtype_of<T>, true, Round::kUp, c.budget());
}

// What the graph makes of x, which keeps its element type.
Status modify(RunContext& c, const ir::GraphPtr& g, const char* name, DType precision, Tensor& x) {
  if (!g) return {};
  const DType type = x.dtype();
  const Value input = ONWARD_TRY(convert(x, precision, true, Round::kUp, c.budget()));
  const auto results = ONWARD_TRY(c.run_subgraph(*g, std::span(&input, 1)));
  const Tensor* y = results.size() == 1 ? results[0].tensor() : nullptr;
  if (!y) return c.error(name, " does not make one tensor");
  if (!(y->shape() == x.shape()) || y->dtype() != precision)
    return c.error(name, " makes ", y->dtype(), y->shape(), ", expected ", precision, x.shape());
  // Memory of its own: the graph may hand out a constant or its input.
  Tensor own = ONWARD_TRY(Tensor::allocate(type, x.shape(), c.budget()));
  ONWARD_TRY(convert_into(ONWARD_TRY(y->owned(c.budget())), own));
  x = own;
  return {};
}

template <class T>
void softmax_row(T* row, int64_t n) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t j = 0; j < n; ++j) m = row[j] > m || std::isnan(row[j]) ? row[j] : m;
  kernels::CompensatedSum exact;
  for (int64_t j = 0; j < n; ++j) exact += static_cast<double>(row[j] = std::exp(row[j] - m));
  const double sum = static_cast<double>(exact);
  for (int64_t j = 0; j < n; ++j) row[j] = static_cast<T>(static_cast<double>(row[j]) / sum);
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Call k = ONWARD_TRY(read_call(c));
  const DType precision = precision_of(a, dtype_of<T>), type = c.in(0).dtype();
  const Tensor query = ONWARD_TRY(typed<T>(c, 0)), key = ONWARD_TRY(typed<T>(c, 1)),
               value = ONWARD_TRY(typed<T>(c, 2));
  Tensor scores = ONWARD_TRY(Tensor::allocate(dtype_of<T>, {k.batch, k.heads, k.q, k.kv}, c.budget()));
  const T scale =
      a.scale ? static_cast<T>(*a.scale) : static_cast<T>(1 / std::sqrt(static_cast<double>(k.size)));
  ONWARD_TRY(multiply<T>(c, k, k.q, k.kv, k.size, query.data<T>(), key.data<T>(), 1, k.size,
                         scores.mutable_data<T>()));
  for (T& s : scores.mutable_span<T>()) s *= scale;
  ONWARD_TRY(modify(c, a.score_mod, "score_mod", precision, scores));
  T* rows = scores.mutable_data<T>();
  const int64_t count = scores.count() == 0 ? 0 : k.batch * k.heads * k.q;
  c.parallel_for(count, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, k.kv)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) softmax_row(rows + i * k.kv, k.kv);
                 });
  ONWARD_TRY(modify(c, a.prob_mod, "prob_mod", precision, scores));
  Tensor y = ONWARD_TRY(c.out(0, type, {k.batch, k.heads, k.q, k.v_size}));
  Tensor out = y;
  if (type != dtype_of<T>) out = ONWARD_TRY(Tensor::allocate(dtype_of<T>, y.shape(), c.budget()));
  ONWARD_TRY(multiply<T>(c, k, k.q, k.v_size, k.kv, scores.data<T>(), value.data<T>(), k.v_size, 1,
                         out.mutable_data<T>()));
  return type == dtype_of<T> ? Status() : convert_into(out, y);
}

Status run(const Attrs& a, RunContext& c) {
  const bool wide = c.in(0).dtype() == DType::kFloat64 || a.precision == DType::kFloat64;
  return wide ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(flex_attention) {
  return {op<Attrs>({.name = "FlexAttention",
                     .domain = "ai.onnx.preview",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>})};
}

}  // namespace ow
