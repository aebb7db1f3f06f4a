#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ints(const Shape& shape, std::vector<int64_t> v) { return Tensor::of<int64_t>(shape, v); }

float only(const Result<std::vector<Value>>& y) { return y.ok() ? *(*y)[0].tensor()->data<float>() : NAN; }

TEST(NegativeLogLikelihoodLoss, MeanLeavesIgnoredSamplesOutOfTheWeights) {
  auto y =
      evaluate_op("NegativeLogLikelihoodLoss",
                  {floats({3, 2}, {-1, -2, -3, -4, -5, -6}), ints({3}, {1, -100, 0}), floats({2}, {0.5f, 2})},
                  1, {{"ignore_index", int64_t{-100}}});
  EXPECT_FLOAT_EQ(only(y), (2 * 2 + 5 * 0.5f) / (2 + 0.5f)) << y.status().message();
}

TEST(NegativeLogLikelihoodLoss, AllIgnoredHasNoMean) {
  auto y = evaluate_op("NegativeLogLikelihoodLoss", {floats({1, 2}, {-1, -2}), ints({1}, {7})}, 1,
                       {{"ignore_index", int64_t{7}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_TRUE(std::isnan(only(y)));
}

TEST(NegativeLogLikelihoodLoss, TargetOutsideTheClassesIsRefused) {
  for (int64_t target : {int64_t{2}, int64_t{-1}, INT64_MIN}) {
    auto y = evaluate_op("NegativeLogLikelihoodLoss", {floats({1, 2}, {-1, -2}), ints({1}, {target})});
    ASSERT_FALSE(y.ok());
    EXPECT_NE(y.status().message().find("expected a class in [0, 2)"), std::string::npos);
  }
}

TEST(NegativeLogLikelihoodLoss, ShapesMustFit) {
  Tensor x = floats({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(evaluate_op("NegativeLogLikelihoodLoss", {x, ints({1, 2}, {0, 0})}).ok());
  EXPECT_FALSE(
      evaluate_op("NegativeLogLikelihoodLoss", {x, ints({1, 3}, {0, 0, 0}), floats({3}, {1, 1, 1})}).ok());
  EXPECT_FALSE(evaluate_op("NegativeLogLikelihoodLoss", {floats({2}, {1, 2}), ints({}, {0})}).ok());
}

TEST(SoftmaxCrossEntropyLoss, LargeScoresAgreeWithDouble) {
  const std::vector<float> x = {1000, 999, -1000, 3, 5, 4};
  auto y = evaluate_op("SoftmaxCrossEntropyLoss", {floats({1, 3, 2}, x), ints({1, 2}, {0, 1})}, 2,
                       {{"reduction", std::string("none")}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int d = 0; d < 2; ++d) {
    double m = -1e300, sum = 0;
    for (int j = 0; j < 3; ++j) m = std::max(m, double{x[static_cast<size_t>(2 * j + d)]});
    for (int j = 0; j < 3; ++j) sum += std::exp(double{x[static_cast<size_t>(2 * j + d)]} - m);
    auto log_prob = [&](int j) { return double{x[static_cast<size_t>(2 * j + d)]} - m - std::log(sum); };
    EXPECT_NEAR((*y)[0].tensor()->data<float>()[d], -log_prob(d), 1e-4);
    for (int j = 0; j < 3; ++j) EXPECT_NEAR((*y)[1].tensor()->data<float>()[2 * j + d], log_prob(j), 1e-4);
  }
}

TEST(SoftmaxCrossEntropyLoss, UnknownReductionIsRefused) {
  auto y = evaluate_op("SoftmaxCrossEntropyLoss", {floats({1, 2}, {1, 2}), ints({1}, {0})}, 1,
                       {{"reduction", std::string("average")}});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("expected none, sum or mean"), std::string::npos);
}

}  // namespace
}  // namespace ow
