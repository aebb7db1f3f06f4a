// Gradient against central differences in float64: y = sum(w * f(a, b)), where w is drawn, so that no two
// elements of f count alike. Each rule with shapes that are known, open, and of unknown rank.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"
#include "ops/op/mersenne_twister.h"
#include "passes/import.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
using Nodes = std::vector<onnx::Node>;
constexpr int32_t kDouble = onnx::Tensor::DOUBLE, kBool = onnx::Tensor::BOOL;
constexpr const char* kTraining = "ai.onnx.preview.training";

enum class Shapes { kKnown, kOpen, kNoRank };

onnx::ValueInfo input(const std::string& name, const Shape& shape, Shapes known) {
  if (known == Shapes::kNoRank) return value(name, kDouble);
  std::vector<std::string> dims;
  for (size_t i = 0; i < shape.rank(); ++i)
    dims.push_back(known == Shapes::kKnown ? std::to_string(shape[i]) : cat(name, i));
  return value(name, kDouble, dims);
}

onnx::Node gradient(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                    const std::vector<std::string>& xs, const std::vector<std::string>& zs,
                    const char* y = "y") {
  std::vector<onnx::Attribute> attributes = {attr("xs", xs), attr("y", y)};
  if (!zs.empty()) attributes.push_back(attr("zs", zs));
  return node("Gradient", inputs, outputs, attributes, kTraining);
}

Result<ImportedModel> imported(onnx::Graph g) {
  onnx::Model m = model(std::move(g));
  onnx::OperatorSetId id;
  id.domain = kTraining;
  id.version = 1;
  m.opset_import.push_back(id);
  return import_model(ONWARD_TRY(file(m)));
}

Tensor drawn(const Shape& shape, unsigned seed, double low = 0.5, double high = 1.5) {
  Tensor t = *Tensor::allocate(DType::kFloat64, shape);
  MersenneTwister numbers(seed);
  for (int64_t i = 0; i < t.count(); ++i)
    t.mutable_data<double>()[i] = low + (high - low) * numbers.uniform();
  return t;
}

// Derivatives of element `of` of output 0 by each element of input i.
std::vector<double> differences(const ir::Graph& g, std::vector<Value> inputs, size_t i) {
  std::vector<double> out;
  const Tensor x = *inputs[i].tensor();
  for (int64_t e = 0; e < x.count(); ++e) {
    double sides[2];
    for (int side : {0, 1}) {
      Tensor copy = *Tensor::allocate(DType::kFloat64, x.shape());
      std::copy_n(x.data<double>(), x.count(), copy.mutable_data<double>());
      copy.mutable_data<double>()[e] += (side ? 1 : -1) * 1e-6;
      inputs[i] = copy;
      auto y = evaluate(g, inputs);
      EXPECT_TRUE(y.ok()) << y.status().message();
      sides[side] = y.ok() ? (*y)[0].tensor()->data<double>()[0] : NAN;
    }
    out.push_back((sides[1] - sides[0]) / 2e-6);
  }
  return out;
}

void expect_agrees(const ir::Graph& g, const std::vector<Value>& inputs, size_t count,
                   const std::string& what) {
  auto results = evaluate(g, inputs);
  ASSERT_TRUE(results.ok()) << what << ": " << results.status().message();
  for (size_t i = 0; i < count; ++i) {
    const Tensor& found = *(*results)[1 + i].tensor();
    ASSERT_EQ(found.shape(), inputs[i].tensor()->shape()) << what << " by input " << i;
    const auto expected = differences(g, inputs, i);
    for (int64_t e = 0; e < found.count(); ++e)
      EXPECT_NEAR(found.data<double>()[e], expected[static_cast<size_t>(e)],
                  1e-6 + 1e-6 * std::abs(expected[static_cast<size_t>(e)]))
          << what << " by input " << i << " element " << e;
  }
}

struct Rule {
  std::string what;
  std::vector<Shape> shapes;  // of a, b, c
  Nodes nodes;                // f of a, b, c
  bool needs_rank = false;
  std::vector<onnx::Tensor> constants = {};
  double low = 0.5;  // of the inputs' range, which ends at 1.5
};

void check_rule(const Rule& rule, Shapes known) {
  const std::string what = cat(rule.what, known == Shapes::kKnown  ? ""
                                          : known == Shapes::kOpen ? ", open shapes"
                                                                   : ", no rank");
  std::vector<std::string> names, gradients;
  onnx::Graph g;
  std::vector<Value> inputs;
  for (size_t i = 0; i < rule.shapes.size(); ++i) {
    names.emplace_back(1, static_cast<char>('a' + i));
    gradients.push_back("d" + names.back());
    g.input.push_back(input(names.back(), rule.shapes[i], known));
    inputs.emplace_back(drawn(rule.shapes[i], static_cast<unsigned>(i + 1), rule.low));
  }
  // The weights are a function of f's shape: 1.5 + sin of the element's number.
  g.node = rule.nodes;
  for (auto& n :
       Nodes{node("Size", {"f"}, {"n"}), node("Shape", {"f"}, {"s"}),
             node("Range", {"zero", "n", "one"}, {"i"}),
             node("Cast", {"i"}, {"t"}, {attr("to", int64_t{kDouble})}), node("Sin", {"t"}, {"sin"}),
             node("Reshape", {"sin", "s"}, {"w"}), node("Mul", {"w", "f"}, {"wf"}),
             node("ReduceSum", {"wf"}, {"y"}, {attr("keepdims", int64_t{0})})})
    g.node.push_back(n);
  g.node.push_back(gradient(names, gradients, names, {}));
  g.initializer = rule.constants;
  for (int64_t k : {0, 1})
    g.initializer.push_back(tensor<int64_t>(k ? "one" : "zero", onnx::Tensor::INT64, {}, {k}));
  g.output = {value("y", kDouble)};
  for (const auto& name : gradients) g.output.push_back(value(name, kDouble));
  auto m = imported(std::move(g));
  ASSERT_TRUE(m.ok()) << what << ": " << m.status().message();
  expect_agrees(*m->graph, inputs, names.size(), what);
}

void check_rules(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules)
    for (Shapes known : {Shapes::kKnown, Shapes::kOpen, Shapes::kNoRank})
      if (!rule.needs_rank || known != Shapes::kNoRank) check_rule(rule, known);
}

TEST(Gradient, OfOneInput) {
  std::vector<Rule> rules;
  for (const char* op : {"Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Sigmoid", "Tanh",
                         "Softplus", "Erf", "Identity"})
    rules.push_back({op, {{2, 3}}, {node(op, {"a"}, {"f"})}});
  for (const char* op : {"Relu", "LeakyRelu", "Abs", "Sign", "Floor", "Ceil", "Round"})
    rules.push_back({.what = op, .shapes = {{2, 3}}, .nodes = {node(op, {"a"}, {"f"})}, .low = -1.4});
  rules.push_back({"Dropout", {{2}}, {node("Dropout", {"a"}, {"f"})}});
  rules.push_back({"Cast", {{3}}, {node("Cast", {"a"}, {"f"}, {attr("to", int64_t{kDouble})})}});
  check_rules(rules);
}

TEST(Gradient, OfBroadcastInputs) {
  std::vector<Rule> rules;
  const std::pair<Shape, Shape> pairs[] = {
      {{2, 3}, {2, 3}}, {{2, 3}, {3}}, {{1, 3}, {2, 1}}, {{}, {2, 2}}, {{2, 1, 2}, {3, 1}}};
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Sum", "Mean"})
    for (const auto& [a, b] : pairs) rules.push_back({op, {a, b}, {node(op, {"a", "b"}, {"f"})}});
  rules.push_back({"Sum of three", {{2, 3}, {3}, {2, 1}}, {node("Sum", {"a", "b", "c"}, {"f"})}});
  rules.push_back({"Mul of one twice", {{3}}, {node("Mul", {"a", "a"}, {"f"})}});
  rules.push_back({"Where",
                   {{2, 1}, {3}},
                   {node("Where", {"choice", "a", "b"}, {"f"})},
                   false,
                   {tensor<uint8_t>("choice", kBool, {2, 3}, {1, 0, 0, 0, 1, 1})}});
  rules.push_back({"Pow",
                   {{2, 1}},
                   {node("Pow", {"a", "p"}, {"f"})},
                   false,
                   {tensor<double>("p", kDouble, {4}, {0, 1, 2.5, -3})}});
  rules.push_back({.what = "Pow by an integer",
                   .shapes = {{5}},
                   .nodes = {node("Pow", {"a", "p"}, {"f"})},
                   .constants = {ints("p", {3})},
                   .low = -1.5});
  check_rules(rules);
}

TEST(Gradient, OfShapes) {
  check_rules({
      {"Reshape", {{2, 3}}, {node("Reshape", {"a", "to"}, {"f"})}, false, {ints("to", {3, -1})}},
      {"Flatten", {{2, 1, 3}}, {node("Flatten", {"a"}, {"f"})}},
      {"Squeeze", {{2, 1, 3}}, {node("Squeeze", {"a", "axes"}, {"f"})}, false, {ints("axes", {1})}},
      {"Unsqueeze", {{2, 3}}, {node("Unsqueeze", {"a", "axes"}, {"f"})}, false, {ints("axes", {0, -1})}},
      {"Transpose",
       {{2, 3, 2}},
       {node("Transpose", {"a"}, {"f"}, {attr("perm", std::vector<int64_t>{1, 2, 0})})}},
      {"Transpose by default", {{2, 3, 2}}, {node("Transpose", {"a"}, {"f"})}},
      {"Expand", {{2, 1}}, {node("Expand", {"a", "to"}, {"f"})}, false, {ints("to", {3, 1, 4})}},
      {"Concat", {{2, 3}, {2, 1}}, {node("Concat", {"a", "b", "a"}, {"f"}, {attr("axis", int64_t{-1})})}},
      {"Split",
       {{2, 5}},
       {node("Split", {"a", "sizes"}, {"p", "", "r"}, {attr("axis", int64_t{1})}), node("Exp", {"p"}, {"e"}),
        node("Concat", {"e", "r"}, {"f"}, {attr("axis", int64_t{1})})},
       false,
       {ints("sizes", {2, 2, 1})}},
      {"Slice",
       {{4, 5}},
       {node("Slice", {"a", "from", "to", "axes", "steps"}, {"f"})},
       false,
       {ints("from", {-1, 1}), ints("to", {-9, 9}), ints("axes", {1, 0}), ints("steps", {-2, 1})}},
  });
}

TEST(Gradient, OfReductionsAndSoftmax) {
  std::vector<Rule> rules;
  for (const char* op : {"ReduceSum", "ReduceMean"})
    for (int64_t keep : {0, 1}) {
      const auto attribute = [&] { return std::vector<onnx::Attribute>{attr("keepdims", keep)}; };
      rules.push_back({cat(op, " keepdims ", keep),
                       {{2, 3, 2}},
                       {node(op, {"a", "axes"}, {"f"}, attribute())},
                       false,
                       {ints("axes", {-2, 0})}});
      rules.push_back({cat(op, " of all, keepdims ", keep), {{2, 3}}, {node(op, {"a"}, {"f"}, attribute())}});
    }
  for (const char* op : {"Softmax", "LogSoftmax"})
    for (int64_t axis : {0, 1, -1})
      rules.push_back({op, {{2, 3, 2}}, {node(op, {"a"}, {"f"}, {attr("axis", axis)})}});
  check_rules(rules);
}

TEST(Gradient, OfProducts) {
  std::vector<Rule> rules;
  const std::pair<Shape, Shape> pairs[] = {
      {{2, 3}, {3, 4}},          {{3}, {3, 2}},    {{2, 3}, {3}},   {{3}, {3}},
      {{2, 1, 2, 3}, {4, 3, 2}}, {{2, 2, 3}, {3}}, {{3}, {2, 3, 2}}};
  for (const auto& [a, b] : pairs)
    rules.push_back({.what = "MatMul",
                     .shapes = {a, b},
                     .nodes = {node("MatMul", {"a", "b"}, {"f"})},
                     .needs_rank = true});
  for (int64_t ta : {0, 1})
    for (int64_t tb : {0, 1})
      for (const Shape& c : {Shape{2, 4}, Shape{4}, Shape{2, 1}, Shape{}})
        rules.push_back(
            {cat("Gemm ", ta, tb),
             {ta ? Shape{3, 2} : Shape{2, 3}, tb ? Shape{4, 3} : Shape{3, 4}, c},
             {node("Gemm", {"a", "b", "c"}, {"f"},
                   {attr("transA", ta), attr("transB", tb), attr("alpha", 0.75f), attr("beta", -2.0f)})}});
  check_rules(rules);
}

// y = sum(tanh(x W + b)^2) and its gradient's gradient: differences of the first output, which is dy/dx
// summed with weights.
TEST(Gradient, OfAGradient) {
  onnx::Graph g;
  g.input = {value("x", kDouble, {"2", "3"}), value("w", kDouble, {"3", "2"}), value("b", kDouble, {"2"})};
  g.node = {node("MatMul", {"x", "w"}, {"xw"}),
            node("Add", {"xw", "b"}, {"h"}),
            node("Tanh", {"h"}, {"t"}),
            node("Softmax", {"t"}, {"p"}),
            node("Mul", {"p", "t"}, {"s"}),
            node("ReduceSum", {"s"}, {"y"}),
            gradient({"x", "w", "b"}, {"dx", "dw"}, {"x", "w", "b"}, {}),
            node("Mul", {"dx", "x"}, {"m"}),
            node("ReduceSum", {"m"}, {"z"}, {attr("keepdims", int64_t{0})}),
            gradient({"x", "w", "b"}, {"ddx", "ddw", "ddb"}, {"x", "w", "b"}, {}, "z")};
  g.output = {value("z", kDouble), value("ddx", kDouble), value("ddw", kDouble), value("ddb", kDouble)};
  auto m = imported(std::move(g));
  ASSERT_TRUE(m.ok()) << m.status().message();
  expect_agrees(*m->graph, {drawn({2, 3}, 1), drawn({3, 2}, 2), drawn({2}, 3)}, 3, "second order");
}

TEST(Gradient, OfAGradientOfPowers) {
  onnx::Graph g;
  g.input = {value("x", kDouble, {"3"})};
  g.initializer = {tensor<double>("p", kDouble, {3}, {2, 3, -0.5})};
  g.node = {node("Pow", {"x", "p"}, {"y"}), gradient({"x"}, {"dx"}, {"x"}, {}),
            node("ReduceSum", {"dx"}, {"z"}, {attr("keepdims", int64_t{0})}),
            gradient({"x"}, {"ddx"}, {"x"}, {}, "z")};
  g.output = {value("z", kDouble), value("ddx", kDouble)};
  auto m = imported(std::move(g));
  ASSERT_TRUE(m.ok()) << m.status().message();
  expect_agrees(*m->graph, {drawn({3}, 1)}, 1, "second order");
}

// h = x^2, y = exp(h) z: by the intermediate h, at h = 0.25 and z = 3; by x at another x.
TEST(Gradient, AtOtherValuesThanThoseNamed) {
  onnx::Graph g;
  g.input = {value("x", kDouble, {"2"}), value("z", kDouble, {"2"}), value("other", kDouble, {"2"}),
             value("u", kDouble, {"2"})};
  g.node = {node("Mul", {"x", "x"}, {"h"}),
            node("Exp", {"h"}, {"e"}),
            node("Mul", {"e", "z"}, {"y"}),
            gradient({"h", "z"}, {"dh", "dz"}, {"h", "z"}, {}),
            gradient({"other", "u"}, {"dx"}, {"x"}, {"z"}),
            gradient({"u", "x"},
                     {
                         "none",
                         "",
                     },
                     {"u", "x"}, {})};
  g.output = {value("dh", kDouble), value("dz", kDouble), value("dx", kDouble), value("none", kDouble)};
  auto m = imported(std::move(g));
  ASSERT_TRUE(m.ok()) << m.status().message();
  const auto of = [](double a, double b) { return Tensor::of<double>({2}, std::vector<double>{a, b}); };
  auto r = evaluate(*m->graph, std::vector<Value>{of(1, 0.5), of(3, 4), of(2, 0), of(5, 6)});
  ASSERT_TRUE(r.ok()) << r.status().message();
  const double expected[][2] = {{std::exp(1) * 3, std::exp(.25) * 4},
                                {std::exp(1), std::exp(.25)},
                                {2 * 2 * std::exp(4) * 5, 0},
                                {0, 0}};
  for (size_t o = 0; o < 4; ++o)
    for (size_t i : {0, 1})
      EXPECT_NEAR((*r)[o].tensor()->data<double>()[i], expected[o][i], 1e-12 * (1 + expected[o][i])) << o;
}

// Weights that stand in the file are no constants to a Gradient that names them.
TEST(Gradient, ByAnInitializerBehindAChainOfConstants) {
  onnx::Graph g;
  g.input = {value("x", kDouble, {"2"})};
  g.initializer = {tensor<double>("w", kDouble, {2}, {3, 4}), tensor<double>("k", kDouble, {2}, {10, 100})};
  g.node = {node("Mul", {"w", "k"}, {"wk"}), node("Mul", {"wk", "x"}, {"y"}),
            gradient({"w"}, {"dw"}, {"w"}, {"x"})};
  g.node.back().input.push_back("x");
  g.output = {value("dw", kDouble)};
  auto m = imported(std::move(g));
  ASSERT_TRUE(m.ok()) << m.status().message();
  auto r = evaluate(*m->graph, std::vector<Value>{Tensor::of<double>({2}, std::vector<double>{5, 6})});
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ((*r)[0].tensor()->data<double>()[0], 50);
  EXPECT_EQ((*r)[0].tensor()->data<double>()[1], 600);
}

std::string refusal(Nodes nodes, int32_t type = kDouble) {
  onnx::Graph g;
  g.input = {value("a", type, {"2", "3"}), value("b", type, {"2", "3"})};
  g.node = std::move(nodes);
  g.output = {value("da", type)};
  auto m = imported(std::move(g));
  return m.ok() ? "accepted" : std::string(m.status().message());
}

TEST(Gradient, WhatCannotBeDifferentiatedIsRefusedByName) {
  const auto expect = [](const std::string& found, const char* text) {
    EXPECT_NE(found.find(text), std::string::npos) << found;
  };
  const auto by_a = [](const char* y = "y") { return gradient({"a"}, {"da"}, {"a"}, {}, y); };
  expect(refusal({node("Mod", {"a", "b"}, {"y"}, {attr("fmod", int64_t{1})}), by_a()}),
         "no derivative of Mod");
  expect(refusal({node("Einsum", {"a"}, {"y"}, {attr("equation", "...i->...")}), by_a()}), "ellipsis");
  expect(refusal({node("Exp", {"a"}, {"y"}), by_a("q")}), "'q'");
  expect(refusal({node("Exp", {"a"}, {"y"}), gradient({"a"}, {"da"}, {"a", "b"}, {})}), "expected 2");
  expect(refusal({node("Exp", {"a"}, {"y"}), gradient({"a", "b"}, {"da"}, {"a", "a"}, {})}), "two values");
  expect(refusal({node("Neg", {"a"}, {"y"}), by_a()}, onnx::Tensor::INT64), "float");
  // What does not lie between an x and y may be anything.
  EXPECT_EQ(refusal({node("Mod", {"b", "b"}, {"d"}, {attr("fmod", int64_t{1})}),
                     node("Mul", {"a", "d"}, {"y"}), by_a()}),
            "accepted");
}

// Each gradient of a gradient is some times as large as the one before.
TEST(Gradient, GraphsThatGrowWithoutEndAreRefused) {
  Nodes nodes = {node("Exp", {"a"}, {"y0"})};
  for (int i = 0; i < 40; ++i) {
    const std::string y = cat("y", i), next = cat("y", i + 1);
    nodes.push_back(node("Mul", {y, y}, {y + "s"}));
    nodes.push_back(node("Gradient", {"a"}, {next},
                         {attr("xs", std::vector<std::string>{"a"}), attr("y", (y + "s").c_str())},
                         kTraining));
  }
  nodes.push_back(node("Identity", {"y40"}, {"da"}));
  EXPECT_NE(refusal(nodes).find("grows past"), std::string::npos);
}

}  // namespace
}  // namespace ow
