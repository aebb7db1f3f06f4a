// Products of a matrix with the channels of an image: the graph means the same before and after the pass, in
// every form that it takes over, and what it must leave alone stays.
#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

// q [N,6,8], z [N,128,H,W] (N 2, H 3, W 5), e [N,3,4H,4W], k [8,6], and nodes that make y.
onnx::Graph graph_of(std::vector<onnx::Node> nodes) {
  auto g = graph({value("q", kFloat, {"N", "6", "8"}), value("z", kFloat, {"N", "128", "3", "5"}),
                  value("e", kFloat, {"N", "3", "12", "20"}), value("k", kFloat, {"8", "6"})},
                 {value("y", kFloat)}, std::move(nodes));
  g.initializer = {ints("pads", {0, 0, 1, 1, 0, 0, 0, 0}),
                   ints("batch", {0, 0, 0, 0, 1, 0, 0, 0}),
                   floats("one", {}, {1}),
                   floats("w9", {2, 9, 1, 1}, spread_numbers(18, 4)),
                   floats("w6", {2, 6, 1, 1}, spread_numbers(12, 5)),
                   floats("b", {2}, {.5f, -.25f}),
                   floats("k3w", {8, 3}, spread_numbers(24, 9)),
                   floats("w3", {2, 6, 3, 3}, spread_numbers(108, 6)),
                   floats("wide", {5, 6, 1, 1}, spread_numbers(30, 7))};
  return g;
}

Names pass(const onnx::Graph& g, int changes = 1) {
  const Inputs inputs = {spread({2, 6, 8}, 1), spread({2, 128, 3, 5}, 2), spread({2, 3, 12, 20}, 3),
                         spread({8, 6}, 8)};
  return expect_same(g, fuse_channel_product, changes, {inputs}, {.absolute = 2e-5f});
}

onnx::Node einsum(const char* equation, const std::vector<std::string>& inputs, const char* to = "p") {
  return node("Einsum", inputs, {to}, {attr("equation", equation)});
}
// F [N,8,12,20] out of z.
std::vector<onnx::Node> image(const char* mode = "CRD") {
  return {node("DepthToSpace", {"z"}, {"s"}, {attr("blocksize", int64_t{4}), attr("mode", mode)}),
          node("Pad", {"s", "pads"}, {"d"}, {attr("mode", "edge")}),
          node("AveragePool", {"d"}, {"F"}, {attr("kernel_shape", std::vector<int64_t>{2, 2})})};
}
std::vector<onnx::Node> with(std::vector<onnx::Node> nodes, std::vector<onnx::Node> more) {
  for (auto& n : more) nodes.push_back(std::move(n));
  return nodes;
}

TEST(FuseChannelProduct, TakesAnyOrderOfTheMatrix) {
  const Names plain = {"DepthToSpace", "Pad", "AveragePool", "onward.ChannelProduct"};
  const Names turned = {"DepthToSpace", "Pad",       "AveragePool",
                        "Transpose",    "Unsqueeze", "onward.ChannelProduct"};
  EXPECT_EQ(pass(graph_of(with(image(), {einsum("bqc, bchw -> bqhw", {"q", "F"}, "y")}))), plain);
  EXPECT_EQ(pass(graph_of(with(image(), {einsum("nchw,nqc->nqhw", {"F", "q"}, "y")}))), plain);
  EXPECT_EQ(pass(graph_of(with(image(), {einsum("cq,bchw->bqhw", {"k", "F"}, "y")}))), turned);
}

TEST(FuseChannelProduct, FoldsTheConvolutionBehindIt) {
  const auto product = with(image(), {einsum("bqc,bchw->bqhw", {"q", "F"})});
  const Names steps = {"MatMul", "onward.ChannelProduct", "DepthToSpace", "Pad", "AveragePool"};
  auto expect = [&](std::vector<onnx::Node> behind, const Names& last) {
    Names want = steps;
    want.insert(want.end(), last.begin(), last.end());
    EXPECT_EQ(pass(graph_of(with(product, std::move(behind)))), want);
  };
  expect({node("Conv", {"p", "w6"}, {"y"})}, {});
  expect({node("Conv", {"p", "w6", "b"}, {"y"})}, {"Reshape", "Add"});
  for (const auto& order : {std::vector<std::string>{"p", "e"}, {"e", "p"}})
    expect({node("Concat", order, {"t"}, {attr("axis", int64_t{1})}), node("Conv", {"t", "w9", "b"}, {"y"})},
           {"Conv", "Add"});
}

TEST(FuseChannelProduct, MovesOnlyWhatTreatsChannelsAlike) {
  const auto conv = node("Conv", {"p", "w6"}, {"y"});
  const auto product = einsum("bqc,bchw->bqhw", {"q", "F"});
  EXPECT_EQ(pass(graph_of(with(image("DCR"), {product, conv}))),
            (Names{"DepthToSpace", "MatMul", "onward.ChannelProduct", "Pad", "AveragePool"}));
  auto ones = image();
  ones[1] = node("Pad", {"s", "pads", "one"}, {"d"});
  EXPECT_EQ(pass(graph_of(with(ones, {product, conv}))),
            (Names{"DepthToSpace", "Pad", "MatMul", "onward.ChannelProduct", "AveragePool"}));
  auto used = with(image(), {product, node("Conv", {"p", "w6"}, {"c"}), node("ReduceMax", {"F"}, {"m"}),
                             node("Add", {"c", "m"}, {"y"})});
  EXPECT_EQ(pass(graph_of(used)), (Names{"DepthToSpace", "Pad", "AveragePool", "MatMul",
                                         "onward.ChannelProduct", "ReduceMax", "Add"}))
      << "others read the image";
}

TEST(FuseChannelProduct, LeavesBlocksThatHaveNoKernel) {
  // 72 channels as 8 in blocks of 3 x 3 pixels.
  const auto conv = node("Conv", {"p", "w6"}, {"y"});
  auto g = graph_of({node("Slice", {"z", "from", "until", "axis"}, {"r"}),
                     node("DepthToSpace", {"r"}, {"F"}, {attr("blocksize", int64_t{3}), attr("mode", "CRD")}),
                     einsum("bqc,bchw->bqhw", {"q", "F"}), conv});
  for (const auto& [name, at] :
       std::vector<std::pair<std::string, int64_t>>{{"from", 0}, {"until", 72}, {"axis", 1}})
    g.initializer.push_back(ints(name, {at}));
  EXPECT_EQ(pass(g), (Names{"Slice", "DepthToSpace", "MatMul", "onward.ChannelProduct"}));
}

TEST(FuseChannelProduct, LeavesOtherConvolutionsAndEquations) {
  const auto product = with(image(), {einsum("bqc,bchw->bqhw", {"q", "F"})});
  for (const char* weights : {"w3", "wide"})
    EXPECT_EQ(pass(graph_of(with(product, {node("Conv", {"p", weights}, {"y"})}))),
              (Names{"DepthToSpace", "Pad", "AveragePool", "onward.ChannelProduct", "Conv"}));
  EXPECT_EQ(
      pass(graph_of({node("MatMul", {"q", "k3w"}, {"k3"}), einsum("bqc,bchw->bqhw", {"k3", "e"}, "y")}), 0)
          .back(),
      "Einsum")
      << "an image that nobody makes is planar";
  for (const char* equation : {"bqc,bchw->bhwq", "bqc,bchw->bqh", "bqc,bchw->bqhwc"})
    EXPECT_EQ(pass(graph_of(with(image(), {einsum(equation, {"q", "F"}, "y")})), 0).back(), "Einsum");
}

}  // namespace
}  // namespace ow
