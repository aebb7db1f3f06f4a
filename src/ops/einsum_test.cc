#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor numbers(const Shape& shape) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>((i * 37 + 11) % 17) - 8;
  return Tensor::of<float>(shape, v);
}

Result<Tensor> einsum(const char* equation, std::vector<Value> inputs) {
  auto y = evaluate_op("Einsum", std::move(inputs), 1, {{"equation", std::string(equation)}});
  if (!y.ok()) return y.take_status();
  return *(*y)[0].tensor();
}

// Small whole numbers: every order of summation gives the same floats.
TEST(Einsum, ThreeOperandsWithAnEllipsisThatBroadcasts) {
  const Tensor a = numbers({2, 3, 4}), b = numbers({1, 4, 5}), v = numbers({5});
  auto y = einsum("...ij,...jk,k->i...", {a, b, v});
  ASSERT_TRUE(y.ok()) << y.status().message();
  ASSERT_TRUE(y->shape() == (Shape{3, 2}));
  for (int i = 0; i < 3; ++i)
    for (int n = 0; n < 2; ++n) {
      float sum = 0;
      for (int j = 0; j < 4; ++j)
        for (int k = 0; k < 5; ++k)
          sum += a.data<float>()[(n * 3 + i) * 4 + j] * b.data<float>()[j * 5 + k] * v.data<float>()[k];
      EXPECT_EQ(y->data<float>()[i * 2 + n], sum);
    }
}

TEST(Einsum, TraceDiagonalAndTranspose) {
  const Tensor a = numbers({3, 3}), b = numbers({2, 3});
  auto trace = einsum("ii", {a});
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace->data<float>()[0], a.data<float>()[0] + a.data<float>()[4] + a.data<float>()[8]);
  auto diagonal = einsum("ii->i", {a});
  ASSERT_TRUE(diagonal.ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(diagonal->data<float>()[i], a.data<float>()[i * 4]);
  auto turned = einsum("ba", {b});  // implicit output: labels sorted
  ASSERT_TRUE(turned.ok());
  ASSERT_TRUE(turned->shape() == (Shape{3, 2}));
  EXPECT_EQ(turned->data<float>()[1], b.data<float>()[3]);
}

TEST(Einsum, BadEquationsAreRefused) {
  const Tensor a = numbers({2, 3}), b = numbers({4, 5});
  for (const char* equation :
       {"ij,jk->ik", "ij->ij", "i,jk", "ij,kl->iz", "ij,kl->ii", "i1,jk", "ij,kl->", "..i..,jk"}) {
    auto y = einsum(equation, {a, b});
    EXPECT_EQ(y.ok(), std::string_view(equation) == "ij,kl->") << equation;
  }
}

}  // namespace
}  // namespace ow
