// Convolutions and the depthwise ones behind them: the graph means the same before and after the pass, and
// what has no such kernel stays.
#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

std::vector<onnx::Attribute> depthwise(std::vector<onnx::Attribute> more = {}) {
  more.push_back(attr("group", int64_t{10}));
  return more;
}
onnx::Attribute list(const char* name, std::vector<int64_t> values) { return attr(name, std::move(values)); }

// x [N,4,H,W] -> Conv `first` -> c [.., 10 channels] -> nodes -> y.
onnx::Graph graph_of(std::vector<onnx::Node> nodes,
                     onnx::Node first = node("Conv", {"x", "w1", "b"}, {"c"})) {
  nodes.insert(nodes.begin(), std::move(first));
  auto g = graph({value("x", kFloat, {"N", "4", "H", "W"}), value("free", kFloat, {"10", "1", "3", "3"})},
                 {value("y", kFloat)}, std::move(nodes));
  g.initializer = {floats("w1", {10, 4, 1, 1}, spread_numbers(40, 1)),
                   floats("w3", {10, 4, 3, 3}, spread_numbers(360, 2)),
                   floats("w10", {10, 10, 3, 3}, spread_numbers(900, 7)),
                   floats("b", {10}, spread_numbers(10, 3)),
                   floats("d3", {10, 1, 3, 3}, spread_numbers(90, 4)),
                   floats("d5", {10, 1, 5, 5}, spread_numbers(250, 5)),
                   floats("d35", {10, 1, 3, 5}, spread_numbers(150, 6))};
  return g;
}

Names pass(const onnx::Graph& g, int changes) {
  const auto inputs = [](const Shape& x) { return Inputs{spread(x, 1), spread({10, 1, 3, 3}, 8)}; };
  return expect_same(g, fuse_depthwise, changes, {inputs({1, 4, 7, 6}), inputs({2, 4, 21, 17})},
                     {.absolute = 1e-5f});
}

const Names kFused = {"onward.ConvDepthwise"};

TEST(FuseDepthwise, TakesBothWithTheirAttributes) {
  EXPECT_EQ(pass(graph_of({node("Conv", {"c", "d3"}, {"y"}, depthwise())}), 1), kFused);
  EXPECT_EQ(pass(graph_of({node("Conv", {"c", "d5", "b"}, {"y"},
                                depthwise({list("pads", {2, 1, 2, 3}), list("strides", {2, 2})}))}),
                 1),
            kFused);
  EXPECT_EQ(
      pass(graph_of({node("Conv", {"c", "d3"}, {"y"}, depthwise({attr("auto_pad", "SAME_UPPER")}))},
                    node("Conv", {"x", "w3"}, {"c"}, {list("strides", {2, 1}), list("pads", {1, 1, 1, 1})})),
           1),
      kFused);
}

TEST(FuseDepthwise, KeepsTheActivations) {
  const auto both = [](ir::Graph& g, MissedFusions* missed) -> Result<int> {
    const int activations = ONWARD_TRY(fuse_activation(g, missed));
    return activations + ONWARD_TRY(fuse_depthwise(g, missed));
  };
  const auto g = graph_of({node("LeakyRelu", {"c"}, {"r"}, {attr("alpha", .25f)}),
                           node("Conv", {"r", "d3"}, {"d"}, depthwise()), node("HardSwish", {"d"}, {"y"})});
  EXPECT_EQ(
      expect_same(g, both, 3, {{spread({2, 4, 9, 8}, 1), spread({10, 1, 3, 3}, 8)}}, {.absolute = 1e-5f}),
      kFused);
}

TEST(FuseDepthwise, LeavesOthers) {
  const auto kept = [](std::vector<onnx::Node> nodes) {
    for (const std::string& name : pass(graph_of(std::move(nodes)), 0))
      EXPECT_NE(name, "onward.ConvDepthwise");
  };
  kept({node("Conv", {"c", "d35"}, {"y"}, depthwise())});
  kept({node("Conv", {"c", "free"}, {"y"}, depthwise())});
  kept({node("Conv", {"c", "d3"}, {"y"}, depthwise({list("dilations", {2, 2})}))});
  kept({node("Conv", {"c", "d3"}, {"y"}, depthwise({list("strides", {2, 1})}))});
  kept({node("Conv", {"c", "d3"}, {"y"}, depthwise({list("pads", {1, -1, 1, 1})}))});
  kept({node("Conv", {"c", "d3"}, {"p"}, depthwise()), node("ReduceMax", {"c"}, {"m"}),
        node("Add", {"p", "m"}, {"y"})});
  // A 3x3 kernel over ten channels may go by Winograd's algorithm.
  kept({node("Relu", {"c"}, {"r"}), node("Conv", {"r", "w10"}, {"t"}, {list("pads", {2, 2, 2, 2})}),
        node("Conv", {"t", "d3"}, {"y"}, depthwise())});
}

}  // namespace
}  // namespace ow
