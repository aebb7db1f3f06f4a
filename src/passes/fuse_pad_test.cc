// Padding nodes in front of convolutions and averages: the graph means the same without them.
#include <gtest/gtest.h>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;
using Pads = std::vector<int64_t>;

// x [N,3,H,W] -> Pad `pads` -> `reader`, which reads p (and w, [4,3,3,2]) and makes y.
Names pass(const Pads& pads, onnx::Node reader, int changes,
           onnx::Node pad = node("Pad", {"x", "pads"}, {"p"}), bool also_out = false) {
  auto g = graph({value("x", kFloat, {"N", "3", "H", "W"})}, {value("y", kFloat)},
                 {std::move(pad), std::move(reader)},
                 {ints("pads", pads), floats("one", {}, {1}), floats("zero", {}, {0}),
                  floats("w", {4, 3, 3, 2}, spread_numbers(72))});
  if (also_out) g.output.push_back(value("p", kFloat));
  return expect_same(g, fuse_pad, changes, {{spread({2, 3, 5, 7})}}, {.absolute = 1e-5f});
}

onnx::Node conv(std::vector<onnx::Attribute> attributes = {}) {
  return node("Conv", {"p", "w"}, {"y"}, std::move(attributes));
}
onnx::Node average(std::vector<onnx::Attribute> attributes = {}) {
  attributes.push_back(attr("kernel_shape", Pads{3, 2}));
  return node("AveragePool", {"p"}, {"y"}, std::move(attributes));
}

TEST(FusePad, IntoConvolutions) {
  const Names fused = {"Conv"};
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv(), 1), fused);
  EXPECT_EQ(
      pass({0, 0, 1, 0, 0, 0, 0, 5}, conv({attr("pads", Pads{2, 0, 1, 1}), attr("strides", Pads{2, 1})}), 1),
      fused);
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv({attr("auto_pad", "VALID")}), 1), fused);
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv(), 1, node("Pad", {"x", "pads", "zero"}, {"p"})), fused);
}

TEST(FusePad, IntoAverages) {
  const Names fused = {"AveragePool"};
  EXPECT_EQ(pass({0, 0, 1, 1, 0, 0, 2, 1}, average(), 1), fused);
  EXPECT_EQ(pass({0, 0, 1, 1, 0, 0, 2, 1},
                 average({attr("pads", Pads{1, 0, 0, 1}), attr("count_include_pad", int64_t{1})}), 1),
            fused);
}

TEST(FusePad, LeavesOtherPads) {
  const Names both = {"Pad", "Conv"}, pool = {"Pad", "AveragePool"};
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, -1}, conv(), 0), both);
  EXPECT_EQ(pass({1, 0, 1, 2, 0, 0, 3, 1}, conv(), 0), both);
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv({attr("auto_pad", "SAME_UPPER")}), 0), both);
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv(), 0, node("Pad", {"x", "pads", "one"}, {"p"})), both);
  EXPECT_EQ(
      pass({0, 0, 1, 2, 0, 0, 3, 4}, conv(), 0, node("Pad", {"x", "pads"}, {"p"}, {attr("mode", "edge")})),
      both);
  EXPECT_EQ(pass({0, 0, 1, 2, 0, 0, 3, 4}, conv(), 0, node("Pad", {"x", "pads"}, {"p"}), true), both);
  EXPECT_EQ(pass({0, 0, 1, 1, 0, 0, 2, 1}, average({attr("pads", Pads{1, 0, 0, 1})}), 0), pool);
  EXPECT_EQ(pass({0, 0, 1, 1, 0, 0, 2, 1},
                 average({attr("ceil_mode", int64_t{1}), attr("strides", Pads{2, 2})}), 0),
            pool);
  EXPECT_EQ(
      pass({0, 0, 1, 1, 0, 0, 2, 1}, node("MaxPool", {"p"}, {"y"}, {attr("kernel_shape", Pads{3, 2})}), 0),
      (Names{"Pad", "MaxPool"}));
}

}  // namespace
}  // namespace ow
