// Models as old releases of ONNX and their exporters wrote them. Expected values are ONNX Runtime 1.31's, and
// numpy's for ConstantFill and GivenTensorFill, which it does not have.
#include <gmock/gmock.h>

#include "ops/op/evaluate.h"
#include "ops/op/experimental.h"
#include "passes/import.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64;
constexpr int64_t kOpset = 6;

onnx::Attribute reals(const char* name, std::vector<float> values) {
  onnx::Attribute a;
  a.name = keep(name);
  a.type = onnx::Attribute::FLOATS;
  a.floats = std::move(values);
  return a;
}

// One node on inputs of unknown shape, so that nothing is folded.
onnx::Model one(onnx::Node n, const std::vector<Tensor>& inputs, int64_t opset = kOpset) {
  onnx::Graph g;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = cat("x", i);
    g.input.push_back(value(name, static_cast<int32_t>(inputs[i].dtype())));
    n.input.push_back(keep(name));
  }
  g.output = {value("y", kFloat)};
  g.output[0].type.reset();
  g.node = {std::move(n)};
  return model(std::move(g), opset, 3);
}

Result<Tensor> run(const onnx::Model& m, const std::vector<Tensor>& inputs) {
  const ImportedModel imported = ONWARD_TRY(import_model(ONWARD_TRY(file(m))));
  ONWARD_TRY(ir::verify(*imported.graph));
  for (const auto& n : imported.graph->nodes())
    if (n->domain == kExperimentalDomain) return internal_error(n->label(), " is left in the graph");
  const std::vector<Value> values(inputs.begin(), inputs.end());
  auto y = ONWARD_TRY(evaluate(*imported.graph, values));
  return *y[0].tensor();
}

Result<Tensor> run(std::string op, std::vector<onnx::Attribute> attributes, const std::vector<Tensor>& inputs,
                   int64_t opset = kOpset) {
  return run(one(node(std::move(op), {}, {"y"}, std::move(attributes)), inputs, opset), inputs);
}

void expect(const Result<Tensor>& y, const Shape& shape, const std::vector<float>& values) {
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(y->shape(), shape);
  ASSERT_EQ(y->dtype(), DType::kFloat32);
  EXPECT_THAT(y->span<float>(), Pointwise(FloatNear(1e-5f), values));
}

Tensor floats_of(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ints_of(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }

Tensor counted(const Shape& shape, float first) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = first + static_cast<float>(i);
  return t;
}

TEST(Experimental, ElementByElement) {
  const Tensor x = floats_of({3}, {-2, 0.5f, 3});
  const auto both = [](float beta) { return std::vector{attr("alpha", 2.0f), attr("beta", beta)}; };
  expect(run("Affine", both(-1), {x}), {3}, {-5, 0, 5});
  expect(run("Affine", {}, {x}), {3}, {-2, 0.5f, 3});
  expect(run("ScaledTanh", both(.5f), {x}), {3}, {-1.5231884f, 0.48983732f, 1.8102967f});
  expect(run("ParametricSoftplus", both(.5f), {x}), {3}, {0.6265233f, 1.6518788f, 3.4028268f});
  expect(run("Scale", {attr("scale", 3.0f)}, {x}), {3}, {-6, 1.5f, 9});
  expect(run("ThresholdedRelu", {attr("alpha", .6f)}, {x}), {3}, {0, 0, 3});
  expect(run("ThresholdedRelu", {}, {x}, 9), {3}, {0, 0, 3});
}

TEST(Experimental, Images) {
  const Tensor x = counted({1, 2, 4, 5}, 0);
  const auto scaled = run("ImageScaler", {attr("scale", .5f), reals("bias", {1, -1})}, {x});
  ASSERT_TRUE(scaled.ok()) << scaled.status().message();
  EXPECT_EQ(scaled->data<float>()[19], 10.5f);
  EXPECT_EQ(scaled->data<float>()[20], 9);
  expect(run("Crop", {attr("border", std::vector<int64_t>{1, 0, 2, 1})}, {x}), {1, 2, 3, 2},
         {1, 2, 6, 7, 11, 12, 21, 22, 26, 27, 31, 32});
  const auto window = std::vector{attr("border", std::vector<int64_t>{1, 2, 0, 0}),
                                  attr("scale", std::vector<int64_t>{2, 3})};
  expect(run("Crop", window, {x}), {1, 2, 2, 3}, {11, 12, 13, 16, 17, 18, 31, 32, 33, 36, 37, 38});
  expect(run("DynamicSlice", {}, {x, ints_of({1, -3}), ints_of({2, 10}), ints_of({1, 3})}), {1, 1, 4, 3},
         {22, 23, 24, 27, 28, 29, 32, 33, 34, 37, 38, 39});
}

TEST(Experimental, Fills) {
  const auto shape = [](const char* name, std::vector<int64_t> v) { return attr(name, std::move(v)); };
  const Tensor x = counted({2, 1}, 0);
  expect(run("ConstantFill", {attr("value", 2.5f), shape("shape", {2})}, {}), {2}, {2.5f, 2.5f});
  expect(run("ConstantFill", {attr("value", 2.5f), shape("extra_shape", {2})}, {x}), {2, 1, 2},
         {2.5f, 2.5f, 2.5f, 2.5f});
  const auto y = run("ConstantFill",
                     {attr("value", 7.0f), attr("input_as_shape", int64_t{1}), attr("dtype", int64_t{kInt64}),
                      shape("extra_shape", {1})},
                     {ints_of({3})});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(y->shape(), (Shape{3, 1}));
  EXPECT_THAT(y->span<int64_t>(), ElementsAre(7, 7, 7));
  expect(run("GivenTensorFill", {reals("values", {1, 2}), shape("shape", {1, 2})}, {}), {1, 2}, {1, 2});
  expect(run("GivenTensorFill", {reals("values", {1, 2})}, {x}), {2, 1}, {1, 2});
}

TEST(Experimental, WhatContradictsItselfIsRefused) {
  const Tensor x = floats_of({3}, {-2, 0.5f, 3});
  const auto refused = [&](const char* op, std::vector<onnx::Attribute> attributes,
                           std::vector<Tensor> inputs, const char* text) {
    auto y = run(op, std::move(attributes), inputs);
    ASSERT_FALSE(y.ok()) << op;
    EXPECT_EQ(y.status().code(), Code::kInvalidModel) << y.status().message();
    EXPECT_THAT(std::string(y.status().message()), HasSubstr(text));
  };
  refused("Affine", {}, {}, "input 0 is required");
  refused("Affine", {}, {x, x}, "has 2 inputs");
  refused("ScaledTanh", {attr("alpha", 1.0f)}, {x}, "is missing and has no default");
  refused("Crop", {attr("border", std::vector<int64_t>{1})}, {x}, "has 1 values, expected 4");
  refused("Crop", {attr("border", std::vector<int64_t>{-1, 0, 0, 0})}, {x}, "has -1");
  refused("ConstantFill", {attr("shape", std::vector<int64_t>{1})}, {x}, "expected one of them");
  refused("ConstantFill", {attr("shape", std::vector<int64_t>{-1})}, {}, "has -1");
  refused("ConstantFill", {attr("extra_shape", std::vector<int64_t>{1})}, {}, "needs an input");
  refused("ConstantFill", {attr("dtype", int64_t{onnx::Tensor::STRING})}, {}, "expected float, int32");
  refused("GRUUnit", {}, {x}, "no such operator");
  const auto taken = import_model(*file(one(node("Affine", {}, {"y"}, {}, "onward.experimental"), {x})));
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("'onward.experimental' is for operators"));
}

TEST(Experimental, NormalizationBeforeOpset9) {
  std::vector<float> squares;
  for (int i = 0; i < 8; ++i) squares.push_back(static_cast<float>(i * i));
  const Tensor x = floats_of({2, 2, 1, 2}, squares);
  const auto normalized = [&](std::vector<onnx::Attribute> attributes, int64_t opset = kOpset) {
    return run("MeanVarianceNormalization", std::move(attributes), {x}, opset);
  };
  const std::vector<float> by_channel = {-1,       -.90476191f, -1.0985209f, -.83058894f,
                                         .523810f, 1.3809524f,  .61624342f,  1.3128664f};
  expect(normalized({}), x.shape(), by_channel);
  expect(normalized({attr("axes", std::vector<int64_t>{0, 2, 3})}), x.shape(), by_channel);
  expect(
      normalized({attr("across_channels", int64_t{1})}), x.shape(),
      {-1.0491086f, -.98915952f, -.80931234f, -.50956702f, -.08992359f, .44961795f, 1.1090577f, 1.8883954f});
  expect(normalized({attr("normalize_variance", int64_t{0})}), x.shape(),
         {-10.5f, -9.5f, -20.5f, -15.5f, 5.5f, 14.5f, 11.5f, 24.5f});
  EXPECT_FALSE(normalized({attr("across_channels", int64_t{1})}, 9).ok());  // an operator with a schema
}

// Resize-10, nearest: the next higher input where an axis shrinks, the next lower where it grows.
TEST(OldResize, ScalesThatOnlyARunKnows) {
  const Tensor x = counted({1, 1, 2, 4}, 1);
  const auto resized = [&](std::vector<float> scales) {
    return run("Resize", {attr("mode", "nearest")}, {x, floats_of({4}, std::move(scales))}, 10);
  };
  expect(resized({1, 1, .6f, .6f}), {1, 1, 1, 2}, {1, 3});
  expect(resized({1, 1, 2, .6f}), {1, 1, 4, 2}, {1, 3, 1, 3, 5, 7, 5, 7});
  expect(resized({1, 1, 1, 2}), {1, 1, 2, 8}, {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8});
}

TEST(OldResize, TfHalfPixelForNearest) {
  const Tensor x = counted({1, 1, 4, 4}, 1), none = floats_of({0}, {});
  const auto resized = [&](const char* rounding, std::vector<int64_t> sizes) {
    return run(
        "Resize",
        {attr("coordinate_transformation_mode", "tf_half_pixel_for_nn"), attr("nearest_mode", rounding)},
        {x, none, none, ints_of(std::move(sizes))}, 11);
  };
  expect(resized("round_prefer_floor", {1, 1, 3, 2}), {1, 1, 3, 2}, {6, 8, 10, 12, 14, 16});
  expect(resized("round_prefer_floor", {1, 1, 3, 7}), {1, 1, 3, 7},
         {5, 6, 6, 7, 8, 8, 8, 9, 10, 10, 11, 12, 12, 12, 13, 14, 14, 15, 16, 16, 16});
  expect(resized("floor", {1, 1, 3, 2}), {1, 1, 3, 2}, {2, 4, 10, 12, 14, 16});
  EXPECT_EQ(resized("ceil", {1, 1, 3, 2}).status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace ow
