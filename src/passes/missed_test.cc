// Graphs that a fusion almost takes, and the one reason that it gives; those that it takes, and those that
// are something else, give none.
#include "passes/missed.h"

#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "passes/simplify.h"

namespace ow {
namespace {

using namespace test;
using Run = Result<int> (*)(ir::Graph&, MissedFusions*);
using Nodes = std::vector<onnx::Node>;

const std::vector<std::string> kImage = {"N", "4", "H", "W"};

// x and z [N,4,H,W], k [4], i [1,5] of int64, q and t and v of attention and its mask m; constants; nodes
// that make the outputs.
onnx::Graph graph_of(Nodes nodes, const std::vector<std::string>& outputs = {"y"}) {
  onnx::Graph g;
  g.input = {value("x", kFloat, kImage),
             value("z", kFloat, kImage),
             value("k", kFloat, {"4"}),
             value("d", onnx::Tensor::DOUBLE, kImage),
             value("e", kFloat, {"N", "7", "4"}),
             value("q", kFloat, {"B", "2", "L", "8"}),
             value("t", kFloat, {"B", "2", "8", "S"}),
             value("v", kFloat, {"B", "2", "S", "8"}),
             value("m", kFloat, {"L", "S"}),
             value("one_key", kFloat, {"L", "1"}),
             value("t2", kFloat, {"4", "S"}),
             value("v2", kFloat, {"S", "8"}),
             value("t3", kFloat, {"B", "8", "S"}),
             value("q3", kFloat, {"B", "L", "8"}),
             value("v3", kFloat, {"B", "S", "8"})};
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.node = std::move(nodes);
  g.initializer = {floats("w", {4, 4, 1, 1}, spread_numbers(16, 1)),
                   floats("window", {4, 1, 3, 3}, spread_numbers(36, 7)),
                   floats("b", {4}, spread_numbers(4, 2)),
                   floats("mean", {4}, spread_numbers(4, 3)),
                   floats("var", {4}, {1, 2, 3, 4}),
                   floats("matrix", {4, 4}, spread_numbers(16, 4)),
                   floats("matrices", {2, 8, 4}, spread_numbers(64, 4)),
                   floats("rows", {7, 4}, spread_numbers(28, 5)),
                   floats("channel", {4, 1, 1}, spread_numbers(4, 6)),
                   floats("half", {}, {.5f}),
                   floats("one", {}, {1}),
                   floats("two", {}, {2}),
                   floats("three", {}, {3}),
                   floats("root2", {}, {1.41421356f}),
                   floats("eps", {}, {1e-5f}),
                   ints("last", {-1}),
                   ints("channels", {1}),
                   ints("pads", {0, 0, 1, 1, 0, 0, 1, 1}),
                   ints("split", {0, 2, 2, 5, 5}),
                   ints("back", {0, 4, 5, 5})};
  return g;
}

// "output of the anchor: reason", of each.
std::vector<std::string> reasons(const onnx::Graph& g, Run pass) {
  auto imported = import_model(*file(model(g)));
  EXPECT_TRUE(imported.ok()) << imported.status().message();
  if (!imported.ok()) return {};
  MissedFusions missed;
  EXPECT_TRUE(pass(*imported->graph, &missed).ok());
  std::vector<std::string> out;
  for (const MissedFusion& m : missed.list()) out.push_back(cat(m.output, ": ", m.reason));
  return out;
}

void expect(Run pass, const onnx::Graph& g, const std::vector<std::string>& wanted = {}) {
  EXPECT_EQ(reasons(g, pass), wanted);
}
void expect(Run pass, Nodes nodes, const std::vector<std::string>& wanted = {}) {
  expect(pass, graph_of(std::move(nodes)), wanted);
}

onnx::Node conv(const char* x, const char* y) { return node("Conv", {x, "w"}, {y}); }

TEST(MissedFusions, Attention) {
  const auto softmax = node("Softmax", {"s"}, {"p"});
  const auto last = node("MatMul", {"p", "v"}, {"y"}), first = node("MatMul", {"q", "t"}, {"a"});
  const auto masked = [](const char* m) { return node("Add", {"a", m}, {"s"}); };
  expect(fuse_attention, {first, masked("m"), softmax, last});
  expect(fuse_attention, {first, masked("one_key"), softmax, last},
         {"y: the mask 'one_key' is float[L,1] and the scores with it float[B,2,L,S], expected a mask that "
          "leaves 'a', float[B,2,L,S], as large as they are"});
  expect(
      fuse_attention, {first, node("Max", {"a", "half"}, {"s"}), softmax, last},
      {"y: the scores 's' are made by Max node that makes 's', expected a MatMul, times a number, and a mask "
       "added to that"});
  expect(
      fuse_attention, graph_of({first, masked("m"), softmax, last}, {"y", "p"}),
      {"y: 'p' is read by MatMul node that makes 'y', and is an output of the graph; only MatMul node that "
       "makes 'y' may read it"});
  expect(fuse_attention, {node("MatMul", {"q3", "t3"}, {"s"}), softmax, node("MatMul", {"p", "v3"}, {"y"})});
  expect(fuse_attention, {node("MatMul", {"rows", "t2"}, {"s"}), softmax, node("MatMul", {"p", "v2"}, {"y"})},
         {"y: the attention weights 'p' are float[7,S], expected float of three or four axes"});
  expect(fuse_attention, {node("Softmax", {"e"}, {"p"}), node("MatMul", {"p", "matrix"}, {"y"})});  // a mean
}

TEST(MissedFusions, BatchNorm) {
  const auto norm = [](const char* scale, const char* x = "c") {
    return node("BatchNormalization", {x, scale, "b", "mean", "var"}, {"y"});
  };
  expect(fuse_batch_norm, {conv("x", "c"), norm("b")});
  expect(fuse_batch_norm, {conv("x", "c"), norm("k")}, {"y: its scale, 'k', is not constant"});
  expect(fuse_batch_norm, {node("Relu", {"x"}, {"r"}), norm("b", "r")},
         {"y: its input comes from Relu node that makes 'r', not from a convolution"});
  expect(fuse_batch_norm, graph_of({conv("x", "c"), norm("b"), node("Relu", {"c"}, {"r"})}, {"y", "r"}),
         {"y: 'c' is read by 2 nodes: BatchNormalization node that makes 'y', Relu node that makes 'r'; only "
          "the "
          "normalisation may read it"});
}

TEST(MissedFusions, Gelu) {
  const auto with = [](const char* divisor, const char* plus, const char* last) {
    return Nodes{node("Div", {"x", divisor}, {"a"}), node("Erf", {"a"}, {"f"}),
                 node("Add", {"f", plus}, {"p"}), node("Mul", {"x", "p"}, {"h"}),
                 node("Mul", {"h", last}, {"y"})};
  };
  expect(fuse_gelu, with("root2", "one", "half"));
  expect(fuse_gelu, with("two", "one", "half"),
         {"f: its argument is made by Div node that makes 'a', expected x / sqrt(2)"});
  expect(fuse_gelu, with("root2", "two", "half"),
         {"f: 'f' is read by Add node that makes 'p', expected its sum with the constant 1"});
  expect(fuse_gelu, with("root2", "one", "two"),
         {"f: x times its sum with 1 is read by Mul node that makes 'y', expected a product with 1/2"});
  expect(fuse_gelu, {node("Erf", {"x"}, {"y"})});
  expect(fuse_gelu, {node("Tanh", {"x"}, {"f"}), node("Add", {"f", "one"}, {"y"})});
}

TEST(MissedFusions, LayerNorm) {
  const auto with = [](const char* axes, const char* scale) {
    return Nodes{node("ReduceMean", {"e", axes}, {"u"}), node("Sub", {"e", "u"}, {"c"}),
                 node("Mul", {"c", "c"}, {"sq"}),        node("ReduceMean", {"sq", axes}, {"va"}),
                 node("Add", {"va", "eps"}, {"ve"}),     node("Sqrt", {"ve"}, {"r"}),
                 node("Div", {"c", "r"}, {"n"}),         node("Mul", {"n", scale}, {"y"})};
  };
  expect(fuse_layer_norm, with("last", "b"));
  expect(fuse_layer_norm, with("channels", "b"),
         {"n: the means are over axes [1] and axes [1] of float[N,7,4], expected the last axes of a known "
          "number, "
          "kept"});
  expect(fuse_layer_norm, with("last", "k"),
         {"n: the scale 'k' is not constant, but float[4]; expected a constant over the axes from 2 on of "
          "float[N,7,4]"});
  auto shared = graph_of(with("last", "b"), {"y", "n"});
  expect(
      fuse_layer_norm, shared,
      {"n: 'n' is read by Mul node that makes 'y', and is an output of the graph; only its product with the "
       "scale may read it"});
  const auto root = [](const char* axes, onnx::Node last) {
    return Nodes{node("Mul", {"e", "e"}, {"sq"}), node("ReduceMean", {"sq", axes}, {"va"}),
                 node("Add", {"va", "eps"}, {"ve"}), node("Sqrt", {"ve"}, {"r"}), std::move(last)};
  };
  expect(fuse_layer_norm, root("last", node("Div", {"e", "r"}, {"y"})));
  expect(fuse_layer_norm, root("channels", node("Div", {"e", "r"}, {"y"})),
         {"y: the mean is over axes [1] of float[N,7,4], expected the last axes of a known number, kept"});
  expect(fuse_layer_norm, root("last", node("Div", {"sq", "r"}, {"y"})),
         {"y: it divides 'sq', expected 'e'"});
  expect(fuse_layer_norm, root("last", node("Reciprocal", {"r"}, {"y"})),
         {"y: one by the root: 'y' is an output of the graph, expected its product with 'e'"});
  expect(fuse_layer_norm, {node("Sqrt", {"x"}, {"r"}), node("Div", {"z", "r"}, {"y"})});
}

TEST(MissedFusions, Activation) {
  expect(fuse_activation, {conv("x", "c"), node("Relu", {"c"}, {"y"})});
  expect(fuse_activation, {conv("x", "c"), node("Elu", {"c"}, {"y"})},
         {"c: the activation Elu node that makes 'y' has no form in the kernel of the node before it"});
  expect(fuse_activation, {conv("x", "c"), node("Sigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})});
  expect(
      fuse_activation,
      graph_of({conv("x", "c"), node("Sigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})}, {"y", "s"}),
      {"c: 's' is read by Mul node that makes 'y', and is an output of the graph; only Mul node that makes "
       "'y' "
       "may read it"});
  expect(
      fuse_activation, {conv("x", "c"), node("HardSigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})},
      {"c: HardSigmoid node that makes 's' has other factors than hard-swish: alpha is not 1/6, or beta not "
       "1/2"});
  expect(fuse_activation, {node("ConvTranspose", {"x", "w"}, {"c"}), node("Relu", {"c"}, {"y"})});
  expect(fuse_activation, {conv("x", "c"), node("Exp", {"c"}, {"y"})});
}

TEST(MissedFusions, Residual) {
  expect(fuse_residual, {conv("x", "c"), node("Add", {"c", "z"}, {"y"})});
  expect(
      fuse_residual, {conv("x", "c"), node("Add", {"c", "channel"}, {"y"})},
      {"c: what is added, 'channel', is a constant, float[4,1,1], expected in the bias of the convolution"});
  expect(fuse_residual, {conv("x", "c"), node("Neg", {"z"}, {"n"}), node("Add", {"c", "n"}, {"y"})},
         {"c: what is added, 'n', is made later, by Neg node that makes 'n'"});
  expect(fuse_residual, graph_of({conv("x", "c"), node("Add", {"c", "z"}, {"y"})}, {"y", "c"}),
         {"c: 'c' is read by Add node that makes 'y', and is an output of the graph; only Add node that "
          "makes 'y' "
          "may read it"});
  // The later convolution takes the sum; a shortcut is in memory anyway.
  expect(fuse_residual, {conv("x", "c"), conv("z", "a"), node("Add", {"c", "a"}, {"y"})});
  expect(fuse_residual, {conv("x", "c"), conv("c", "a"), node("Add", {"c", "a"}, {"y"})});
}

TEST(MissedFusions, Depthwise) {
  const auto depthwise = [](std::vector<onnx::Attribute> more = {}) {
    more.push_back(attr("group", int64_t{4}));
    return node("Conv", {"c", "window"}, {"y"}, std::move(more));
  };
  expect(fuse_depthwise, {conv("x", "c"), depthwise()});
  expect(fuse_depthwise, {conv("x", "c"), depthwise({attr("dilations", std::vector<int64_t>{2, 2})})},
         {"c: Conv node that makes 'y' is dilated, or takes pixels away at the edges"});
  expect(fuse_depthwise, graph_of({conv("x", "c"), depthwise()}, {"y", "c"}),
         {"c: 'c' is read by Conv node that makes 'y', and is an output of the graph; only the depthwise "
          "convolution may read it"});
  expect(fuse_depthwise, {conv("x", "c"), conv("c", "y")});
}

TEST(MissedFusions, MatMul) {
  const auto product = [](const char* w) { return node("MatMul", {"e", w}, {"c"}); };
  expect(fuse_matmul, {product("matrix"), node("Add", {"c", "b"}, {"y"})});
  expect(fuse_matmul, {product("matrix"), node("Add", {"c", "rows"}, {"y"})},
         {"c: the bias 'rows' is float[7,4], expected a row as long as those of 'matrix', float[4,4]"});
  expect(fuse_matmul, graph_of({node("MatMul", {"q", "matrices"}, {"c"}), node("Relu", {"c"}, {"y"})}),
         {"c: the weights 'matrices' are float[2,8,4], expected one matrix"});
  expect(fuse_matmul, {node("MatMul", {"q", "t"}, {"c"}), node("Add", {"c", "m"}, {"y"})});  // scores
  const auto gemm = node("Gemm", {"t2", "matrix", "b"}, {"c"}, {attr("transA", int64_t{1})});
  expect(fuse_matmul, {gemm, node("Relu", {"c"}, {"y"})});
  expect(fuse_matmul, {gemm, node("Elu", {"c"}, {"y"})},
         {"c: the activation Elu node that makes 'y' has no form in the kernel of the node before it"});
}

TEST(MissedFusions, PadShuffleAndExpand) {
  const auto pad = [](std::vector<onnx::Attribute> mode = {}) {
    return node("Pad", {"x", "pads"}, {"p"}, std::move(mode));
  };
  expect(fuse_pad, {pad(), conv("p", "y")});
  expect(fuse_pad, {pad({attr("mode", "edge")}), conv("p", "y")},
         {"p: it pads in mode edge, expected constant zeros"});
  expect(fuse_pad, {pad({attr("mode", "edge")}), node("Relu", {"p"}, {"y"})});
  const auto shuffle = [](const char* size) {
    auto g = graph_of({node("Reshape", {"x", "split"}, {"s"}),
                       node("Transpose", {"s"}, {"tr"}, {attr("perm", std::vector<int64_t>{0, 2, 1, 3, 4})}),
                       node("Reshape", {"tr", "back"}, {"y"})});
    g.input[0] = value("x", kFloat, {"N", size, "5", "5"});
    return g;
  };
  expect(fuse_channel_shuffle, shuffle("4"));
  expect(fuse_channel_shuffle, shuffle("C"),
         {"y: the result is float[N,4,5,5], expected that of the image, float[N,C,5,5]"});
}

TEST(MissedFusions, Elementwise) {
  expect(fuse_elementwise, {node("Add", {"x", "z"}, {"a"}), node("Relu", {"a"}, {"y"})});
  expect(fuse_elementwise,
         {node("Add", {"x", "z"}, {"a"}), node("Sigmoid", {"a"}, {"s"}), node("Mul", {"a", "s"}, {"y"})},
         {"y: 'a' is read by 2 nodes: Sigmoid node that makes 's', Mul node that makes 'y'; a chain takes in "
          "what "
          "is read once"});
  // It is in memory for the convolution anyway.
  expect(fuse_elementwise,
         graph_of({node("Add", {"x", "z"}, {"a"}), node("Relu", {"a"}, {"y"}), conv("a", "c")}, {"y", "c"}));
}

TEST(MissedFusions, OfTypesThatHaveNoKernel) {
  auto g = graph_of({node("Conv", {"d", "wd"}, {"c"}), node("Relu", {"c"}, {"y"})});
  g.output = {value("y", onnx::Tensor::DOUBLE)};
  g.initializer.push_back(
      tensor<double>("wd", onnx::Tensor::DOUBLE, {1, 4, 1, 1}, std::vector<double>{1, 2, 3, 4}));
  expect(fuse_activation, g, {"c: 'c' is double[N,1,H,W], expected float"});
}

TEST(MissedFusions, OfThePipelineByPass) {
  auto in = import_model(*file(model(graph_of({node("Pad", {"x", "pads"}, {"p"}, {attr("mode", "edge")}),
                                               conv("p", "c"), node("Elu", {"c"}, {"y"})}))));
  ASSERT_TRUE(in.ok());
  MissedFusions missed;
  ASSERT_TRUE(run_pipeline(*in->graph, Level::kFull, -1, {}, false, &missed).ok());
  ASSERT_EQ(missed.list().size(), 2u);
  EXPECT_EQ(missed.list()[0].pass, "pad");
  EXPECT_EQ(missed.list()[0].node, "Pad node that makes 'p'");
  EXPECT_EQ(missed.list()[1].pass, "activation");
  // Once more over the same graph: what was said before is replaced.
  ASSERT_TRUE(run_pipeline(*in->graph, Level::kFull, -1, {}, false, &missed).ok());
  EXPECT_EQ(missed.list().size(), 2u);
  MissedFusions basic;
  ASSERT_TRUE(run_pipeline(*in->graph, Level::kBasic, -1, {}, false, &basic).ok());
  EXPECT_TRUE(basic.list().empty());
}

TEST(MissedFusions, OfSimplifyAndWhyKept) {
  auto in = import_model(*file(
      model(graph_of({conv("x", "c"), node("BatchNormalization", {"c", "k", "b", "mean", "var"}, {"y"})}))));
  ASSERT_TRUE(in.ok());
  MissedFusions missed;
  ASSERT_TRUE(simplify(*in->graph, {.missed = &missed}).ok());
  ASSERT_EQ(missed.list().size(), 1u);
  EXPECT_EQ(why_kept(*in->graph->nodes().back(), missed), "its scale, 'k', is not constant");
}

// The form that got furthest speaks, the first one of several that got equally far.
TEST(Why, OneReasonAnAnchor) {
  auto in = import_model(*file(model(graph_of({node("Relu", {"x"}, {"y"})}))));
  ASSERT_TRUE(in.ok());
  const ir::Node& anchor = *in->graph->nodes().front();
  MissedFusions missed;
  Why why(&missed, anchor);
  why.no(1, "one");
  why.no(3, "three of ", anchor.input(0));
  why.no(3, "another three");
  why.no(2, "two");
  ASSERT_EQ(missed.list().size(), 1u);
  EXPECT_EQ(missed.list()[0].reason, "three of 'x'");
  EXPECT_EQ(missed.about(anchor), &missed.list()[0]);
  why.dismiss();
  EXPECT_TRUE(missed.list().empty());
  EXPECT_EQ(missed.about(anchor), nullptr);
}

TEST(MissedFusions, PartsAndPointwiseConvolutions) {
  const onnx::Node norm = node("BatchNormalization", {"x", "b", "b", "mean", "var"}, {"n"});
  expect(fuse_pointwise, graph_of({norm, node("Conv", {"n", "w"}, {"y"})}, {"y", "n"}),
         {"y: 'n' is read by Conv node that makes 'y', and is an output of the graph; only Conv node that "
          "makes 'y' may read it"});
  expect(fuse_pointwise, {node("Mul", {"x", "z"}, {"n"}), node("Conv", {"n", "w"}, {"y"})},
         {"y: the factors of Mul node that makes 'n' are float[N,4,H,W], expected one a channel of "
          "float[N,4,H,W]"});
  expect(make_views,
         {node("Split", {"x"}, {"s", "u"}, {attr("axis", int64_t{1}), attr("num_outputs", int64_t{2})}),
          node("Softmax", {"s"}, {"a"}), node("Add", {"a", "u"}, {"y"})},
         {"s: 's' is read by Softmax node that makes 'a', which takes a copy without gaps"});
}

}  // namespace
}  // namespace ow
