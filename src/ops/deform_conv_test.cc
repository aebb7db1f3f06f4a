#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ramp(const Shape& shape, float step) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(step * static_cast<float>(i + 1));
  return floats(shape, v);
}
Tensor zeros(const Shape& shape) {
  return floats(shape, std::vector<float>(static_cast<size_t>(shape.count())));
}

void expect_near(const Result<std::vector<Value>>& a, const Result<std::vector<Value>>& b) {
  ASSERT_TRUE(a.ok()) << a.status().message();
  ASSERT_TRUE(b.ok()) << b.status().message();
  const Tensor &x = *(*a)[0].tensor(), &y = *(*b)[0].tensor();
  ASSERT_EQ(x.shape(), y.shape());
  for (int64_t i = 0; i < x.count(); ++i) EXPECT_NEAR(x.data<float>()[i], y.data<float>()[i], 1e-5) << i;
}

TEST(DeformConv, WithoutOffsetsItIsConvolution) {
  // 25 x 25 outputs take two blocks of positions.
  const ir::Attributes attributes{{"strides", ir::Ints{1, 1}},
                                  {"pads", ir::Ints{1, 0, 1, 2}},
                                  {"dilations", ir::Ints{1, 2}},
                                  {"group", int64_t{2}}};
  Tensor x = ramp({2, 4, 25, 27}, 0.7f), w = ramp({6, 2, 3, 3}, 1.1f), b = ramp({6}, 2);
  expect_near(evaluate_op("DeformConv", {x, w, zeros({2, 18, 25, 25}), b}, 1, attributes),
              evaluate_op("Conv", {x, w, b}, 1, attributes));
}

TEST(DeformConv, WholeOffsetsShiftThreeDimensionalImages) {
  // Offset (1, 0, 2) everywhere, over a kernel of one tap.
  Tensor x = ramp({1, 1, 3, 2, 4}, 0.9f), offset = zeros({1, 3, 3, 2, 4});
  for (int64_t i = 0; i < 24; ++i) {
    offset.mutable_data<float>()[i] = 1;
    offset.mutable_data<float>()[48 + i] = 2;
  }
  auto y = evaluate_op("DeformConv", {x, floats({1, 1, 1, 1, 1}, {1}), offset});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int64_t d = 0; d < 3; ++d)
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t w = 0; w < 4; ++w) {
        const bool inside = d + 1 < 3 && w + 2 < 4;
        EXPECT_FLOAT_EQ((*y)[0].tensor()->data<float>()[(d * 2 + h) * 4 + w],
                        inside ? x.data<float>()[((d + 1) * 2 + h) * 4 + w + 2] : 0.0f);
      }
}

TEST(DeformConv, OffsetsThatAreNoPlaceGiveZero) {
  for (float far : {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, -1.0f, 2.0f}) {
    auto y = evaluate_op("DeformConv",
                         {floats({1, 1, 2}, {5, 7}), floats({1, 1, 1}, {1}), floats({1, 1, 2}, {far, 0.5f})},
                         1, {});
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ((*y)[0].tensor()->data<float>()[0], 0) << far;
    EXPECT_EQ((*y)[0].tensor()->data<float>()[1], 3.5f);  // half of the last pixel, half of what is outside
  }
}

TEST(DeformConv, MaskWeighsTheSamplesOfItsOffsetGroup) {
  Tensor x = floats({1, 2, 1}, {10, 100}), w = floats({1, 2, 1}, {1, 1});
  auto y = evaluate_op("DeformConv", {x, w, zeros({1, 2, 1}), Value(), floats({1, 2, 1}, {0.5f, 0.25f})}, 1,
                       {{"offset_group", int64_t{2}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_FLOAT_EQ((*y)[0].tensor()->data<float>()[0], 30);
}

TEST(DeformConv, ShapesMustFit) {
  Tensor x = ramp({1, 2, 3, 3}, 1), w = ramp({2, 2, 2, 2}, 1), offset = zeros({1, 8, 2, 2});
  EXPECT_TRUE(evaluate_op("DeformConv", {x, w, offset}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, w, zeros({1, 4, 2, 2})}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, w, zeros({1, 8, 3, 3})}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, w, offset, ramp({3}, 1)}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, w, offset, Value(), zeros({1, 8, 2, 2})}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, w, offset}, 1, {{"group", int64_t{2}}}).ok());
  EXPECT_FALSE(evaluate_op("DeformConv", {x, ramp({2, 2, 4, 4}, 1), offset}).ok());
}

}  // namespace
}  // namespace ow
