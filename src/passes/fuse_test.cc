// Fusions: what they take, what they must leave alone, and that a graph means the same before and after.
#include <gtest/gtest.h>

#include <random>

#include "ops/op/evaluate.h"
#include "passes/import.h"
#include "passes/passes.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT;

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

std::vector<std::string> operators(const ir::Graph& g) {
  std::vector<std::string> out;
  for (const auto& n : g.nodes())
    out.push_back(n->domain.empty() ? n->op_type : cat(n->domain, ".", n->op_type));
  return out;
}
using Names = std::vector<std::string>;

// Runs the pass, holds the graph's results against those of the graph before, and returns its operators.
Names pass(const onnx::Graph& g, Result<int> (*run)(ir::Graph&), int changes) {
  auto before = import_model(*file(model(g))), after = import_model(*file(model(g)));
  EXPECT_TRUE(before.ok() && after.ok()) << before.status().message();
  if (!before.ok() || !after.ok()) return {};
  auto made = run(*after->graph);
  EXPECT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(*made, changes);
  EXPECT_TRUE(ir::verify(*after->graph).ok()) << ir::verify(*after->graph).message();
  const std::vector<Value> inputs = {Tensor::of<float>({2, 4, 5, 5}, numbers(200, 9)),
                                     Tensor::of<float>({4}, numbers(4, 10))};
  auto want = evaluate(*before->graph, inputs), got = evaluate(*after->graph, inputs);
  EXPECT_TRUE(want.ok() && got.ok()) << want.status().message() << got.status().message();
  for (size_t o = 0; want.ok() && got.ok() && o < want->size(); ++o) {
    const Tensor &a = *(*want)[o].tensor(), &b = *(*got)[o].tensor();
    EXPECT_EQ(a.shape(), b.shape());
    for (int64_t i = 0; i < a.count(); ++i) {
      const float x = a.data<float>()[i], y = b.data<float>()[i];
      if (!std::isfinite(x) && !std::isfinite(y)) continue;
      EXPECT_NEAR(x, y, 1e-4f * (1 + std::abs(x)));
    }
  }
  return operators(*after->graph);
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

}  // namespace
}  // namespace ow
