#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ramp(const Shape& shape, float step) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(step * static_cast<float>(i + 1));
  return floats(shape, v);
}
std::vector<float> values(const Value& v) {
  return {v.tensor()->span<float>().begin(), v.tensor()->span<float>().end()};
}
Tensor token(const Tensor& x, int64_t t) {
  const int64_t n = x.dim(2);
  return floats({1, 1, n}, std::vector<float>(x.data<float>() + t * n, x.data<float>() + (t + 1) * n));
}

ir::Attributes heads(int64_t q, int64_t kv, std::string rule) {
  return {{"q_num_heads", q}, {"kv_num_heads", kv}, {"update_rule", std::move(rule)}};
}

TEST(LinearAttention, GatedDeltaAgreesWithTheFormulaInDouble) {
  // One key and value head, two query heads, d_k = 2, d_v = 1, three tokens.
  Tensor q = ramp({1, 3, 4}, 0.7f), k = ramp({1, 3, 2}, 1.3f), v = ramp({1, 3, 1}, 2.1f);
  Tensor decay = floats({1, 3, 2}, {-0.1f, -0.5f, -1, 0, -2, -0.3f}),
         beta = floats({1, 3, 1}, {0.5f, 1, 0.2f});
  auto y = evaluate_op("LinearAttention", {q, k, v, Value(), decay, beta}, 2, heads(2, 1, "gated_delta"));
  ASSERT_TRUE(y.ok()) << y.status().message();
  double s[2] = {};
  for (int t = 0; t < 3; ++t) {
    const float *kt = k.data<float>() + 2 * t, *qt = q.data<float>() + 4 * t;
    for (int i = 0; i < 2; ++i) s[i] *= std::exp(double{decay.data<float>()[2 * t + i]});
    const double u =
        double{beta.data<float>()[t]} * (double{v.data<float>()[t]} - s[0] * kt[0] - s[1] * kt[1]);
    for (int i = 0; i < 2; ++i) s[i] += kt[i] * u;
    for (int h = 0; h < 2; ++h)
      EXPECT_NEAR(values((*y)[0])[static_cast<size_t>(2 * t + h)],
                  (qt[2 * h] * s[0] + qt[2 * h + 1] * s[1]) / std::sqrt(2.0), 1e-5);
  }
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(values((*y)[1])[i], s[i], 1e-5);
}

TEST(LinearAttention, TokenByTokenEqualsAllAtOnce) {
  Tensor q = ramp({1, 4, 6}, 0.7f), k = ramp({1, 4, 6}, 1.3f), v = ramp({1, 4, 4}, 2.1f);
  auto whole = evaluate_op("LinearAttention", {q, k, v}, 2, heads(2, 2, "linear"));
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  Value state;
  for (int64_t t = 0; t < 4; ++t) {
    auto step = evaluate_op("LinearAttention", {token(q, t), token(k, t), token(v, t), state}, 2,
                            heads(2, 2, "linear"));
    ASSERT_TRUE(step.ok()) << step.status().message();
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(values((*step)[0])[i], values((*whole)[0])[static_cast<size_t>(t) * 4 + i]);
    state = (*step)[1];
  }
  EXPECT_EQ(values(state), values((*whole)[1]));
}

TEST(LinearAttention, StateKeepsItsOwnType) {
  auto half = [](const Tensor& t) { return *convert(t, DType::kFloat16); };
  Tensor x = half(ramp({1, 1, 2}, 1));
  auto y = evaluate_op("LinearAttention", {x, x, x, ramp({1, 1, 2, 2}, 1)}, 2, heads(1, 1, "linear"));
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->dtype(), DType::kFloat16);
  EXPECT_EQ((*y)[1].tensor()->dtype(), DType::kFloat32);
  y = evaluate_op("LinearAttention", {x, x, x}, 2, heads(1, 1, "linear"));
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[1].tensor()->dtype(), DType::kFloat16);
}

TEST(LinearAttention, InputsMustSuitTheRuleAndTheHeads) {
  Tensor x = ramp({1, 1, 2}, 1);
  EXPECT_FALSE(evaluate_op("LinearAttention", {x, x, x}, 2, heads(1, 1, "gated")).ok());
  EXPECT_FALSE(evaluate_op("LinearAttention", {x, x, x}, 2, heads(1, 1, "lineal")).ok());
  EXPECT_FALSE(evaluate_op("LinearAttention", {x, x, x}, 2, heads(2, 0, "linear")).ok());
  EXPECT_FALSE(evaluate_op("LinearAttention", {x, x, x}, 2, heads(3, 1, "linear")).ok());
  auto y = evaluate_op("LinearAttention", {x, x, x, ramp({1, 1, 3, 2}, 1)}, 2, heads(1, 1, "linear"));
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("expected [1,1,2,2]"), std::string::npos) << y.status().message();
}

}  // namespace
}  // namespace ow
