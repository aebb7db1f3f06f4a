#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }

TEST(Softmax, MatchesDoubleReferenceAlongAnAxis) {
  Tensor x = floats({2, 3, 2}, {0, 1, 2, 3, 4, 5, -6, 7, 88, -9, 10, 1000});
  auto y = evaluate_op("Softmax", {x}, 1, {{"axis", int64_t{1}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int outer = 0; outer < 2; ++outer)
    for (int inner = 0; inner < 2; ++inner) {
      double m = -1e300, sum = 0;
      auto at = [&](int i) { return double{x.data<float>()[outer * 6 + i * 2 + inner]}; };
      for (int i = 0; i < 3; ++i) m = std::max(m, at(i));
      for (int i = 0; i < 3; ++i) sum += std::exp(at(i) - m);
      for (int i = 0; i < 3; ++i)
        EXPECT_NEAR((*y)[0].tensor()->data<float>()[outer * 6 + i * 2 + inner], std::exp(at(i) - m) / sum,
                    1e-6);
    }
}

TEST(Softmax, NanStaysNan) {
  auto y = evaluate_op("Softmax", {floats({3}, {1, NAN, 2})});
  ASSERT_TRUE(y.ok());
  for (float v : (*y)[0].tensor()->span<float>()) EXPECT_TRUE(std::isnan(v));
}

TEST(Softmax, AxisOutsideTheRankIsRefusedByName) {
  auto y = evaluate_op("Softmax", {floats({3}, {1, 2, 3})}, 1, {{"axis", int64_t{2}}});
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().code(), Code::kInvalidModel);
  EXPECT_NE(y.status().message().find("axis is 2"), std::string::npos);
}

TEST(Hardmax, FirstOfEqualMaximaWins) {
  auto y = evaluate_op("Hardmax", {floats({1, 4}, {1, 3, 3, 2})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(
      std::vector<float>((*y)[0].tensor()->span<float>().begin(), (*y)[0].tensor()->span<float>().end()),
      (std::vector<float>{0, 1, 0, 0}));
}

}  // namespace
}  // namespace ow
