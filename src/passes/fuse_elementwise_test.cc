// Chains and trees of elementwise nodes: one node that means the same, bit by bit, and what must stay.
#include <gtest/gtest.h>
#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

// x and z [N,3,H,W], row [W], noise [1,1,H,W], channel [3,1,1]; nodes that make y.
onnx::Graph graph_of(std::vector<onnx::Node> nodes, std::vector<std::string> outputs = {"y"}) {
  auto g = graph({value("x", kFloat, {"N", "3", "H", "W"}), value("z", kFloat, {"N", "3", "H", "W"}),
                  value("row", kFloat, {"W"}), value("noise", kFloat, {"1", "1", "H", "W"}),
                  value("channel", kFloat, {"3", "1", "1"})},
                 {}, std::move(nodes));
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.initializer = {floats("c", {}, {1.5f}), floats("two", {}, {2}), floats("wide", {1, 1, 1, 1, 1}, {2}),
                   floats("low", {}, {-.5f}), floats("high", {}, {.75f})};
  return g;
}

Inputs inputs_of(int64_t height, int64_t width) {
  return {spread({2, 3, height, width}, 1), spread({2, 3, height, width}, 2), spread({width}, 3),
          spread({1, 1, height, width}, 4), spread({3, 1, 1}, 5)};
}
Names pass(const onnx::Graph& g, int changes = 1) {
  return expect_same(g, fuse_elementwise, changes, {inputs_of(5, 7)}, {.nan = true});
}
const Names kOne = {"onward.Elementwise"};

TEST(FuseElementwise, TakesEveryOperator) {
  for (const char* op : {"Add", "Sub", "Mul", "Div"})
    for (const auto& operands : std::vector<std::vector<std::string>>{
             {"a", "z"}, {"z", "a"}, {"a", "c"}, {"c", "a"}, {"a", "row"}, {"noise", "a"}})
      EXPECT_EQ(pass(graph_of({node("Neg", {"x"}, {"a"}), node(op, operands, {"y"})})), kOne)
          << op << ' ' << operands[0] << ' ' << operands[1];
  for (const char* op : {"Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "Relu", "LeakyRelu",
                         "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Gelu"})
    EXPECT_EQ(pass(graph_of({node("Mul", {"x", "c"}, {"a"}), node(op, {"a"}, {"y"})})), kOne) << op;
  EXPECT_EQ(pass(graph_of({node("Mul", {"x", "c"}, {"a"}), node("Pow", {"a", "two"}, {"y"})})), kOne);
  EXPECT_EQ(pass(graph_of({node("Mul", {"x", "c"}, {"a"}), node("Clip", {"a", "low", "high"}, {"y"})})),
            kOne);
}

TEST(FuseElementwise, TakesTreesOfSeveralInputs) {
  EXPECT_EQ(pass(graph_of({node("Mul", {"x", "c"}, {"a"}), node("Add", {"a", "noise"}, {"b"}),
                           node("Add", {"b", "channel"}, {"d"}), node("LeakyRelu", {"d"}, {"e"}),
                           node("Sub", {"z", "row"}, {"f"}), node("Mul", {"f", "e"}, {"y"})})),
            kOne);
  // x + 1.5 twelve times, and a tree that is wider than one node's inputs.
  std::vector<onnx::Node> chain;
  for (int i = 0; i < 12; ++i)
    chain.push_back(node("Add", {i ? cat("v", i - 1) : "x", "c"}, {i == 11 ? "y" : cat("v", i)}));
  EXPECT_EQ(pass(graph_of(chain)), kOne);
  EXPECT_EQ(pass(graph_of({node("Mul", {"x", "z"}, {"a"}), node("Add", {"x", "row"}, {"b"}),
                           node("Sub", {"z", "noise"}, {"d"}), node("Div", {"channel", "z"}, {"e"}),
                           node("Mul", {"a", "b"}, {"f"}), node("Mul", {"d", "e"}, {"h"}),
                           node("Add", {"f", "h"}, {"y"})})),
            kOne);
}

// Images so large that a channel's number is one number throughout a piece of the loop.
TEST(FuseElementwise, TakesNumbersOfChannels) {
  const std::vector<std::vector<onnx::Node>> graphs = {
      {node("Mul", {"x", "channel"}, {"a"}), node("Sub", {"channel", "a"}, {"b"}), node("Relu", {"b"}, {"d"}),
       node("Div", {"d", "channel"}, {"y"})},
      {node("Neg", {"channel"}, {"a"}), node("Mul", {"x", "a"}, {"b"}), node("Add", {"b", "noise"}, {"y"})},
      {node("Mul", {"channel", "c"}, {"a"}), node("Sub", {"x", "a"}, {"b"}),
       node("Add", {"b", "row"}, {"y"})},
      {node("Mul", {"channel", "channel"}, {"a"}), node("Sub", {"z", "a"}, {"b"}),
       node("Abs", {"b"}, {"y"})}};
  for (const auto& nodes : graphs) {
    const Inputs small = inputs_of(2, 64), large = inputs_of(90, 64), odd = inputs_of(90, 61);
    expect_same(graph_of(nodes), fuse_elementwise, 1, {small, large, odd}, {.nan = true});
  }
}

TEST(FuseElementwise, LeavesWhatOthersReadAndSmallerResults) {
  EXPECT_EQ(pass(graph_of({node("Neg", {"x"}, {"a"}), node("Abs", {"a"}, {"y"})}, {"y", "a"}), 0),
            (Names{"Neg", "Abs"}));
  EXPECT_EQ(pass(graph_of({node("Neg", {"x"}, {"a"}), node("Abs", {"a"}, {"b"}), node("Exp", {"a"}, {"d"}),
                           node("Add", {"b", "d"}, {"y"})})),
            (Names{"Neg", "onward.Elementwise"}));
  EXPECT_EQ(pass(graph_of({node("Neg", {"row"}, {"a"}), node("Add", {"x", "a"}, {"y"})}), 0),
            (Names{"Neg", "Add"}));
  EXPECT_EQ(pass(graph_of({node("Neg", {"x"}, {"a"}), node("Add", {"a", "wide"}, {"y"})}), 0),
            (Names{"Neg", "Add"}))
      << "a constant that adds an axis";
  EXPECT_EQ(pass(graph_of({node("Softmax", {"x"}, {"a"}), node("Neg", {"a"}, {"y"})}), 0),
            (Names{"Softmax", "Neg"}));
}

}  // namespace
}  // namespace ow
