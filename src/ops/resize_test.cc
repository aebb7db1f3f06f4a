#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ints(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }

Result<std::vector<Value>> resize_to(const Tensor& x, std::vector<int64_t> sizes, ir::Attributes attributes) {
  return evaluate_op("Resize", {x, Value(), Value(), ints(std::move(sizes))}, 1, std::move(attributes));
}

// Bilinear by its definition, one output pixel at a time, in double.
double bilinear(const float* x, int64_t h, int64_t w, double y0, double x0) {
  auto at = [&](double v, int64_t n) { return std::min(std::max(v, 0.0), static_cast<double>(n - 1)); };
  double sum = 0;
  for (int dy = 0; dy < 2; ++dy)
    for (int dx = 0; dx < 2; ++dx) {
      const double fy = std::floor(y0), fx = std::floor(x0);
      const double weight = (dy ? y0 - fy : 1 - y0 + fy) * (dx ? x0 - fx : 1 - x0 + fx);
      sum +=
          weight * double{x[static_cast<int64_t>(at(fy + dy, h)) * w + static_cast<int64_t>(at(fx + dx, w))]};
    }
  return sum;
}

TEST(Resize, LinearHalfPixelMatchesItsDefinition) {
  std::vector<float> v;
  for (int i = 0; i < 2 * 5 * 7; ++i) v.push_back(static_cast<float>((i * 37) % 23));
  const int64_t oh = 8, ow_ = 3;
  auto y = resize_to(floats({1, 2, 5, 7}, v), {1, 2, oh, ow_}, {{"mode", std::string("linear")}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int64_t c = 0; c < 2; ++c)
    for (int64_t i = 0; i < oh; ++i)
      for (int64_t j = 0; j < ow_; ++j) {
        const double y0 = (static_cast<double>(i) + 0.5) * 5 / 8 - 0.5;
        const double x0 = (static_cast<double>(j) + 0.5) * 7 / 3 - 0.5;
        EXPECT_NEAR((*y)[0].tensor()->data<float>()[(c * oh + i) * ow_ + j],
                    bilinear(v.data() + c * 35, 5, 7, y0, x0), 1e-5);
      }
}

TEST(Resize, AntialiasAveragesWhenShrinkingByAWholeFactor) {
  // A triangle of half width 2 at x = 2i + 0.5 weighs 4 neighbours 1/8, 3/8, 3/8, 1/8.
  auto y = resize_to(
      floats({6}, {0, 8, 16, 24, 32, 40}), {3},
      {{"mode", std::string("linear")}, {"antialias", int64_t{1}}, {"exclude_outside", int64_t{0}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_NEAR((*y)[0].tensor()->data<float>()[1], 20, 1e-5);
}

TEST(Resize, NearestTakesAnyType) {
  Tensor x = Tensor::of<std::string>({2}, std::vector<std::string>{"a", "b"});
  auto y = resize_to(x, {4}, {});
  ASSERT_TRUE(y.ok()) << y.status().message();
  auto got = (*y)[0].tensor()->span<std::string>();
  EXPECT_EQ(std::vector<std::string>(got.begin(), got.end()), (std::vector<std::string>{"a", "a", "b", "b"}));
}

TEST(Resize, BadRequestsAreRefused) {
  Tensor x = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_FALSE(resize_to(x, {4}, {}).ok());
  EXPECT_FALSE(resize_to(x, {-1, 2}, {}).ok());
  EXPECT_FALSE(evaluate_op("Resize", {x}).ok());
  EXPECT_FALSE(evaluate_op("Resize", {x, Value(), floats({2}, {0, NAN})}).ok());
}

}  // namespace
}  // namespace ow
