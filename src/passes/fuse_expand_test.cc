// Indices that are expanded for GatherElements: the graph means the same without the Expand.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "passes/import.h"
#include "passes/passes.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;

// x [2,3,5]; index of `dims` with numbers below 2 -> Expand to `to` -> GatherElements along `axis`.
std::vector<std::string> pass(std::vector<int64_t> dims, std::vector<int64_t> to, int64_t axis, int changes) {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  std::vector<int64_t> index;
  for (int64_t i = 0; i < count; ++i) index.push_back(i % 3 == 2 ? -1 : i % 2);
  std::vector<std::string> names;
  for (int64_t d : dims) names.push_back(cat(d));
  const auto g = graph(
      {value("x", onnx::Tensor::FLOAT, {"2", "3", "5"}), value("i", onnx::Tensor::INT64, names)},
      {value("y", onnx::Tensor::FLOAT)},
      {node("Expand", {"i", "to"}, {"e"}), node("GatherElements", {"x", "e"}, {"y"}, {attr("axis", axis)})},
      {ints("to", to)});
  auto before = import_model(*file(model(g))), after = import_model(*file(model(g)));
  EXPECT_TRUE(before.ok() && after.ok()) << before.status().message();
  if (!before.ok() || !after.ok()) return {};
  auto made = fuse_expand(*after->graph);
  EXPECT_TRUE(made.ok());
  if (made.ok()) EXPECT_EQ(*made, changes);
  EXPECT_TRUE(ir::verify(*after->graph).ok()) << ir::verify(*after->graph).message();
  std::vector<float> x;
  for (int i = 0; i < 30; ++i) x.push_back(static_cast<float>(i));
  const std::vector<Value> inputs = {Tensor::of<float>({2, 3, 5}, x),
                                     Tensor::of<int64_t>(Shape(dims), index)};
  auto want = evaluate(*before->graph, inputs), got = evaluate(*after->graph, inputs);
  EXPECT_TRUE(want.ok() && got.ok()) << want.status().message() << got.status().message();
  if (!want.ok() || !got.ok()) return {};
  const Tensor &a = *(*want)[0].tensor(), &b = *(*got)[0].tensor();
  EXPECT_EQ(a.shape(), b.shape());
  for (int64_t i = 0; i < a.count() && a.shape() == b.shape(); ++i)
    EXPECT_EQ(a.data<float>()[i], b.data<float>()[i]) << "element " << i;
  std::vector<std::string> out;
  for (const auto& n : after->graph->nodes())
    out.push_back(cat(n->domain, n->domain.empty() ? "" : ".", n->op_type));
  return out;
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
