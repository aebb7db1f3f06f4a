#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ints(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }
std::vector<float> values(const Value& v) {
  return {v.tensor()->span<float>().begin(), v.tensor()->span<float>().end()};
}

const std::vector<float> kIdentity = {1, 0, 0, 0, 1, 0};

TEST(AffineGrid, IdentityGivesThePixels) {
  auto y = evaluate_op("AffineGrid", {floats({1, 2, 3}, kIdentity), ints({1, 7, 2, 2})});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(values((*y)[0]), (std::vector<float>{-0.5f, -0.5f, 0.5f, -0.5f, -0.5f, 0.5f, 0.5f, 0.5f}));
  y = evaluate_op("AffineGrid", {floats({1, 2, 3}, kIdentity), ints({1, 7, 2, 2})}, 1,
                  {{"align_corners", int64_t{1}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(values((*y)[0]), (std::vector<float>{-1, -1, 1, -1, -1, 1, 1, 1}));
}

TEST(AffineGrid, OnePixelIsInTheMiddle) {
  for (int64_t align : {0, 1}) {
    auto y = evaluate_op("AffineGrid", {floats({1, 2, 3}, {1, 0, 5, 0, 1, 6}), ints({1, 1, 1, 1})}, 1,
                         {{"align_corners", align}});
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ(values((*y)[0]), (std::vector<float>{5, 6}));
  }
}

TEST(AffineGrid, SizeMustSuitTheta) {
  Tensor theta = floats({1, 2, 3}, kIdentity);
  for (const auto& size : {std::vector<int64_t>{2, 1, 1, 1},
                           {1, 1, 1, 1, 1},
                           {1, 1, 1},
                           {1, 1, -1, 1},
                           {1, 1, int64_t{1} << 40, int64_t{1} << 40}})
    EXPECT_FALSE(evaluate_op("AffineGrid", {theta, ints(size)}).ok()) << list_text(size);
  EXPECT_TRUE(evaluate_op("AffineGrid", {theta, ints({1, 1, 0, 5})}).ok());
}

}  // namespace
}  // namespace ow
