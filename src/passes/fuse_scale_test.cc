// Constants behind products and convolutions: the graph means the same when the weights hold them.
#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;
using Nodes = std::vector<onnx::Node>;

// x [N,H,W,6], w takes its last axis to 4; image [N,6,H,W], k its channels to 4 by windows of 3 x 3.
onnx::Graph graph_of(Nodes nodes, const Names& outputs = {"y"}) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "H", "W", "6"}), value("image", kFloat, {"N", "6", "H", "W"}),
             value("z", kFloat, {"N", "4", "H", "W"}), value("f", kFloat, {"1"})};
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.node = std::move(nodes);
  g.initializer = {floats("w", {6, 4}, spread_numbers(24, 1)),
                   floats("k", {4, 6, 3, 3}, spread_numbers(216, 2)),
                   floats("b", {4}, spread_numbers(4, 3)),
                   floats("column", {4}, spread_numbers(4, 4)),
                   floats("channel", {4, 1, 1}, spread_numbers(4, 5)),
                   floats("channel4", {1, 4, 1, 1}, spread_numbers(4, 6)),
                   floats("line", {3, 1}, spread_numbers(3, 7)),
                   floats("plane", {3, 1, 1}, spread_numbers(3, 8)),
                   floats("number", {}, {0.75f}),
                   floats("huge", {}, {INFINITY})};
  return g;
}

Names pass(Nodes nodes, int changes, const Names& outputs = {"y"},
           Result<int> (*of)(ir::Graph&, MissedFusions*) = fuse_scale) {
  std::vector<Inputs> sets;
  for (const Shape& size : {Shape{2, 3, 5}, Shape{1, 3, 1}})
    sets.push_back({spread({size[0], size[1], size[2], 6}, 1), spread({size[0], 6, size[1], size[2]}, 2),
                    spread({size[0], 4, size[1], size[2]}, 3), spread({1}, 4)});
  return expect_same(graph_of(std::move(nodes), outputs), of, changes, sets,
                     {.absolute = 1e-5f, .nan = true});
}

const onnx::Node kProduct = node("MatMul", {"x", "w"}, {"p"});
const onnx::Node kTurn = node("Transpose", {"a"}, {"t"}, {attr("perm", std::vector<int64_t>{0, 3, 1, 2})});
onnx::Node conv(Names inputs = {"image", "k"}) {
  return node("Conv", std::move(inputs), {"c"}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
}

TEST(FuseScale, OfProducts) {
  EXPECT_EQ(pass({kProduct, node("Mul", {"p", "column"}, {"y"})}, 1), Names{"MatMul"});
  EXPECT_EQ(pass({kProduct, node("Mul", {"number", "p"}, {"y"})}, 1), Names{"MatMul"});
  EXPECT_EQ(pass({kProduct, node("Add", {"b", "p"}, {"a"}), node("Mul", {"a", "column"}, {"y"})}, 1),
            (Names{"MatMul", "Add"}));
  EXPECT_EQ(pass({kProduct, node("Add", {"p", "b"}, {"a"}), kTurn, node("Mul", {"channel", "t"}, {"y"})}, 1),
            (Names{"MatMul", "Add", "Transpose"}));
}

TEST(FuseScale, OfConvolutions) {
  const Names left = {"Conv"};
  EXPECT_EQ(pass({conv(), node("Mul", {"c", "channel"}, {"y"})}, 1), left);
  EXPECT_EQ(pass({conv({"image", "k", "b"}), node("Mul", {"c", "number"}, {"y"})}, 1), left);
  EXPECT_EQ(pass({conv(), node("Add", {"channel4", "c"}, {"y"})}, 1), left);
  EXPECT_EQ(pass({conv({"image", "k", "b"}), node("Add", {"c", "channel"}, {"d"}),
                  node("Mul", {"d", "channel4"}, {"e"}), node("Add", {"e", "number"}, {"y"})},
                 3),
            left);
  // Weights that the graph computes take no factor, but a bias.
  EXPECT_EQ(
      pass({node("Mul", {"k", "f"}, {"n"}), conv({"image", "n"}), node("Add", {"c", "channel"}, {"y"})}, 1),
      (Names{"Mul", "Conv"}));
}

TEST(FuseScale, LeavesWhatIsNoFactorOfTheWeights) {
  pass({kProduct, node("Mul", {"p", "plane"}, {"y"})}, 0);
  pass({kProduct, node("Mul", {"p", "column"}, {"y"})}, 0, {"y", "p"});
  pass({kProduct, node("Mul", {"p", "p"}, {"y"})}, 0);
  pass({kProduct, node("Mul", {"p", "huge"}, {"y"})}, 0);
  pass({kProduct, node("Identity", {"p"}, {"a"}), kTurn, node("Mul", {"t", "line"}, {"y"})}, 0);
  pass({kProduct, node("MatMul", {"x", "w"}, {"q"}), node("Mul", {"p", "column"}, {"y"})}, 0, {"y", "q"});
  pass({conv(), node("Mul", {"c", "line"}, {"y"})}, 0);
  pass({node("Mul", {"k", "f"}, {"n"}), conv({"image", "n"}), node("Mul", {"c", "channel"}, {"y"})}, 0);
}

// The sum with what has the other order of axes, in the product.
TEST(FuseScale, ASumBehindATranspose) {
  const onnx::Node bias = node("Add", {"p", "b"}, {"a"});
  EXPECT_EQ(pass({kProduct, bias, kTurn, node("Add", {"z", "t"}, {"y"})}, 1, {"y"}, fuse_matmul),
            (Names{"Transpose", "onward.MatMul", "Transpose"}));
  pass({kProduct, bias, kTurn, node("Add", {"channel", "t"}, {"y"})}, 1, {"y"}, fuse_matmul);
  pass({kProduct, bias, kTurn, node("Add", {"t", "t"}, {"y"})}, 1, {"y"}, fuse_matmul);
  pass({kProduct, bias, kTurn, node("Add", {"z", "t"}, {"y"})}, 1, {"y", "t"}, fuse_matmul);
}

}  // namespace
}  // namespace ow
