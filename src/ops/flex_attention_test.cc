#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

constexpr const char* kDomain = "ai.onnx.preview";
Tensor ramp(const Shape& shape, float step) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(step * static_cast<float>(i + 1));
  return Tensor::of<float>(shape, v);
}

TEST(FlexAttention, SharedKeysAgreeWithTheFormulaInDouble) {
  Tensor q = ramp({1, 4, 3, 2}, 0.7f), k = ramp({1, 2, 5, 2}, 1.3f), v = ramp({1, 2, 5, 3}, 2.1f);
  for (DType precision : {DType::kFloat32, DType::kFloat64}) {
    auto y = evaluate_op("FlexAttention", {q, k, v}, 1,
                         {{"softmax_precision", static_cast<int64_t>(precision)}}, kDomain);
    ASSERT_TRUE(y.ok()) << y.status().message();
    for (int h = 0; h < 4; ++h)
      for (int i = 0; i < 3; ++i) {
        double p[5], sum = 0;
        for (int j = 0; j < 5; ++j) {
          const float *a = q.data<float>() + (h * 3 + i) * 2, *b = k.data<float>() + (h / 2 * 5 + j) * 2;
          sum += p[j] = std::exp((double{a[0]} * b[0] + double{a[1]} * b[1]) / std::sqrt(2.0));
        }
        for (int d = 0; d < 3; ++d) {
          double expected = 0;
          for (int j = 0; j < 5; ++j)
            expected += p[j] / sum * double{v.data<float>()[(h / 2 * 5 + j) * 3 + d]};
          EXPECT_NEAR((*y)[0].tensor()->data<float>()[(h * 3 + i) * 3 + d], expected, 1e-5);
        }
      }
  }
}

// A node whose score_mod returns `constant` whatever the scores.
struct ConstantScores {
  ir::Graph graph;
  ir::Node* node;
  explicit ConstantScores(Tensor constant) {
    auto mod = std::make_shared<ir::Graph>();
    mod->add_input("scores", ir::Type::tensor(DType::kFloat32));
    mod->add_output(mod->add_constant("constant", std::move(constant)));
    std::vector<ir::Value*> inputs;
    for (const char* name : {"q", "k", "v"})
      inputs.push_back(graph.add_input(name, ir::Type::tensor(DType::kFloat32)));
    node = graph.add_node("FlexAttention", kDomain, inputs, {"y"}, {{"score_mod", mod}});
  }
  Result<std::vector<Value>> run(const Tensor& x) {
    const std::vector<Value> inputs{x, x, x};
    return evaluate(*node, inputs);
  }
};

TEST(FlexAttention, ConstantOfAModifierIsNotOverwritten) {
  ConstantScores model(Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{0, 0, 0, -INFINITY}));
  const Tensor x = Tensor::of<float>({1, 1, 2, 1}, std::vector<float>{2, 4});
  for (int time = 0; time < 2; ++time) {
    auto y = model.run(x);
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ((*y)[0].tensor()->data<float>()[0], 3);
    EXPECT_EQ((*y)[0].tensor()->data<float>()[1], 2);
  }
}

TEST(FlexAttention, ModifierThatChangesTheShapeIsRefused) {
  ConstantScores model(Tensor::of<float>({1, 1, 1, 2}, std::vector<float>{0, 0}));
  auto y = model.run(Tensor::of<float>({1, 1, 2, 1}, std::vector<float>{2, 4}));
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("score_mod makes float[1,1,1,2], expected float[1,1,2,2]"),
            std::string::npos)
      << y.status().message();
}

TEST(FlexAttention, ShapesMustFit) {
  Tensor x = ramp({1, 2, 3, 4}, 1);
  EXPECT_TRUE(evaluate_op("FlexAttention", {x, x, x}, 1, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("FlexAttention", {x, ramp({1, 2, 3, 5}, 1), x}, 1, {}, kDomain).ok());
  EXPECT_FALSE(
      evaluate_op("FlexAttention", {x, ramp({1, 3, 3, 4}, 1), ramp({1, 3, 3, 4}, 1)}, 1, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("FlexAttention", {ramp({2, 3, 4}, 1), x, x}, 1, {}, kDomain).ok());
  EXPECT_FALSE(evaluate_op("FlexAttention", {x, x, x}, 1, {{"softmax_precision", int64_t{6}}}, kDomain).ok());
}

}  // namespace
}  // namespace ow
