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
