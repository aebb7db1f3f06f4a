#include <gtest/gtest.h>

#include <map>

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

// Every label's whole range for every operand, in the order of the letters.
std::vector<float> plain(const std::string& left, const std::string& right, const std::string& out,
                         const Tensor& a, const Tensor& b) {
  std::map<char, int64_t> extent, at;
  for (size_t i = 0; i < left.size(); ++i) extent[left[i]] = std::max(extent[left[i]], a.dim(i));
  for (size_t i = 0; i < right.size(); ++i) extent[right[i]] = std::max(extent[right[i]], b.dim(i));
  auto index = [&](const std::string& labels, auto dim) {
    int64_t k = 0;
    for (size_t i = 0; i < labels.size(); ++i) k = k * dim(i) + (dim(i) == 1 ? 0 : at[labels[i]]);
    return k;
  };
  int64_t all = 1, count = 1;
  for (auto [label, n] : extent) all *= n;
  for (char label : out) count *= extent[label];
  std::vector<float> y(static_cast<size_t>(count));
  for (int64_t i = 0; i < all; ++i) {
    int64_t rest = i;
    for (auto [label, n] : extent) at[label] = rest % n, rest /= n;
    y[static_cast<size_t>(index(out, [&](size_t k) { return extent[out[k]]; }))] +=
        a.data<float>()[index(left, [&](size_t k) { return a.dim(k); })] *
        b.data<float>()[index(right, [&](size_t k) { return b.dim(k); })];
  }
  return y;
}

TEST(Einsum, AnyTwoOperandsMatchPlainLoops) {
  struct Case {
    std::string left, right, out;
    Shape a, b;
  };
  const Case cases[] = {
      {"bqc", "bchw", "bqhw", {2, 3, 5}, {2, 5, 3, 7}},
      {"bchw", "bqc", "bqhw", {2, 5, 3, 7}, {2, 3, 5}},
      {"bqc", "bhwc", "bhwq", {2, 3, 5}, {2, 3, 7, 5}},
      {"bhqd", "bhkd", "bhqk", {2, 3, 5, 4}, {2, 3, 7, 4}},
      {"bqhd", "bkhd", "bhqk", {2, 5, 3, 4}, {2, 7, 3, 4}},
      {"ij", "kj", "ik", {5, 6}, {7, 6}},
      {"ji", "jk", "ki", {6, 5}, {6, 7}},
      {"bhqk", "bkhd", "bqhd", {2, 3, 5, 7}, {2, 7, 3, 4}},
      {"bi", "bj", "bij", {1, 5}, {3, 4}},
      {"abc", "acb", "a", {2, 3, 4}, {2, 4, 3}},
      {"acb", "abc", "c", {2, 3, 4}, {2, 4, 3}},
      {"ab", "ab", "", {3, 4}, {3, 4}},
      {"bqc", "bchw", "bqhw", {2, 3, 0}, {2, 0, 3, 7}},
  };
  for (const Case& k : cases) {
    const std::string equation = k.left + "," + k.right + "->" + k.out;
    const Tensor a = numbers(k.a), b = numbers(k.b);
    auto y = einsum(equation.c_str(), {a, b});
    ASSERT_TRUE(y.ok()) << equation << ": " << y.status().message();
    const auto want = plain(k.left, k.right, k.out, a, b);
    ASSERT_EQ(y->count(), static_cast<int64_t>(want.size())) << equation;
    for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(y->data<float>()[i], want[i]) << equation << ", " << i;
  }
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
