#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

constexpr const char* kDomain = "ai.onnx.preview.training";
Tensor doubles(std::vector<double> v) { return Tensor::of<double>({static_cast<int64_t>(v.size())}, v); }
double first(const Value& v) { return v.tensor()->data<double>()[0]; }

TEST(Optimizer, AdamMinimisesAParabola) {
  // f(x) = (x - 3)^2; float attributes, hence the tolerance.
  Value x = doubles({0}), v = doubles({0}), h = doubles({0});
  for (int64_t t = 1; t <= 400; ++t) {
    auto y =
        evaluate_op("Adam", {Tensor::scalar(0.1), Tensor::scalar(t), x, doubles({2 * (first(x) - 3)}), v, h},
                    3, {}, kDomain);
    ASSERT_TRUE(y.ok()) << y.status().message();
    // The bias correction makes the first step R long.
    if (t == 1) {
      EXPECT_NEAR(first((*y)[0]), 0.1, 1e-4);
    }
    x = (*y)[0], v = (*y)[1], h = (*y)[2];
  }
  EXPECT_NEAR(first(x), 3, 0.05);
}

TEST(Optimizer, FirstMomentumStepTakesTheWholeGradient) {
  const ir::Attributes attributes{
      {"alpha", 0.5f}, {"beta", 0.25f}, {"norm_coefficient", 0.0f}, {"mode", std::string("standard")}};
  for (int64_t t : {0, 1}) {
    auto y = evaluate_op("Momentum",
                         {Tensor::scalar(1.0), Tensor::scalar(t), doubles({10}), doubles({4}), doubles({2})},
                         2, attributes, kDomain);
    ASSERT_TRUE(y.ok()) << y.status().message();
    const double velocity = 0.5 * 2 + (t > 0 ? 0.25 : 1) * 4;
    EXPECT_EQ(first((*y)[1]), velocity);
    EXPECT_EQ(first((*y)[0]), 10 - velocity);
  }
}

TEST(Optimizer, TensorsAreKeptApart) {
  auto y = evaluate_op("Adagrad",
                       {Tensor::scalar(1.0), Tensor::scalar(int64_t{0}), doubles({1}), doubles({2, 3}),
                        doubles({4}), doubles({5, 6}), doubles({0}), doubles({0, 0})},
                       4, {}, kDomain);
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_NEAR(first((*y)[0]), 1 - 1, 1e-5);
  EXPECT_NEAR(first((*y)[1]), 2 - 1, 1e-5);
  EXPECT_EQ(first((*y)[2]), 16);
  EXPECT_EQ(first((*y)[3]), 25);
}

TEST(Optimizer, IncompleteListsAreRefused) {
  Value r = Tensor::scalar(1.0), t = Tensor::scalar(int64_t{0}), x = doubles({1});
  EXPECT_FALSE(evaluate_op("Adagrad", {r, t}, 1, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("Adagrad", {r, t, x, x}, 1, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("Adagrad", {r, t, x, x, x}, 3, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("Adagrad", {r, t, x, x, Value()}, 2, {}, kDomain).ok());
  auto y = evaluate_op("Adagrad", {r, t, x, doubles({1, 2}), x}, 2, {}, kDomain);
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("input 3 is double[2], expected double[1]"), std::string::npos)
      << y.status().message();
}

}  // namespace
}  // namespace ow
