// Nodes of old opsets mean the same after their upgrade. Expected values are those of the old definitions,
// worked out by hand.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "ops/op/op.h"

namespace ow {
namespace {

// Runs `op` as written for schema version `since`, upgraded. Without `ranked`, nothing is known of the
// shapes.
std::vector<float> run_old(std::string_view op, int64_t since, ir::Attributes attributes,
                           std::vector<Tensor> inputs, bool ranked) {
  ir::Graph graph;
  std::vector<ir::Value*> arguments;
  for (const Tensor& t : inputs)
    arguments.push_back(graph.add_input(
        "", ir::Type::tensor(t.dtype(), ranked ? std::optional(symbolic(t.shape())) : std::nullopt)));
  ir::Node* node = graph.add_node(op, "", arguments, {"y"}, std::move(attributes));
  graph.add_output(node->output(0));
  Rewriter rewriter(graph, *node, since, [](ir::Node& n) { return infer_node(n); });
  Status status = find_op("", op)->upgrade(rewriter);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<Value> values(inputs.begin(), inputs.end());
  auto y = evaluate(graph, values);
  EXPECT_TRUE(y.ok()) << y.status().message();
  if (!y.ok()) return {};
  auto span = (*y)[0].tensor()->span<float>();
  return {span.begin(), span.end()};
}

Tensor of(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }

TEST(OldBroadcast, AxisAlignsTheFirstAxisOfB) {
  const Tensor a = of({1, 2, 3}, {0, 1, 2, 3, 4, 5}), b = of({2}, {10, 20});
  const std::vector<float> expected{10, 11, 12, 23, 24, 25};
  for (bool ranked : {true, false})
    for (int64_t axis : {1, -2})
      EXPECT_EQ(run_old("Add", 6, {{"broadcast", int64_t{1}}, {"axis", axis}}, {a, b}, ranked), expected)
          << "axis " << axis << (ranked ? "" : ", rank unknown");
}

TEST(OldBroadcast, WithoutAxisTheLastAxesAreMeant) {
  EXPECT_EQ(run_old("Sub", 1, {{"broadcast", int64_t{1}}}, {of({2, 2}, {1, 2, 3, 4}), of({2}, {1, 1})}, true),
            (std::vector<float>{0, 1, 2, 3}));
}

TEST(OldPRelu, OneSlopePerChannel) {
  const Tensor x = of({1, 2, 2}, {-1, 2, -3, 4}), slope = of({2}, {10, 100});
  for (bool ranked : {true, false})
    EXPECT_EQ(run_old("PRelu", 6, {}, {x, slope}, ranked), (std::vector<float>{-10, 2, -300, 4}));
}

TEST(OldClip, BoundsAreAttributes) {
  const Tensor x = of({3}, {-5, 0, 5});
  EXPECT_EQ(run_old("Clip", 6, {{"min", -1.0f}, {"max", 2.0f}}, {x}, true), (std::vector<float>{-1, 0, 2}));
  EXPECT_EQ(run_old("Clip", 6, {{"max", 2.0f}}, {x}, false), (std::vector<float>{-5, 0, 2}));
}

TEST(OldCast, NamesTheType) {
  EXPECT_EQ(run_old("Cast", 1, {{"to", std::string("FLOAT")}}, {of({1}, {3})}, true),
            (std::vector<float>{3}));
}

}  // namespace
}  // namespace ow
