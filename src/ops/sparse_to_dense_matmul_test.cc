// Held against the product of the dense matrices, written out.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

// a = [1 0 2; 0 3 0].
SparseValue sparse(std::vector<int64_t> at, Shape at_shape) {
  return {Tensor::of<float>({3}, std::vector<float>{1, 2, 3}), Tensor::of<int64_t>(at_shape, at),
          Shape{2, 3}};
}
const Tensor kB = Tensor::of<float>({3, 2}, std::vector<float>{0, 1, 2, 3, 4, 5});

Result<std::vector<Value>> product(Value a, Value b, ir::Attributes attributes = {}) {
  return evaluate_op("SparseToDenseMatMul", {std::move(a), std::move(b)}, 1, std::move(attributes),
                     "com.microsoft");
}

std::vector<float> floats(const Result<std::vector<Value>>& y) {
  EXPECT_TRUE(y.ok()) << y.status().message();
  if (!y.ok()) return {};
  const auto s = (*y)[0].tensor()->span<float>();
  return {s.begin(), s.end()};
}

TEST(SparseToDenseMatMul, MultipliesByEitherKindOfIndices) {
  const std::vector<float> expected = {8, 11, 6, 9};
  EXPECT_EQ(floats(product(sparse({0, 2, 4}, {3}), kB)), expected);
  EXPECT_EQ(floats(product(sparse({0, 0, 0, 2, 1, 1}, {3, 2}), kB)), expected);
  EXPECT_EQ(floats(product(Tensor::of<float>({2, 3}, std::vector<float>{1, 0, 2, 0, 3, 0}), kB)), expected);
}

TEST(SparseToDenseMatMul, TransposesAndScales) {
  const Tensor rows = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  // a' [3, 2] @ [1 2; 3 4] = [1 2; 9 12; 2 4]
  EXPECT_EQ(floats(product(sparse({0, 2, 4}, {3}), rows, {{"transA", int64_t{1}}})),
            (std::vector<float>{1, 2, 9, 12, 2, 4}));
  const Tensor wide = Tensor::of<float>({2, 3}, std::vector<float>{0, 2, 4, 1, 3, 5});
  EXPECT_EQ(floats(product(sparse({0, 2, 4}, {3}), wide, {{"transB", int64_t{1}}, {"alpha", 2.0f}})),
            (std::vector<float>{16, 22, 12, 18}));
}

TEST(SparseToDenseMatMul, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(product(sparse({0, 2, 6}, {3}), kB).ok());
  EXPECT_FALSE(product(sparse({0, 0, 0, 2, 1, -1}, {3, 2}), kB).ok());
  EXPECT_FALSE(product(sparse({0, 2, 4}, {3}), Tensor::of<float>({2, 2}, std::vector<float>(4))).ok());
  EXPECT_FALSE(product(sparse({0, 2, 4}, {3}), Tensor::of<float>({3}, std::vector<float>(3))).ok());
  EXPECT_FALSE(product(sparse({0, 2, 4}, {3}), Tensor::of<double>({3, 2}, std::vector<double>(6))).ok());
}

TEST(SparseToDenseMatMul, IntegersWrapAround) {
  const SparseValue a{Tensor::of<int32_t>({2}, std::vector<int32_t>{INT32_MAX, -3}),
                      Tensor::of<int64_t>({2}, std::vector<int64_t>{0, 1}), Shape{1, 2}};
  auto y = product(a, Tensor::of<int32_t>({2, 1}, std::vector<int32_t>{2, 5}));
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->data<int32_t>()[0], -17);
}

}  // namespace
}  // namespace ow
