// Indices that are expanded for GatherElements: the graph means the same without the Expand.
#include <gtest/gtest.h>

#include <numeric>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

// x [2,3,5]; index of `dims` with numbers below 2 -> Expand to `to` -> GatherElements along `axis`.
Names pass(std::vector<int64_t> dims, std::vector<int64_t> to, int64_t axis, int changes) {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  std::vector<int64_t> index;
  for (int64_t i = 0; i < count; ++i) index.push_back(i % 3 == 2 ? -1 : i % 2);
  std::vector<std::string> names;
  for (int64_t d : dims) names.push_back(cat(d));
  const auto g = graph(
      {value("x", kFloat, {"2", "3", "5"}), value("i", onnx::Tensor::INT64, names)}, {value("y", kFloat)},
      {node("Expand", {"i", "to"}, {"e"}), node("GatherElements", {"x", "e"}, {"y"}, {attr("axis", axis)})},
      {ints("to", to)});
  std::vector<float> x(30);
  std::iota(x.begin(), x.end(), 0.0f);
  const Inputs inputs = {Tensor::of<float>({2, 3, 5}, x), Tensor::of<int64_t>(Shape(dims), index)};
  return expect_same(g, fuse_expand, changes, {inputs}, {});
}

TEST(FuseExpand, AlongEveryAxis) {
  const std::vector<std::string> fused = {"onward.GatherElements"};
  EXPECT_EQ(pass({2, 1, 4}, {2, 3, 4}, 2, 1), fused);
  EXPECT_EQ(pass({1, 1, 7}, {2, 3, 1}, 2, 1), fused);
  EXPECT_EQ(pass({2, 3, 1}, {1, 1, 9}, 2, 1), fused);
  EXPECT_EQ(pass({1, 4, 1}, {2, 4, 5}, 1, 1), fused);
  EXPECT_EQ(pass({3, 1, 1}, {1, 3, 5}, 0, 1), fused);
  EXPECT_EQ(pass({2, 3, 1}, {2, 3, 1}, 2, 1), fused);
}

TEST(FuseExpand, LeavesExpandThatAddsAxes) {
  EXPECT_EQ(pass({4}, {2, 3, 4}, 2, 0), (std::vector<std::string>{"Expand", "GatherElements"}));
}

}  // namespace
}  // namespace ow
