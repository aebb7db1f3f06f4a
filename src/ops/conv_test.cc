// Edges of the spatial operators: nothing in, more kernel than image, contradictions between inputs.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor filled(const Shape& shape, float v) {
  return Tensor::of<float>(shape, std::vector<float>(static_cast<size_t>(shape.count()), v));
}

std::string message(const char* op, std::vector<Value> inputs, ir::Attributes attributes) {
  auto y = evaluate_op(op, std::move(inputs), 1, std::move(attributes));
  return y.ok() ? "" : std::string(y.status().message());
}

TEST(Conv, NoChannelsOrNoPixelsGiveTheBias) {
  const Tensor bias = filled({2}, 7);
  auto channels = evaluate_op("Conv", {filled({1, 0, 4, 4}, 0), filled({2, 0, 3, 3}, 0), bias});
  ASSERT_TRUE(channels.ok()) << channels.status().message();
  auto pixels = evaluate_op("Conv", {filled({1, 3, 0, 2}, 0), filled({2, 3, 3, 1}, 1), bias}, 1,
                            {{"pads", ir::Ints{2, 0, 2, 0}}});
  ASSERT_TRUE(pixels.ok()) << pixels.status().message();
  EXPECT_TRUE((*pixels)[0].tensor()->shape() == (Shape{1, 2, 2, 2}));
  for (auto* y : {&*channels, &*pixels})
    for (float v : (*y)[0].tensor()->span<float>()) EXPECT_EQ(v, 7);
}

TEST(Conv, EmptyBatchGivesAnEmptyOutput) {
  auto y = evaluate_op("Conv", {filled({0, 3, 5, 5}, 0), filled({2, 3, 3, 3}, 1)});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_TRUE((*y)[0].tensor()->shape() == (Shape{0, 2, 3, 3}));
}

TEST(Conv, ContradictionsAreNamed) {
  const Tensor x = filled({1, 4, 5, 5}, 1);
  EXPECT_NE(message("Conv", {x, filled({2, 3, 3, 3}, 1)}, {}).find("4 channels"), std::string::npos);
  EXPECT_NE(message("Conv", {x, filled({3, 2, 3, 3}, 1)}, {{"group", int64_t{2}}}).find("group 2"),
            std::string::npos);
  EXPECT_NE(message("Conv", {x, filled({2, 4, 7, 3}, 1)}, {}).find("larger"), std::string::npos);
  EXPECT_NE(message("Conv", {x, filled({2, 4, 3, 3}, 1)}, {{"strides", ir::Ints{1}}}).find("'strides'"),
            std::string::npos);
  EXPECT_NE(message("Conv", {x, filled({2, 4, 3, 3}, 1)}, {{"auto_pad", std::string("SAME")}}).find("'SAME'"),
            std::string::npos);
  EXPECT_NE(message("Conv", {x, filled({2, 4, 3, 3}, 1), filled({3}, 1)}, {}).find("bias"),
            std::string::npos);
}

TEST(MaxPool, ContradictionsAreNamed) {
  const Tensor x = filled({1, 2, 5, 5}, 1);
  EXPECT_NE(message("MaxPool", {x}, {}).find("kernel_shape"), std::string::npos);
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"})
    EXPECT_NE(message(op, {x}, {{"kernel_shape", ir::Ints{}}}).find("has no values"), std::string::npos)
        << op;
  const Tensor indices =
      Tensor::of<int64_t>(x.shape(), std::vector<int64_t>(static_cast<size_t>(x.count()), 0));
  EXPECT_NE(message("MaxUnpool", {x, indices}, {{"kernel_shape", ir::Ints{}}}).find("has no values"),
            std::string::npos);
  EXPECT_NE(message("MaxPool", {x}, {{"kernel_shape", ir::Ints{0, 2}}}).find("[0,2]"), std::string::npos);
  EXPECT_NE(message("MaxPool", {x}, {{"kernel_shape", ir::Ints{6, 2}}}).find("larger"), std::string::npos);
}

// ceil((2 - 5) / 5) + 1 = 1: by the specification's formula, and as PyTorch pools a small map whole.
TEST(AveragePool, CeilModeTakesAWindowLargerThanTheAxis) {
  const Tensor x = Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{1, 2, 3, 6});
  auto pooled = [&](const char* op, int64_t stride, int64_t include) {
    ir::Attributes a = {
        {"kernel_shape", ir::Ints{5, 5}}, {"strides", ir::Ints{stride, stride}}, {"ceil_mode", int64_t{1}}};
    if (op[0] == 'A') a.emplace("count_include_pad", include);
    return evaluate_op(op, {x}, 1, std::move(a));
  };
  for (int64_t include : {0, 1}) {
    auto y = pooled("AveragePool", 5, include);
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_TRUE((*y)[0].tensor()->shape() == (Shape{1, 1, 1, 1}));
    EXPECT_EQ((*y)[0].tensor()->span<float>()[0], 3);
  }
  auto y = pooled("MaxPool", 5, 0);
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->span<float>()[0], 6);
  EXPECT_FALSE(pooled("MaxPool", 3, 0).ok());  // ceil((2 - 5) / 3) + 1 = 0
}

TEST(MaxUnpool, IndicesOutsideAreRefused) {
  const std::vector<int64_t> at = {0, 16};
  EXPECT_NE(message("MaxUnpool", {filled({1, 1, 1, 2}, 1), Tensor::of<int64_t>({1, 1, 1, 2}, at)},
                    {{"kernel_shape", ir::Ints{2, 2}}, {"strides", ir::Ints{2, 2}}})
                .find("index 16"),
            std::string::npos);
}

}  // namespace
}  // namespace ow
