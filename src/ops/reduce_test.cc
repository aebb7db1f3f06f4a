#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Value ints(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }
const ir::Attributes kDropDims = {{"keepdims", int64_t{0}}};

TEST(Reduce, EverySubsetOfAxesAgreesWithAPlainLoop) {
  const Shape shape{3, 2, 5, 4};
  std::vector<double> v(120);
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(static_cast<double>(i * i));
  const Tensor x = Tensor::of<double>(shape, v);
  for (unsigned mask = 1; mask < 16; ++mask) {
    std::vector<int64_t> axes;
    std::vector<double> expected(120, 0);
    for (int a = 0; a < 4; ++a)
      if (mask >> a & 1) axes.push_back(a - 4);  // negative axes count from the back
    size_t kept_count = 1;
    for (size_t a = 0; a < 4; ++a) kept_count *= mask >> a & 1 ? 1 : static_cast<size_t>(shape[a]);
    for (size_t i = 0; i < 120; ++i) {
      size_t rest = i, kept = 0, scale = 1;
      for (size_t a = 4; a-- > 0;) {
        const auto n = static_cast<size_t>(shape[a]);
        if (!(mask >> a & 1)) kept += rest % n * scale, scale *= n;
        rest /= n;
      }
      expected[kept] += v[i] * v[i];
    }
    auto y = evaluate_op("ReduceL2", {x, ints(axes)}, 1, kDropDims);
    ASSERT_TRUE(y.ok()) << y.status().message();
    ASSERT_EQ((*y)[0].tensor()->count(), static_cast<int64_t>(kept_count));
    for (size_t i = 0; i < kept_count; ++i)
      EXPECT_NEAR((*y)[0].tensor()->data<double>()[i], std::sqrt(expected[i]), 1e-12) << mask;
  }
}

TEST(Reduce, NanWinsMaxAndMin) {
  const Tensor x = Tensor::of<float>({5}, std::vector<float>{1, NAN, 3, -2, 0});
  for (const char* name : {"ReduceMax", "ReduceMin", "ReduceSum"}) {
    auto y = evaluate_op(name, {x});
    ASSERT_TRUE(y.ok());
    EXPECT_TRUE(std::isnan((*y)[0].tensor()->data<float>()[0])) << name;
  }
}

TEST(Reduce, OverNothing) {
  const Tensor x = *Tensor::allocate(DType::kFloat32, {2, 0});
  const float inf = std::numeric_limits<float>::infinity();
  for (auto [name, expected] : {std::pair{"ReduceSum", 0.0f},
                                {"ReduceProd", 1.0f},
                                {"ReduceMax", -inf},
                                {"ReduceMin", inf},
                                {"ReduceLogSumExp", -inf},
                                {"ReduceL2", 0.0f}}) {
    auto y = evaluate_op(name, {x, ints({1})}, 1, kDropDims);
    ASSERT_TRUE(y.ok()) << y.status().message();
    for (float v : (*y)[0].tensor()->span<float>()) EXPECT_EQ(v, expected) << name;
  }
}

TEST(Reduce, LogSumExpOfLargeAndInfiniteValues) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::of<float>({3, 2}, std::vector<float>{1000, 1000, -inf, -inf, inf, 0});
  auto y = evaluate_op("ReduceLogSumExp", {x, ints({1})}, 1, kDropDims);
  ASSERT_TRUE(y.ok());
  EXPECT_NEAR((*y)[0].tensor()->data<float>()[0], 1000 + std::log(2.0), 1e-4);
  EXPECT_EQ((*y)[0].tensor()->data<float>()[1], -inf);
  EXPECT_EQ((*y)[0].tensor()->data<float>()[2], inf);
}

TEST(Reduce, NoAxesAndNoopStillSquares) {
  const Tensor x = Tensor::of<int32_t>({3}, std::vector<int32_t>{1, -2, 3});
  auto y = evaluate_op("ReduceSumSquare", {x, ints({})}, 1, {{"noop_with_empty_axes", int64_t{1}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(std::vector<int32_t>((*y)[0].tensor()->span<int32_t>().begin(),
                                 (*y)[0].tensor()->span<int32_t>().end()),
            (std::vector<int32_t>{1, 4, 9}));
}

TEST(Reduce, AnAxisOutsideTheRankIsRefused) {
  auto y = evaluate_op("ReduceSum", {Tensor::of<float>({2}, std::vector<float>{1, 2}), ints({3})});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("axis is 3"), std::string::npos);
}

}  // namespace
}  // namespace ow
