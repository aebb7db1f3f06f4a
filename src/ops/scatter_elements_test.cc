#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Tensor ints(const Shape& shape, std::vector<int64_t> v) { return Tensor::of<int64_t>(shape, v); }

TEST(ScatterElements, OfSeveralUpdatesToOnePlaceTheLastWins) {
  auto y =
      evaluate_op("ScatterElements", {ints({3}, {1, 2, 3}), ints({3}, {1, -2, 0}), ints({3}, {7, 8, 9})});
  ASSERT_TRUE(y.ok()) << y.status().message();
  auto got = (*y)[0].tensor()->span<int64_t>();
  EXPECT_EQ(std::vector<int64_t>(got.begin(), got.end()), (std::vector<int64_t>{9, 8, 3}));
}

TEST(ScatterElements, NarrowFloatsAreReducedInFloat) {
  // In float16 steps of 1/4 vanish beside 1024; in float four of them make 1.
  const std::vector<float> base{1024}, more{0.25f, 0.25f, 0.25f, 0.25f};
  auto half = [](const Tensor& t) { return *convert(t, DType::kFloat16); };
  auto y = evaluate_op(
      "ScatterElements",
      {half(Tensor::of<float>({1}, base)), ints({4}, {0, 0, 0, 0}), half(Tensor::of<float>({4}, more))}, 1,
      {{"reduction", std::string("add")}});
  // Four indices along an axis of extent 1 are allowed: the indices may be longer in the scattered axis.
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(convert(*(*y)[0].tensor(), DType::kFloat32)->data<float>()[0], 1025.0f);
}

TEST(ScatterElements, IndexOutsideIsNamed) {
  auto y = evaluate_op("ScatterElements", {ints({3}, {1, 2, 3}), ints({1}, {3}), ints({1}, {7})});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("is 3"), std::string_view::npos);
}

TEST(ScatterND, IndexOutsideIsNamed) {
  auto y = evaluate_op("ScatterND", {ints({2, 2}, {1, 2, 3, 4}), ints({1, 2}, {0, -3}), ints({1}, {7})});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("axis 1"), std::string_view::npos);
}

}  // namespace
}  // namespace ow
