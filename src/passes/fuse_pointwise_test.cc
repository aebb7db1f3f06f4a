// What is done to the channels of an image before a convolution of single pixels: the graph means the same
// when the convolution does it.
#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;
using Nodes = std::vector<onnx::Node>;

// x and r [N,C,H,W], s [N,C,1,1]; w takes C channels to 5.
onnx::Graph graph_of(Nodes nodes, int64_t channels, std::vector<std::string> outputs = {"y"}) {
  const std::string c = std::to_string(channels);
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", c, "H", "W"}), value("s", kFloat, {"N", c, "1", "1"}),
             value("r", kFloat, {"N", "5", "H", "W"})};
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.node = std::move(nodes);
  const auto n = static_cast<size_t>(channels);
  std::vector<float> variance = spread_numbers(n, 9);
  for (float& v : variance) v = v * v + 0.1f;
  g.initializer = {floats("w", {5, channels, 1, 1}, spread_numbers(5 * n, 1)),
                   floats("w3", {5, channels, 3, 3}, spread_numbers(45 * n, 2)),
                   floats("b", {5}, spread_numbers(5, 3)),
                   floats("scale", {channels}, spread_numbers(n, 4)),
                   floats("bias", {channels}, spread_numbers(n, 5)),
                   floats("mean", {channels}, spread_numbers(n, 6)),
                   floats("var", {channels}, variance),
                   floats("one", {1, channels, 1, 1}, spread_numbers(n, 7)),
                   floats("wide", {1, 1, 1, 3}, spread_numbers(3, 8))};
  return g;
}

Names pass(Nodes nodes, int changes, int64_t channels = 7, std::vector<std::string> outputs = {"y"}) {
  std::vector<Inputs> sets;
  for (const Shape& size : {Shape{2, 1, 4, 3}, Shape{1, 1, 57, 33}, Shape{3, 1, 1, 1}})
    sets.push_back({spread({size[0], channels, size[2], size[3]}, 11), spread({size[0], channels, 1, 1}, 12),
                    spread({size[0], 5, size[2], size[3]}, 13)});
  if (nodes.front().input[1] == onnx::Text("wide")) sets.resize(1);
  return expect_same(graph_of(std::move(nodes), channels, std::move(outputs)), fuse_pointwise, changes, sets,
                     {.absolute = 2e-4f, .relative = 1e-4f});
}

const onnx::Node kNorm =
    node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, {"n"}, {attr("epsilon", 1e-3f)});

TEST(FusePointwise, NormalizationBefore) {
  // 300 channels of 57 x 33 pixels are more than one piece.
  for (int64_t channels : {7, 128, 300}) {
    EXPECT_EQ(pass({kNorm, node("Conv", {"n", "w", "b"}, {"y"})}, 1, channels),
              Names{"onward.PointwiseConv"});
    EXPECT_EQ(pass({kNorm, node("Conv", {"n", "w"}, {"y"})}, 1, channels), Names{"onward.PointwiseConv"});
  }
}

TEST(FusePointwise, FactorsOfTheChannels) {
  const Names fused = {"onward.PointwiseConv"};
  EXPECT_EQ(pass({node("Mul", {"x", "s"}, {"n"}), node("Conv", {"n", "w", "b"}, {"y"})}, 1), fused);
  EXPECT_EQ(pass({node("Mul", {"s", "x"}, {"n"}), node("Conv", {"n", "w"}, {"y"})}, 1, 128), fused);
  EXPECT_EQ(pass({node("Mul", {"x", "one"}, {"n"}), node("Conv", {"n", "w", "b"}, {"y"})}, 1), fused);
}

// The activations before and behind, and a sum, as the passes before this one leave them.
TEST(FusePointwise, WithActivationsAndASum) {
  const auto before = [](ir::Graph& g, MissedFusions* missed) -> Result<int> {
    ONWARD_TRY(fuse_activation(g));
    ONWARD_TRY(fuse_residual(g));
    return fuse_pointwise(g, missed);
  };
  for (const char* op : {"Relu", "Sigmoid", "LeakyRelu"}) {
    auto g = graph_of({kNorm, node(op, {"n"}, {"a"}), node("Conv", {"a", "w", "b"}, {"c"}),
                       node("Add", {"c", "r"}, {"d"}), node("Relu", {"d"}, {"y"})},
                      7);
    EXPECT_EQ(expect_same(g, before, 1,
                          {{spread({2, 7, 5, 9}, 1), spread({2, 7, 1, 1}, 2), spread({2, 5, 5, 9}, 3)}},
                          {.absolute = 1e-5f}),
              Names{"onward.PointwiseConv"});
  }
}

TEST(FusePointwise, LeavesTheRest) {
  const onnx::Node conv = node("Conv", {"n", "w"}, {"y"});
  pass({kNorm, conv}, 0, 7, {"y", "n"});
  pass({node("Mul", {"x", "wide"}, {"n"}), conv}, 0);
  pass({node("Mul", {"x", "x"}, {"n"}), conv}, 0);
  pass({kNorm, node("Conv", {"n", "w3"}, {"y"}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})})}, 0);
  pass({kNorm, node("Conv", {"n", "w"}, {"y"}, {attr("strides", std::vector<int64_t>{2, 2})})}, 0);
}

}  // namespace
}  // namespace ow
