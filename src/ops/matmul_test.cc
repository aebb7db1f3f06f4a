#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor numbers(const Shape& shape) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(static_cast<float>(i));
  return Tensor::of<float>(shape, v);
}

TEST(MatMul, AConstantRightSideGivesTheSameBits) {
  const Tensor a = numbers({2, 3, 5, 17}), b = numbers({3, 17, 6});
  auto plain = evaluate_op("MatMul", {a, b});
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  ir::Graph graph;
  ir::Node* node =
      graph.add_node("MatMul", "", {graph.add_input("a", {}), graph.add_constant("b", b)}, {"y"});
  auto packed = evaluate(*node, std::vector<Value>{a, b}, {.threads = 3});
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  const Tensor &x = *(*plain)[0].tensor(), &y = *(*packed)[0].tensor();
  ASSERT_TRUE(x.shape() == (Shape{2, 3, 5, 6}));
  for (int64_t i = 0; i < x.count(); ++i) {
    EXPECT_EQ(x.data<float>()[i], y.data<float>()[i]);
    double sum = 0;
    const int64_t n = i % 6, m = i / 6;
    for (int64_t k = 0; k < 17; ++k)
      sum += double{a.data<float>()[m * 17 + k]} * double{b.data<float>()[(m / 5 % 3 * 17 + k) * 6 + n]};
    EXPECT_NEAR(x.data<float>()[i], sum, 1e-5);
  }
}

TEST(MatMul, VectorsAndEmptyInnerAxis) {
  auto dot = evaluate_op("MatMul", {numbers({4}), numbers({4})});
  ASSERT_TRUE(dot.ok()) << dot.status().message();
  EXPECT_EQ((*dot)[0].tensor()->rank(), 0u);
  auto zeros = evaluate_op("MatMul", {numbers({2, 0}), numbers({0, 3})});
  ASSERT_TRUE(zeros.ok()) << zeros.status().message();
  for (float v : (*zeros)[0].tensor()->span<float>()) EXPECT_EQ(v, 0);
}

TEST(MatMul, ShapesThatDoNotMultiplyAreNamed) {
  auto y = evaluate_op("MatMul", {numbers({2, 3}), numbers({4, 2})});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("[2,3]"), std::string::npos) << y.status().message();
}

TEST(Gemm, TransposesScalesAndBroadcasts) {
  const Tensor a = numbers({4, 3}), b = numbers({5, 4}), c = numbers({3, 1});
  auto y = evaluate_op("Gemm", {a, b, c}, 1,
                       {{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 0.5f}, {"beta", -2.0f}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int m = 0; m < 3; ++m)
    for (int n = 0; n < 5; ++n) {
      double sum = 0;
      for (int k = 0; k < 4; ++k)
        sum += double{a.data<float>()[k * 3 + m]} * double{b.data<float>()[n * 4 + k]};
      EXPECT_NEAR((*y)[0].tensor()->data<float>()[m * 5 + n], 0.5 * sum - 2 * double{c.data<float>()[m]},
                  1e-5);
    }
}

}  // namespace
}  // namespace ow
