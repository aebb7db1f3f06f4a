// CausalConvWithState: y[b,c,t] = act(sum_j w[c,0,j] * z[b,c,t+j] + bias[c]), where z is past_state (zeros if
// absent), of k - 1 positions, followed by the input: each channel sees its own present and past alone.
// Output 1 is the end of z, k - 1 positions, the past_state of the next call. act: none, or silu = swish.
#include <cmath>

#include "base/checked.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool silu = false;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string activation = a.text("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    a.fail("activation", cat("is '", activation, "', expected none, silu or swish"));
  return Attrs{activation != "none"};
}

Status infer(const Attrs&, InferContext& c) {
  const SymShape *x = c.shape(0), *w = c.shape(1);
  for (size_t i : {size_t{0}, size_t{1}, size_t{3}})
    if (c.shape(i) && c.shape(i)->size() != 3)
      return c.error("input ", i, " is ", list_text(*c.shape(i)), ", expected rank 3");
  if (x && w && (*x)[1].is_constant() && (*w)[0].is_constant() && !((*x)[1] == (*w)[0]))
    return c.error("input 0 is ", list_text(*x), ", but the weights ", list_text(*w), " are for ", (*w)[0],
                   " channels");
  if (w && (*w)[2].is(0))
    return c.error("the weights are ", list_text(*w), ", expected a kernel of 1 or more");
  ONWARD_TRY(infer_same(c));
  SymShape state(3);
  state[0] = x ? (*x)[0] : Dim::unknown();
  state[1] = x ? (*x)[1] : Dim::unknown();
  state[2] = w ? (*w)[2] - 1 : Dim::unknown();
  c.set(1, c.dtype(0), std::move(state));
  return {};
}

Status check(const RunContext& c) {
  const Shape &x = c.in(0).shape(), &w = c.in(1).shape();
  if (x.rank() != 3 || w.rank() != 3 || w[0] != x[1] || w[1] != 1 || w[2] < 1)
    return c.error("weights of shape ", w, ", expected [channels, 1, k] for input 0 of shape ", x);
  if (c.has(2) && !(c.in(2).shape() == Shape{x[1]}))
    return c.error("bias of shape ", c.in(2).shape(), ", expected [", x[1], "]");
  if (c.has(3) && !(c.in(3).shape() == Shape{x[0], x[1], w[2] - 1}))
    return c.error("past_state of shape ", c.in(3).shape(), ", expected ", Shape{x[0], x[1], w[2] - 1});
  return {};
}

// One channel: z is the past and the present, k - 1 + length.
void convolve(const float* z, const float* w, int64_t k, float bias, bool silu, float* y, int64_t length) {
  std::fill_n(y, length, bias);
  for (int64_t j = 0; j < k; ++j)
    for (int64_t t = 0; t < length; ++t) y[t] += w[j] * z[t + j];
  for (int64_t t = 0; silu && t < length; ++t) y[t] /= 1 + std::exp(-y[t]);
}

Status run(const Attrs& a, RunContext& c) {
  ONWARD_TRY(check(c));
  const Tensor& x = c.in(0);
  const int64_t channels = x.dim(1), length = x.dim(2), k = c.in(1).dim(2), lines = x.shape().count(0, 2);
  auto joined = checked_add(length, k - 1);
  auto elements = joined ? checked_mul(*joined, lines) : joined;
  if (!elements || lines < 0)
    return c.error("input 0 of shape ", x.shape(), " with a kernel of ", k, " overflows");
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, x.shape()));
  float* state = nullptr;
  if (c.wants(1)) {
    Tensor t = ONWARD_TRY(c.out(1, DType::kFloat32, {x.dim(0), channels, k - 1}));
    state = t.mutable_data<float>();
  }
  auto scratch = ONWARD_TRY(c.scratch_of<float>(*elements));
  const float *weights = c.in(1).data<float>(), *past = c.has(3) ? c.in(3).data<float>() : nullptr;
  c.parallel_for(lines, std::max<int64_t>(1, 8192 / (*joined * k + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* z = scratch.data() + i * *joined;
      if (past)
        std::copy_n(past + i * (k - 1), k - 1, z);
      else
        std::fill_n(z, k - 1, 0.0f);
      std::copy_n(x.data<float>() + i * length, length, z + k - 1);
      const int64_t channel = i % channels;
      convolve(z, weights + channel * k, k, c.has(2) ? c.in(2).data<float>()[channel] : 0, a.silu,
               y.mutable_data<float>() + i * length, length);
      if (state) std::copy_n(z + length, k - 1, state + i * (k - 1));
    }
  });
  return {};
}

}  // namespace

ONWARD_OPS(causal_conv_with_state) {
  return {op<Attrs>(
      {.name = "CausalConvWithState", .read = read, .infer = infer, .run = run, .native = types<float>})};
}

}  // namespace ow
