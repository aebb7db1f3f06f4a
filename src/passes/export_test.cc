// Export: what is imported and written back means the same, under the names and at the opset that it had.
#include "passes/export.h"

#include <gmock/gmock.h>

#include "ops/op/evaluate.h"
#include "passes/simplify.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kBool = onnx::Tensor::BOOL;

struct Both {
  ImportedModel in;
  ExportedModel out;
  const onnx::Model& model() const { return out.file->model; }
  const onnx::Graph& graph() const { return *model().graph; }
};

Result<Both> round_trip(const onnx::Model& m, bool simplified) {
  Both b;
  b.in = ONWARD_TRY(import_model(ONWARD_TRY(file(m))));
  if (simplified) ONWARD_TRY(simplify(*b.in.graph));
  b.out = ONWARD_TRY(export_model(b.in));
  return b;
}

std::vector<float> run(const onnx::Model& m, std::vector<float> x) {
  auto imported = import_model(*file(m));
  EXPECT_TRUE(imported.ok()) << imported.status().message();
  const Value in = Tensor::of<float>({static_cast<int64_t>(x.size())}, x);
  auto out = evaluate(*imported->graph, std::vector<Value>{in});
  EXPECT_TRUE(out.ok()) << out.status().message();
  auto span = (*out)[0].tensor()->span<float>();
  return {span.begin(), span.end()};
}

onnx::Graph line(std::vector<onnx::Node> nodes) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N"})};
  g.output = {value("y", kFloat, {"N"})};
  g.node = std::move(nodes);
  return g;
}

TEST(Export, KeepsNamesTypesAndWhatTheModelSays) {
  onnx::Graph g = line({node("Mul", {"x", "two"}, {"t"}), node("Relu", {"t"}, {"y"})});
  g.initializer = {floats("two", {}, {2})};
  g.node[0].name = "scale";
  g.node[0].doc_string = "twice";
  onnx::Model m = model(g, 14, 8);
  m.producer_name = "someone";
  m.metadata_props.emplace_back().key = "k";
  const auto b = round_trip(m, false);
  ASSERT_TRUE(b.ok()) << b.status().message();
  EXPECT_EQ(b->graph().input[0].type->tensor_type->shape->dim[0].dim_param, "N");
  EXPECT_EQ(b->graph().initializer[0].name, "two");
  EXPECT_EQ(b->graph().node[0].name, "scale");
  EXPECT_EQ(b->graph().node[0].doc_string, "twice");
  EXPECT_EQ(b->graph().value_info[0].name, "t");
  EXPECT_EQ(b->model().producer_name, "someone");
  EXPECT_EQ(b->model().metadata_props[0].key, "k");
  EXPECT_THAT(run(b->model(), {1, -1}), ElementsAre(2, 0));
}

TEST(Export, TakesTheOldestOpsetThatMeansTheSame) {
  const auto opset = [](const onnx::Model& m) {
    const auto b = round_trip(m, false);
    EXPECT_TRUE(b.ok()) << b.status().message();
    return b.ok() ? *b->model().opset_import[0].version : 0;
  };
  // Relu of floats did not change since 6 and stays; Softmax-11 becomes Softmax-13; ReduceSum's axes moved
  // at 13.
  EXPECT_EQ(opset(model(line({node("Relu", {"x"}, {"y"})}), 14, 8)), 14);
  EXPECT_EQ(opset(model(line({node("Softmax", {"x"}, {"y"}, {attr("axis", int64_t{0})})}), 11, 6)), 13);
  EXPECT_EQ(
      opset(model(line({node("ReduceMean", {"x"}, {"y"}, {attr("axes", std::vector<int64_t>{0})})}), 13, 7)),
      18);
  onnx::Graph wide = line({node("Relu", {"x"}, {"y"})});
  EXPECT_EQ(opset(model(wide, 22, 10)), 22);
}

TEST(Export, OutputsThatAreInputsConstantsOrTwiceTheSameValue) {
  onnx::Graph g =
      line({node("Neg", {"x"}, {"a"}), node("Identity", {"a"}, {"y"}), node("Identity", {"a"}, {"z"}),
            node("Identity", {"x"}, {"same"}), node("Identity", {"c"}, {"fixed"})});
  g.initializer = {floats("c", {1}, {5})};
  for (const char* name : {"z", "same", "fixed"}) g.output.push_back(value(name, kFloat, {""}));
  const auto b = round_trip(model(g, 14, 8), true);
  ASSERT_TRUE(b.ok()) << b.status().message();
  auto again = import_model(*file(b->model()));
  ASSERT_TRUE(again.ok()) << again.status().message();
  const Value x = Tensor::of<float>({1}, std::vector<float>{3});
  const auto out = *evaluate(*again->graph, std::vector<Value>{x});
  const float expected[] = {-3, -3, 3, 5};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(out[i].tensor()->data<float>()[0], expected[i]) << i;
}

// A body's names must not repeat those around it: every engine but this one refuses that.
TEST(Export, NamesInsideSubgraphsAreTheirOwn) {
  const auto body = [](const char* op) {
    onnx::Graph g;
    g.name = "body";
    g.node = {node(op, {"x"}, {"t"}), node("Neg", {"t"}, {"r"})};
    g.output = {value("r", kFloat, {"N"})};
    return g;
  };
  onnx::Graph g =
      line({node("If", {"c"}, {"y"}, {attr("then_branch", body("Abs")), attr("else_branch", body("Relu"))})});
  g.input.push_back(value("c", kBool, {}));
  const auto b = round_trip(model(g, 16, 8), false);
  ASSERT_TRUE(b.ok()) << b.status().message();
  std::vector<std::string> made;
  for (const onnx::Attribute& a : b->graph().node[0].attribute)
    for (const onnx::Node& n : a.g->node) made.emplace_back(n.output[0]);
  std::sort(made.begin(), made.end());
  EXPECT_EQ(std::unique(made.begin(), made.end()), made.end());
  EXPECT_EQ(made.size(), 4u);
}

TEST(Export, RefusesWhatIsNotStandard) {
  auto in = import_model(*file(model(line({node("Relu", {"x"}, {"y"})}), 14, 8)));
  ASSERT_TRUE(in.ok());
  in->graph->nodes().front()->domain = "onward";
  const auto made = export_model(*in);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), Code::kUnsupported);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("before the passes that fuse"));
  in->graph->nodes().front()->domain = "";
  in->graph->nodes().front()->attributes["speed"] = int64_t{3};
  EXPECT_THAT(std::string(export_model(*in).status().message()),
              HasSubstr("attribute 'speed' is none of Relu-14"));
}

TEST(Simplify, FoldsConstantsAndBatchNormalization) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"1", "1", "2", "2"})};
  g.output = {value("y", kFloat, {"1", "1", "2", "2"})};
  g.initializer = {floats("w", {1, 1, 1, 1}, {3}), floats("a", {1}, {1}), floats("b", {1}, {1}),
                   floats("mean", {1}, {0}), floats("var", {1}, {1})};
  g.node = {node("Conv", {"x", "w"}, {"c"}), node("Add", {"a", "b"}, {"scale"}),
            node("BatchNormalization", {"c", "scale", "a", "mean", "var"}, {"y"}, {attr("epsilon", 0.0f)})};
  const auto b = round_trip(model(g, 15, 8), true);
  ASSERT_TRUE(b.ok()) << b.status().message();
  ASSERT_EQ(b->graph().node.size(), 1u);
  EXPECT_EQ(b->graph().node[0].op_type, "Conv");
  EXPECT_EQ(b->graph().node[0].output[0], "y");
  auto again = import_model(*file(b->model()));
  ASSERT_TRUE(again.ok()) << again.status().message();
  const Value x = Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{0, 1, 2, 3});
  const auto out = evaluate(*again->graph, std::vector<Value>{x});
  ASSERT_TRUE(out.ok());
  EXPECT_THAT((*out)[0].tensor()->span<float>(), ElementsAre(1, 7, 13, 19));
}

TEST(Simplify, SaysWhyANodeStays) {
  auto in = import_model(*file(model(line({node("Relu", {"x"}, {"t"}), node("Neg", {"t"}, {"y"})}), 14, 8)));
  ASSERT_TRUE(in.ok() && simplify(*in->graph).ok());
  EXPECT_EQ(why_kept(*in->graph->nodes().front()), "computed from 'x', no constant");
}

}  // namespace
}  // namespace ow
