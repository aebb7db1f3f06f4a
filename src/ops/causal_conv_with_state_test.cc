#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
std::vector<float> values(const Value& v) {
  return {v.tensor()->span<float>().begin(), v.tensor()->span<float>().end()};
}

TEST(CausalConvWithState, StepByStepEqualsAllAtOnce) {
  const std::vector<float> x = {1, -2, 3, 5, -8, 13};
  Tensor w = floats({1, 1, 3}, {2, -1, 0.5f}), bias = floats({1}, {10});
  auto whole = evaluate_op("CausalConvWithState", {floats({1, 1, 6}, x), w, bias}, 2);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  Value state = floats({1, 1, 2}, {0, 0});
  for (size_t t = 0; t < x.size(); ++t) {
    auto step = evaluate_op("CausalConvWithState", {floats({1, 1, 1}, {x[t]}), w, bias, state}, 2);
    ASSERT_TRUE(step.ok()) << step.status().message();
    EXPECT_EQ(values((*step)[0])[0], values((*whole)[0])[t]);
    state = (*step)[1];
  }
  EXPECT_EQ(values(state), values((*whole)[1]));
  EXPECT_EQ(values(state), (std::vector<float>{-8, 13}));
  EXPECT_EQ(values((*whole)[0])[2], 10 + 2 * 1 + 2 + 0.5f * 3);
}

TEST(CausalConvWithState, NoTokensKeepTheState) {
  auto y = evaluate_op(
      "CausalConvWithState",
      {floats({1, 1, 0}, {}), floats({1, 1, 3}, {1, 1, 1}), Value(), floats({1, 1, 2}, {4, 5})}, 2);
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(values((*y)[1]), (std::vector<float>{4, 5}));
}

TEST(CausalConvWithState, StateOfAnotherKernelIsRefused) {
  auto y = evaluate_op(
      "CausalConvWithState",
      {floats({1, 1, 1}, {1}), floats({1, 1, 3}, {1, 1, 1}), Value(), floats({1, 1, 3}, {1, 2, 3})}, 2);
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("past_state of shape [1,1,3], expected [1,1,2]"), std::string::npos)
      << y.status().message();
}

TEST(CausalConvWithState, UnknownActivationIsRefused) {
  EXPECT_FALSE(evaluate_op("CausalConvWithState", {floats({1, 1, 1}, {1}), floats({1, 1, 1}, {1})}, 2,
                           {{"activation", std::string("relu")}})
                   .ok());
}

}  // namespace
}  // namespace ow
