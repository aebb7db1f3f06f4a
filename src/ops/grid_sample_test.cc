#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }

TEST(GridSample, CoordinatesThatAreNoPlaceDoNotLeaveTheInput) {
  const float far = 3e38f;
  Tensor x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  for (const char* mode : {"linear", "nearest", "cubic"})
    for (const char* padding : {"zeros", "border", "reflection"}) {
      auto y =
          evaluate_op("GridSample", {x, floats({1, 1, 4, 2}, {NAN, 0, INFINITY, 0, far, -far, -far, far})}, 1,
                      {{"mode", std::string(mode)}, {"padding_mode", std::string(padding)}});
      ASSERT_TRUE(y.ok()) << y.status().message();
      for (float v : (*y)[0].tensor()->span<float>())
        EXPECT_TRUE(v >= -1 && v <= 6) << mode << ' ' << padding;
    }
}

// Linear with zeros by its definition: every pixel weighs max(0, 1 - distance) along each axis.
TEST(GridSample, LinearWithZerosMatchesItsDefinition) {
  const int64_t d = 3, h = 5, w = 4, channels = 19, points = 40;
  std::vector<float> v(static_cast<size_t>(2 * channels * d * h * w)),
      grid(static_cast<size_t>(2 * points * 3));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i * 2654435761u >> 9 & 255) / 128 - 1;
  for (size_t i = 0; i < grid.size(); ++i)
    grid[i] = static_cast<float>(i * 2246822519u >> 8 & 1023) / 400 - 1.28f;
  auto y = evaluate_op("GridSample", {floats({2, channels, d, h, w}, v), floats({2, 1, 5, 8, 3}, grid)}, 1);
  ASSERT_TRUE(y.ok()) << y.status().message();
  auto weight = [](float g, int64_t n, int64_t i) {
    return std::max(
        0.0, 1 - std::abs(((double{g} + 1) * static_cast<double>(n) - 1) / 2 - static_cast<double>(i)));
  };
  for (int64_t i = 0; i < (*y)[0].tensor()->count(); ++i) {
    const int64_t p = i % points, image = i / points;  // of batch and channel
    const float* g = grid.data() + (image / channels * points + p) * 3;
    double sum = 0;
    for (int64_t k = 0; k < d * h * w; ++k)
      sum += weight(g[2], d, k / w / h) * weight(g[1], h, k / w % h) * weight(g[0], w, k % w) *
             double{v[static_cast<size_t>(image * d * h * w + k)]};
    ASSERT_NEAR((*y)[0].tensor()->data<float>()[i], sum, 1e-5) << "element " << i;
  }
}

TEST(GridSample, CornersWithAlignCorners) {
  Tensor x = floats({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  auto y = evaluate_op("GridSample", {x, floats({1, 1, 3, 2}, {-1, -1, 1, 1, 0, 0})}, 1,
                       {{"align_corners", int64_t{1}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_FLOAT_EQ((*y)[0].tensor()->data<float>()[0], 1);
  EXPECT_FLOAT_EQ((*y)[0].tensor()->data<float>()[1], 6);
  EXPECT_FLOAT_EQ((*y)[0].tensor()->data<float>()[2], 3.5f);
}

}  // namespace
}  // namespace ow
