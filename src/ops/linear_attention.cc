// LinearAttention: a state S [d_k, d_v] for each batch entry and key/value head, updated token by token:
//   S <- exp(g) * S        (gated, gated_delta; g: one for each row of S, or one for the head)
//   u  = v,  or  beta * (v - S^T k)  (delta, gated_delta)
//   S <- S + k u^T,   o = scale * S^T q   for each of the query heads that share the state
// query, key, value, decay and beta are [batch, tokens, heads * size]; the state is kept and computed in
// float and leaves in past_state's type (query's without one). chunk_size tunes other implementations; it
// changes no result and is not used.
//
// The types of state and query are independent, which widening by type variables cannot express when
// past_state is absent, so `run` converts float16 and bfloat16 itself.
#include <cmath>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

enum Input : size_t { kQuery, kKey, kValue, kPast, kDecay, kBeta };

struct Attrs {
  int64_t q_heads = 0, kv_heads = 0;
  float scale = 0;
  bool gated = false, delta = false;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string rule = a.text("update_rule", "gated_delta");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta")
    a.fail("update_rule", cat("is '", rule, "', expected linear, gated, delta or gated_delta"));
  Attrs attrs{.q_heads = a.required_integer("q_num_heads"),
              .kv_heads = a.required_integer("kv_num_heads"),
              .scale = a.real("scale", 0),
              .gated = rule.starts_with("gated"),
              .delta = rule.ends_with("delta")};
  if (attrs.kv_heads < 1 || attrs.q_heads < 1 || attrs.q_heads % attrs.kv_heads != 0)
    a.fail("q_num_heads",
           cat("is ", attrs.q_heads, ", expected a positive multiple of kv_num_heads, ", attrs.kv_heads));
  return attrs;
}

template <class C>
Status check_presence(const Attrs& a, const C& c) {
  if (c.has(kDecay) != a.gated || c.has(kBeta) != a.delta)
    return c.error("this update_rule goes ", a.gated ? "with" : "without", " decay and ",
                   a.delta ? "with" : "without", " beta");
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(check_presence(a, c));
  for (size_t i : {kQuery, kKey, kValue, kDecay, kBeta})
    if (c.shape(i) && c.shape(i)->size() != 3)
      return c.error("input ", i, " is ", list_text(*c.shape(i)), ", expected rank 3");
  const SymShape *q = c.shape(kQuery), *v = c.shape(kValue);
  if (c.shape(kPast) && c.shape(kPast)->size() != 4)
    return c.error("past_state is ", list_text(*c.shape(kPast)), ", expected rank 4");
  SymShape out(3), state(4);
  const Dim d_k = q ? floor_div((*q)[2], a.q_heads) : Dim::unknown(),
            d_v = v ? floor_div((*v)[2], a.kv_heads) : Dim::unknown();
  for (size_t i : {0, 1}) out[i] = q ? (*q)[i] : Dim::unknown();
  out[2] = d_v * a.q_heads;
  c.set(0, c.dtype(kQuery), out);
  c.set(1, c.dtype(c.has(kPast) ? kPast : kQuery), SymShape{out[0], a.kv_heads, d_k, d_v});
  return {};
}

struct Call {
  int64_t batch, tokens, d_k, d_v;
  int64_t decay_size = 0, beta_size = 0;  // extents of their last axis
  float scale;
  Tensor q, k, v, decay, beta, past;  // float
};

Result<Tensor> as_float(const RunContext& c, size_t i) {
  if (!c.has(i)) return Tensor();
  return c.in(i).dtype() == DType::kFloat32 ? c.in(i)
                                            : convert(c.in(i), DType::kFloat32, true, Round::kUp, c.budget());
}

Result<Call> read_call(const Attrs& a, const RunContext& c) {
  ONWARD_TRY(check_presence(a, c));
  const Shape &q = c.in(kQuery).shape(), &k = c.in(kKey).shape(), &v = c.in(kValue).shape();
  auto leads = [&](const Shape& s) { return s.rank() == 3 && s[0] == q[0] && s[1] == q[1]; };
  if (!leads(q) || !leads(k) || !leads(v) || q[2] % a.q_heads != 0 || v[2] % a.kv_heads != 0 ||
      k[2] % a.kv_heads != 0 || k[2] / a.kv_heads != q[2] / a.q_heads)
    return c.error("query ", q, ", key ", k, " and value ", v, " do not fit ", a.q_heads, " query heads and ",
                   a.kv_heads, " key and value heads");
  Call call{.batch = q[0], .tokens = q[1], .d_k = q[2] / a.q_heads, .d_v = v[2] / a.kv_heads};
  if (a.gated) {
    const Shape& s = c.in(kDecay).shape();
    if (!leads(s) || (s[2] != a.kv_heads && s[2] != k[2]))
      return c.error("decay has shape ", s, ", expected ", a.kv_heads, " or ", k[2], " in axis 2");
    call.decay_size = s[2];
  }
  if (a.delta) {
    const Shape& s = c.in(kBeta).shape();
    if (!leads(s) || (s[2] != a.kv_heads && s[2] != 1))
      return c.error("beta has shape ", s, ", expected ", a.kv_heads, " or 1 in axis 2");
    call.beta_size = s[2];
  }
  const Shape state{call.batch, a.kv_heads, call.d_k, call.d_v};
  if (c.has(kPast) && !(c.in(kPast).shape() == state))
    return c.error("past_state has shape ", c.in(kPast).shape(), ", expected ", state);
  if (state.count() < 0) return c.error("the state's shape ", state, " overflows");
  call.scale = a.scale != 0 ? a.scale : static_cast<float>(1 / std::sqrt(static_cast<double>(call.d_k)));
  call.q = ONWARD_TRY(as_float(c, kQuery));
  call.k = ONWARD_TRY(as_float(c, kKey));
  call.v = ONWARD_TRY(as_float(c, kValue));
  call.past = ONWARD_TRY(as_float(c, kPast));
  call.decay = ONWARD_TRY(as_float(c, kDecay));
  call.beta = ONWARD_TRY(as_float(c, kBeta));
  return call;
}

// The update of S by one token of head h; `at` counts tokens over the whole batch; `u` has room for d_v.
void update(const Attrs& a, const Call& c, int64_t at, int64_t h, float* s, float* u) {
  const float* k = c.k.data<float>() + (at * a.kv_heads + h) * c.d_k;
  const float* v = c.v.data<float>() + (at * a.kv_heads + h) * c.d_v;
  if (a.gated) {
    const bool per_head = c.decay_size == a.kv_heads;
    const float* g = c.decay.data<float>() + at * c.decay_size + (per_head ? h : h * c.d_k);
    for (int64_t i = 0; i < c.d_k; ++i) {
      const float factor = std::exp(g[per_head ? 0 : i]);
      for (int64_t j = 0; j < c.d_v; ++j) s[i * c.d_v + j] *= factor;
    }
  }
  std::copy_n(v, c.d_v, u);
  if (a.delta) {
    for (int64_t i = 0; i < c.d_k; ++i)
      for (int64_t j = 0; j < c.d_v; ++j) u[j] -= s[i * c.d_v + j] * k[i];
    const float beta = c.beta.data<float>()[at * c.beta_size + (c.beta_size == 1 ? 0 : h)];
    for (int64_t j = 0; j < c.d_v; ++j) u[j] *= beta;
  }
  for (int64_t i = 0; i < c.d_k; ++i)
    for (int64_t j = 0; j < c.d_v; ++j) s[i * c.d_v + j] += k[i] * u[j];
}

void read_out(const Attrs& a, const Call& c, int64_t at, int64_t h, const float* s, float* out) {
  const int64_t group = a.q_heads / a.kv_heads;
  for (int64_t head = h * group; head < (h + 1) * group; ++head) {
    const float* q = c.q.data<float>() + (at * a.q_heads + head) * c.d_k;
    float* o = out + (at * a.q_heads + head) * c.d_v;
    std::fill_n(o, c.d_v, 0.0f);
    for (int64_t i = 0; i < c.d_k; ++i)
      for (int64_t j = 0; j < c.d_v; ++j) o[j] += q[i] * s[i * c.d_v + j];
    for (int64_t j = 0; j < c.d_v; ++j) o[j] *= c.scale;
  }
}

// Output `o` in its type, from floats.
Status finish(RunContext& c, size_t o, DType type, const Tensor& from) {
  if (!c.wants(o)) return {};
  Tensor y = ONWARD_TRY(c.out(o, type, from.shape()));
  return convert_into(from, y);
}

Status run(const Attrs& a, RunContext& c) {
  const Call k = ONWARD_TRY(read_call(a, c));
  Tensor out =
      ONWARD_TRY(Tensor::allocate(DType::kFloat32, {k.batch, k.tokens, a.q_heads * k.d_v}, c.budget()));
  Tensor state =
      ONWARD_TRY(Tensor::allocate(DType::kFloat32, {k.batch, a.kv_heads, k.d_k, k.d_v}, c.budget()));
  if (c.has(kPast))
    std::copy_n(k.past.data<float>(), state.count(), state.mutable_data<float>());
  else
    std::fill_n(state.mutable_data<float>(), state.count(), 0.0f);
  const int64_t lines = out.count() == 0 && state.count() == 0 ? 0 : k.batch * a.kv_heads;
  auto updates = ONWARD_TRY(c.scratch_of<float>(lines * k.d_v));
  c.parallel_for(lines, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t b = line / a.kv_heads, h = line % a.kv_heads;
      float* s = state.mutable_data<float>() + line * k.d_k * k.d_v;
      for (int64_t t = 0; t < k.tokens; ++t) {
        if (c.budget() && c.budget()->stopped()) return;
        update(a, k, b * k.tokens + t, h, s, updates.data() + line * k.d_v);
        read_out(a, k, b * k.tokens + t, h, s, out.mutable_data<float>());
      }
    }
  });
  if (c.budget()) ONWARD_TRY(c.budget()->check());
  ONWARD_TRY(finish(c, 0, c.in(kQuery).dtype(), out));
  return finish(c, 1, c.in(c.has(kPast) ? kPast : kQuery).dtype(), state);
}

}  // namespace

ONWARD_OPS(linear_attention) {
  return {op<Attrs>({.name = "LinearAttention", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
