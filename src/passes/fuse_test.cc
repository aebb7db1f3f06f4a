// Fusions: what they take, what they must leave alone, and that a graph means the same before and after.
#include <gtest/gtest.h>

#include <random>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

std::vector<float> numbers(size_t n, unsigned seed, float low = -1) {
  std::mt19937 rng(seed);
  std::vector<float> out(n);
  for (float& v : out) v = low + static_cast<float>(rng() % 2000) / 1000;
  return out;
}

// x [2,4,5,5] -> a convolution `c` -> further nodes -> y.
onnx::Graph after_conv(std::vector<onnx::Node> nodes, onnx::Node conv = node("Conv", {"x", "w", "b"}, {"c"}),
                       std::vector<std::string> outputs = {"y"}) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2", "4", "5", "5"}), value("k", kFloat, {"4"})};
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.node.push_back(std::move(conv));
  for (auto& n : nodes) g.node.push_back(std::move(n));
  g.initializer = {floats("w", {4, 4, 3, 3}, numbers(144, 1)),
                   floats("b", {4}, numbers(4, 2)),
                   floats("scale", {4}, numbers(4, 3)),
                   floats("shift", {4}, numbers(4, 4)),
                   floats("mean", {4}, numbers(4, 5)),
                   floats("var", {4}, numbers(4, 6, .1f)),
                   floats("zero", {4}, {0, 0, 0, 0}),
                   floats("none", {4}, {-1, 1, 1, 1}),
                   floats("low", {}, {-.25f}),
                   floats("high", {}, {.5f}),
                   floats("wt", {4, 2, 3, 3}, numbers(72, 7))};
  return g;
}

Names pass(const onnx::Graph& g, Result<int> (*run)(ir::Graph&, MissedFusions*), int changes) {
  return expect_same(
      g, run, changes,
      {{Tensor::of<float>({2, 4, 5, 5}, numbers(200, 9)), Tensor::of<float>({4}, numbers(4, 10))}},
      {.absolute = 1e-4f, .relative = 1e-4f, .nan = true});
}

onnx::Node norm(std::vector<onnx::Attribute> attributes = {}, std::string scale = "scale",
                std::string var = "var") {
  return node("BatchNormalization", {"c", scale, "shift", "mean", var}, {"y"}, std::move(attributes));
}

TEST(FuseBatchNorm, IntoAnyConvolution) {
  EXPECT_EQ(pass(after_conv({norm({attr("epsilon", .01f)})}), fuse_batch_norm, 1), Names{"Conv"});
  EXPECT_EQ(pass(after_conv({norm()}, node("Conv", {"x", "w"}, {"c"})), fuse_batch_norm, 1), Names{"Conv"});
  EXPECT_EQ(pass(after_conv({norm()}, node("ConvTranspose", {"x", "w"}, {"c"})), fuse_batch_norm, 1),
            Names{"ConvTranspose"});
  EXPECT_EQ(pass(after_conv({norm()}, node("ConvTranspose", {"x", "wt"}, {"c"}, {attr("group", int64_t{2})})),
                 fuse_batch_norm, 1),
            Names{"ConvTranspose"});
}

TEST(FuseBatchNorm, LeavesWhatItCannotTakeOver) {
  const Names both = {"Conv", "BatchNormalization"};
  EXPECT_EQ(pass(after_conv({norm({}, "k")}), fuse_batch_norm, 0), both) << "a scale that is no constant";
  EXPECT_EQ(
      pass(after_conv({norm({attr("epsilon", 0.f)}, "scale", "zero")}, node("Conv", {"x", "w", "b"}, {"c"})),
           fuse_batch_norm, 0),
      both)
      << "a scale that is not finite";
  EXPECT_EQ(pass(after_conv({norm()}, node("Conv", {"x", "w", "b"}, {"c"}), {"y", "c"}), fuse_batch_norm, 0),
            both)
      << "the convolution's own result is an output";
  EXPECT_EQ(
      pass(after_conv({norm(), node("Relu", {"c"}, {"r"})}, node("Conv", {"x", "w", "b"}, {"c"}), {"y", "r"}),
           fuse_batch_norm, 0),
      (Names{"Conv", "BatchNormalization", "Relu"}))
      << "somebody else reads it";
  EXPECT_EQ(pass(after_conv({norm()}, node("Conv", {"x", "w", "k"}, {"c"})), fuse_batch_norm, 0), both)
      << "a bias that is no constant";
}

const Names kFused = {"onward.Conv"};

TEST(FuseActivation, TakesEachActivation) {
  for (const char* name : {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid"})
    EXPECT_EQ(pass(after_conv({node(name, {"c"}, {"y"})}), fuse_activation, 1), kFused) << name;
  for (const char* name : {"Relu", "Sigmoid"})
    EXPECT_EQ(pass(after_conv({node(name, {"c"}, {"y"})}, node("ConvTranspose", {"x", "w"}, {"c"})),
                   fuse_activation, 1),
              Names{"onward.ConvTranspose"});
  EXPECT_EQ(pass(after_conv({node("LeakyRelu", {"c"}, {"y"}, {attr("alpha", .3f)})}), fuse_activation, 1),
            kFused);
  EXPECT_EQ(pass(after_conv({node("Clip", {"c", "low", "high"}, {"y"})}), fuse_activation, 1), kFused);
  EXPECT_EQ(pass(after_conv({node("Clip", {"c", "", "high"}, {"y"})}), fuse_activation, 1), kFused);
  EXPECT_EQ(
      pass(after_conv({node("Sigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})}), fuse_activation, 1),
      kFused);
  EXPECT_EQ(
      pass(after_conv({node("Sigmoid", {"c"}, {"s"}), node("Mul", {"s", "c"}, {"y"})}), fuse_activation, 1),
      kFused);
  EXPECT_EQ(pass(after_conv({node("HardSigmoid", {"c"}, {"s"}, {attr("alpha", 1.f / 6)}),
                             node("Mul", {"c", "s"}, {"y"})}),
                 fuse_activation, 1),
            kFused);
}

TEST(FuseActivation, LeavesWhatOnlyLooksLikeOne) {
  const auto stays = [](std::vector<onnx::Node> nodes, std::vector<std::string> outputs = {"y"}) {
    Names expected = {"Conv"};
    for (const auto& n : nodes) expected.emplace_back(*n.op_type);
    const auto g = after_conv(std::move(nodes), node("Conv", {"x", "w", "b"}, {"c"}), std::move(outputs));
    EXPECT_EQ(pass(g, fuse_activation, 0), expected);
  };
  stays({node("Exp", {"c"}, {"y"})});
  stays({node("Relu", {"c"}, {"y"})}, {"y", "c"});
  stays({node("Relu", {"c"}, {"y"}), node("Neg", {"c"}, {"n"})}, {"y", "n"});
  stays({node("Sigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})}, {"y", "s"});
  stays({node("Sigmoid", {"c"}, {"s"}), node("Add", {"c", "s"}, {"y"})});
  stays({node("Mul", {"c", "c"}, {"y"})});
  stays({node("HardSigmoid", {"c"}, {"s"}), node("Mul", {"c", "s"}, {"y"})});
  stays({node("ReduceMax", {"k"}, {"top"}, {attr("keepdims", int64_t{0})}),
         node("Clip", {"c", "low", "top"}, {"y"})});
}

onnx::Node conv(const char* x, const char* y) {
  return node("Conv", {x, "w", "b"}, {y}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
}

TEST(FuseResidual, TakesTheSumAndTheActivationBehindIt) {
  const auto tail = [](std::vector<onnx::Node> nodes) {
    return after_conv(std::move(nodes), conv("x", "c"));
  };
  EXPECT_EQ(pass(tail({node("Add", {"c", "x"}, {"y"})}), fuse_residual, 1), kFused);
  EXPECT_EQ(pass(tail({node("Add", {"x", "c"}, {"s"}), node("Relu", {"s"}, {"y"})}), fuse_residual, 1),
            kFused);
  EXPECT_EQ(pass(tail({node("Add", {"c", "x"}, {"s"}), node("Sigmoid", {"s"}, {"g"}),
                       node("Mul", {"s", "g"}, {"y"})}),
                 fuse_residual, 1),
            kFused);
}

TEST(FuseResidual, AnActivatedConvolutionAddsLast) {
  const auto both = [](ir::Graph& g, MissedFusions* missed) -> Result<int> {
    const int first = ONWARD_TRY(fuse_activation(g, missed));
    return first + ONWARD_TRY(fuse_residual(g, missed));
  };
  const auto g = after_conv({node("Relu", {"c"}, {"r"}), node("Add", {"r", "x"}, {"y"})}, conv("x", "c"));
  EXPECT_EQ(pass(g, both, 2), Names{"onward.ConvThenAdd"});
  const auto twice =
      after_conv({node("Relu", {"c"}, {"r"}), node("Add", {"r", "x"}, {"s"}), node("Relu", {"s"}, {"y"})},
                 conv("x", "c"));
  EXPECT_EQ(pass(twice, both, 2), (Names{"onward.ConvThenAdd", "Relu"}));
}

TEST(FuseResidual, TheLaterConvolutionTakesTheEarlierOnesResult) {
  const auto g = after_conv({conv("x", "d"), node("Add", {"c", "d"}, {"s"}), node("Relu", {"s"}, {"y"})},
                            conv("x", "c"));
  EXPECT_EQ(pass(g, fuse_residual, 1), (Names{"Conv", "onward.Conv"}));
  // A chain of blocks, each of whose sums is the next one's residual.
  const auto chain =
      after_conv({node("Add", {"c", "x"}, {"s"}), conv("s", "d"), node("Add", {"s", "d"}, {"t"}),
                  conv("t", "e"), node("Add", {"e", "t"}, {"y"})},
                 conv("x", "c"));
  EXPECT_EQ(pass(chain, fuse_residual, 3), (Names{"onward.Conv", "onward.Conv", "onward.Conv"}));
}

TEST(FuseResidual, LeavesWhatItCannotTakeOver) {
  const auto stays = [](std::vector<onnx::Node> nodes, std::vector<std::string> outputs = {"y"}) {
    Names expected = {"Conv"};
    for (const auto& n : nodes) expected.emplace_back(*n.op_type);
    EXPECT_EQ(pass(after_conv(std::move(nodes), conv("x", "c"), std::move(outputs)), fuse_residual, 0),
              expected);
  };
  stays({node("Add", {"c", "low"}, {"y"})});                           // a number
  stays({node("Add", {"c", "c"}, {"y"})});                             // twice itself
  stays({node("Add", {"c", "x"}, {"y"})}, {"y", "c"});                 // somebody else wants it
  stays({node("Neg", {"x"}, {"n"}), node("Add", {"c", "n"}, {"y"})});  // made after the convolution
  stays({node("Sub", {"c", "x"}, {"y"})});
  stays({node("ReduceMax", {"x"}, {"m"}), node("Add", {"c", "m"}, {"y"})});  // broadcast
}

// x [2,4,5,5] -> nodes -> y, with constants.
onnx::Graph chain(std::vector<onnx::Node> nodes) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2", "4", "5", "5"}), value("k", kFloat, {"4"})};
  g.output = {value("y", kFloat)};
  g.node = std::move(nodes);
  g.initializer = {floats("half", {}, {.5f}),
                   floats("two", {1}, {2}),
                   floats("one", {}, {1}),
                   floats("three", {}, {3}),
                   floats("root2", {}, {1.41421356f}),
                   floats("over", {}, {.70710678f}),
                   floats("root", {}, {.7978845608f}),
                   floats("small", {}, {.044715f}),
                   floats("eps", {}, {1e-5f}),
                   ints("last", {-1}),
                   ints("two_last", {2, 3}),
                   ints("first", {1}),
                   ints("rows", {5, -1}),
                   floats("w5", {5}, numbers(5, 1)),
                   floats("b5", {5}, numbers(5, 2)),
                   floats("w55", {5, 5}, numbers(25, 3)),
                   floats("m", {5, 3}, numbers(15, 4)),
                   floats("row", {3}, numbers(3, 5)),
                   floats("square", {5, 5}, numbers(25, 6)),
                   floats("wide", {1, 1, 1, 5}, numbers(5, 7))};
  return g;
}

TEST(FuseGelu, TakesEachForm) {
  const Names gelu = {"Gelu"};
  const auto erf = [](std::vector<onnx::Node> head, std::vector<onnx::Node> tail) {
    head.push_back(node("Erf", {"a"}, {"e"}));
    head.push_back(node("Add", {"e", "one"}, {"p"}));
    for (auto& n : tail) head.push_back(std::move(n));
    return chain(std::move(head));
  };
  const auto div = node("Div", {"x", "root2"}, {"a"});
  EXPECT_EQ(
      pass(erf({div}, {node("Mul", {"x", "p"}, {"q"}), node("Mul", {"q", "half"}, {"y"})}), fuse_gelu, 1),
      gelu);
  EXPECT_EQ(pass(erf({node("Mul", {"over", "x"}, {"a"})},
                     {node("Mul", {"p", "x"}, {"q"}), node("Div", {"q", "two"}, {"y"})}),
                 fuse_gelu, 1),
            gelu);
  EXPECT_EQ(
      pass(erf({node("Mul", {"x", "half"}, {"h"}), div}, {node("Mul", {"h", "p"}, {"y"})}), fuse_gelu, 1),
      gelu);
  EXPECT_EQ(
      pass(erf({div}, {node("Mul", {"p", "half"}, {"q"}), node("Mul", {"x", "q"}, {"y"})}), fuse_gelu, 1),
      gelu);
  EXPECT_EQ(pass(chain({node("Pow", {"x", "three"}, {"c"}), node("Mul", {"c", "small"}, {"d"}),
                        node("Add", {"x", "d"}, {"s"}), node("Mul", {"s", "root"}, {"a"}),
                        node("Tanh", {"a"}, {"t"}), node("Add", {"t", "one"}, {"p"}),
                        node("Mul", {"half", "x"}, {"h"}), node("Mul", {"h", "p"}, {"y"})}),
                 fuse_gelu, 1),
            gelu);
  EXPECT_EQ(pass(chain({node("Mul", {"x", "x"}, {"sq"}), node("Mul", {"x", "sq"}, {"c"}),
                        node("Mul", {"small", "c"}, {"d"}), node("Add", {"d", "x"}, {"s"}),
                        node("Mul", {"root", "s"}, {"a"}), node("Tanh", {"a"}, {"t"}),
                        node("Add", {"one", "t"}, {"p"}), node("Mul", {"x", "p"}, {"q"}),
                        node("Mul", {"half", "q"}, {"y"})}),
                 fuse_gelu, 1),
            gelu);
}

TEST(FuseGelu, LeavesOtherFactors) {
  const auto with = [](const char* factor, const char* plus, const char* last) {
    return chain({node("Div", {"x", factor}, {"a"}), node("Erf", {"a"}, {"e"}),
                  node("Add", {"e", plus}, {"p"}), node("Mul", {"x", "p"}, {"q"}),
                  node("Mul", {"q", last}, {"y"})});
  };
  EXPECT_EQ(pass(with("two", "one", "half"), fuse_gelu, 0).size(), 5u);
  EXPECT_EQ(pass(with("root2", "half", "half"), fuse_gelu, 0).size(), 5u);
  EXPECT_EQ(pass(with("root2", "one", "one"), fuse_gelu, 0).size(), 5u);
}

std::vector<onnx::Node> layer_norm(const char* axes, const char* scale, const char* bias, bool power) {
  return {node("ReduceMean", {"x", axes}, {"mean"}),
          node("Sub", {"x", "mean"}, {"d"}),
          power ? node("Pow", {"d", "two"}, {"sq"}) : node("Mul", {"d", "d"}, {"sq"}),
          node("ReduceMean", {"sq", axes}, {"var"}),
          node("Add", {"var", "eps"}, {"v"}),
          node("Sqrt", {"v"}, {"s"}),
          node("Div", {"d", "s"}, {"n"}),
          node("Mul", {"n", scale}, {"m1"}),
          node("Add", {"m1", bias}, {"y"})};
}

TEST(FuseLayerNorm, TakesTheLastAxes) {
  EXPECT_EQ(pass(chain(layer_norm("last", "w5", "b5", true)), fuse_layer_norm, 1),
            Names{"LayerNormalization"});
  EXPECT_EQ(pass(chain(layer_norm("last", "w5", "b5", false)), fuse_layer_norm, 1),
            Names{"LayerNormalization"});
  EXPECT_EQ(pass(chain(layer_norm("two_last", "w55", "w55", true)), fuse_layer_norm, 1),
            Names{"LayerNormalization"});
  // A bias of another shape is added behind.
  EXPECT_EQ(pass(chain(layer_norm("last", "w5", "one", true)), fuse_layer_norm, 1),
            (Names{"LayerNormalization", "Add"}));
}

TEST(FuseLayerNorm, LeavesOtherAxesAndScales) {
  EXPECT_EQ(pass(chain(layer_norm("first", "w5", "b5", true)), fuse_layer_norm, 0).size(), 9u);
  EXPECT_EQ(pass(chain(layer_norm("last", "one", "b5", true)), fuse_layer_norm, 0).size(), 9u);
  EXPECT_EQ(pass(chain(layer_norm("two_last", "w5", "b5", true)), fuse_layer_norm, 0).size(), 9u);
}

// x / root or x * (1 / root) in the forms that PyTorch exports, of the last axes.
std::vector<onnx::Node> root_mean_square(const char* axes, bool power, std::vector<onnx::Node> tail) {
  std::vector<onnx::Node> nodes = {
      power ? node("Pow", {"x", "two"}, {"sq"}) : node("Mul", {"x", "x"}, {"sq"}),
      node("ReduceMean", {"sq", axes}, {"ms"}), node("Add", {"eps", "ms"}, {"v"}),
      node("Sqrt", {"v"}, {"s"})};
  nodes.insert(nodes.end(), tail.begin(), tail.end());
  return nodes;
}

TEST(FuseLayerNorm, RootMeanSquare) {
  const Names fused = {"RMSNormalization"};
  const auto div = node("Div", {"x", "s"}, {"n"}), reciprocal = node("Reciprocal", {"s"}, {"r"}),
             one = node("Div", {"one", "s"}, {"r"}), product = node("Mul", {"x", "r"}, {"n"}),
             scale = node("Mul", {"w5", "n"}, {"y"});
  EXPECT_EQ(pass(chain(root_mean_square("last", true, {div, scale})), fuse_layer_norm, 1), fused);
  EXPECT_EQ(pass(chain(root_mean_square("last", false, {one, product, scale})), fuse_layer_norm, 1), fused);
  EXPECT_EQ(pass(chain(root_mean_square("last", true, {reciprocal, product, scale})), fuse_layer_norm, 1),
            fused);
  EXPECT_EQ(pass(chain(root_mean_square("two_last", true, {div, node("Mul", {"n", "w55"}, {"y"})})),
                 fuse_layer_norm, 1),
            fused);
  // A scale that does not lie over those axes is multiplied with behind.
  EXPECT_EQ(
      pass(chain(root_mean_square("last", true, {div, node("Mul", {"n", "x"}, {"y"})})), fuse_layer_norm, 1),
      (Names{"RMSNormalization", "Mul"}));
  EXPECT_EQ(pass(chain(root_mean_square("last", true, {node("Div", {"x", "s"}, {"y"})})), fuse_layer_norm, 1),
            fused);
}

TEST(FuseLayerNorm, LeavesOtherRoots) {
  const auto div = node("Div", {"x", "s"}, {"n"}), scale = node("Mul", {"w5", "n"}, {"y"});
  EXPECT_EQ(pass(chain(root_mean_square("first", true, {div, scale})), fuse_layer_norm, 0).size(), 6u);
  const auto two = node("Div", {"two", "s"}, {"r"});
  EXPECT_EQ(
      pass(chain(root_mean_square("last", true, {two, node("Mul", {"x", "r"}, {"y"})})), fuse_layer_norm, 0)
          .size(),
      6u);
  const auto other = node("Div", {"sq", "s"}, {"y"});  // not what was squared
  EXPECT_EQ(pass(chain(root_mean_square("last", true, {other})), fuse_layer_norm, 0).size(), 5u);
}

// The mean taken off, by the reciprocal of the root.
TEST(FuseLayerNorm, TimesTheReciprocal) {
  auto nodes = layer_norm("last", "w5", "b5", true);
  nodes[6] = node("Reciprocal", {"s"}, {"r"});
  nodes.insert(nodes.begin() + 7, node("Mul", {"d", "r"}, {"n"}));
  EXPECT_EQ(pass(chain(nodes), fuse_layer_norm, 1), Names{"LayerNormalization"});
}

TEST(FuseMatMul, TakesBiasActivationAndSum) {
  const Names fused = {"onward.MatMul"};
  const auto bias = node("Add", {"p", "row"}, {"b"});
  EXPECT_EQ(
      pass(chain({node("MatMul", {"x", "m"}, {"p"}), node("Add", {"row", "p"}, {"y"})}), fuse_matmul, 1),
      fused);
  EXPECT_EQ(
      pass(chain({node("MatMul", {"x", "m"}, {"p"}), bias, node("Gelu", {"b"}, {"y"})}), fuse_matmul, 1),
      fused);
  EXPECT_EQ(pass(chain({node("MatMul", {"x", "m"}, {"p"}), node("Relu", {"p"}, {"y"})}), fuse_matmul, 1),
            fused);
  EXPECT_EQ(pass(chain({node("MatMul", {"x", "square"}, {"p"}), node("Add", {"p", "wide"}, {"b"}),
                        node("Add", {"x", "b"}, {"y"})}),
                 fuse_matmul, 1),
            fused);
  EXPECT_EQ(pass(chain({node("MatMul", {"x", "square"}, {"p"}), node("Add", {"p", "b5"}, {"b"}),
                        node("Tanh", {"b"}, {"t"}), node("Add", {"x", "t"}, {"y"})}),
                 fuse_matmul, 1),
            (Names{"onward.MatMul", "Add"}))
      << "a sum behind the activation stays";
}

// Whatever Gemm's own factors and whether C is a row or a whole matrix.
TEST(FuseMatMul, GemmTakesAnActivation) {
  const auto rows = node("Reshape", {"x", "rows"}, {"r"}), turned = node("Transpose", {"r"}, {"t"});
  const auto gemm = [](const char* w, const char* c) {
    return node(
        "Gemm", {"r", w, c}, {"g"},
        {attr("alpha", .5f), attr("beta", 2.0f), attr("transB", int64_t{1}), attr("transA", int64_t{1})});
  };
  const Names fused = {"Reshape", "Transpose", "onward.Gemm"};
  EXPECT_EQ(pass(chain({rows, gemm("square", "b5"), node("Relu", {"g"}, {"y"})}), fuse_matmul, 1),
            (Names{"Reshape", "onward.Gemm"}));
  EXPECT_EQ(
      pass(chain({rows, turned, gemm("square", "t"), node("LeakyRelu", {"g"}, {"y"}, {attr("alpha", .25f)})}),
           fuse_matmul, 1),
      fused);
  EXPECT_EQ(pass(chain({rows, turned, gemm("t", "one"), node("Sigmoid", {"g"}, {"s"}),
                        node("Mul", {"g", "s"}, {"y"})}),
                 fuse_matmul, 1),
            fused);
  EXPECT_EQ(pass(chain({rows, gemm("square", "b5"), node("Elu", {"g"}, {"y"})}), fuse_matmul, 0).size(), 3u);
}

TEST(FuseMatMul, LeavesWhatItCannotTakeOver) {
  EXPECT_EQ(
      pass(chain({node("MatMul", {"x", "x"}, {"p"}), node("Relu", {"p"}, {"y"})}), fuse_matmul, 0).size(),
      2u);
  EXPECT_EQ(
      pass(chain({node("MatMul", {"x", "square"}, {"p"}), node("Add", {"p", "w55"}, {"y"})}), fuse_matmul, 0)
          .size(),
      2u)
      << "a bias that differs from row to row";
  EXPECT_EQ(pass(chain({node("MatMul", {"x", "square"}, {"p"}), node("Neg", {"x"}, {"n"}),
                        node("Add", {"p", "n"}, {"y"})}),
                 fuse_matmul, 0)
                .size(),
            3u)
      << "a sum with what is made later";
}

// x [2,4,5,5] -> Reshape to `split` -> Transpose by `perm` -> Reshape to `back`.
onnx::Graph shuffle(std::vector<int64_t> split, std::vector<int64_t> perm, std::vector<int64_t> back) {
  onnx::Graph g = after_conv({});
  g.node = {node("Reshape", {"x", "split"}, {"s"}), node("Transpose", {"s"}, {"t"}, {attr("perm", perm)}),
            node("Reshape", {"t", "back"}, {"r"}), node("Neg", {"r"}, {"y"})};
  g.initializer = {ints("split", split), ints("back", back)};
  return g;
}

TEST(FuseChannelShuffle, FromItsParts) {
  const Names fused = {"onward.ChannelShuffle", "Neg"}, kept = {"Reshape", "Transpose", "Reshape", "Neg"};
  EXPECT_EQ(pass(shuffle({2, 2, 2, 5, 5}, {0, 2, 1, 3, 4}, {2, 4, 5, 5}), fuse_channel_shuffle, 1), fused);
  EXPECT_EQ(pass(shuffle({2, 4, -1, 5, 5}, {0, 2, 1, 3, 4}, {2, -1, 5, 5}), fuse_channel_shuffle, 1), fused);
  EXPECT_EQ(pass(shuffle({2, 2, 2, 5, 5}, {0, 1, 2, 4, 3}, {2, 4, 5, 5}), fuse_channel_shuffle, 0), kept);
  EXPECT_EQ(pass(shuffle({2, 2, 2, 5, 5}, {0, 2, 1, 3, 4}, {2, 4, 25, 1}), fuse_channel_shuffle, 0), kept);
  EXPECT_EQ(pass(shuffle({1, 2, 4, 5, 5}, {0, 2, 1, 3, 4}, {2, 4, 5, 5}), fuse_channel_shuffle, 0), kept);
}

}  // namespace
}  // namespace ow
