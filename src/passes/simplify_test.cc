// Folding, dead code, identities and widening: what they do, and what they must leave alone.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "passes/fold.h"
#include "passes/import.h"
#include "passes/passes.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
using Names = std::vector<std::string>;
const ir::Type kFloats = ir::Type::tensor(DType::kFloat32, SymShape{3});

Tensor three(float a, float b, float c) { return Tensor::of<float>({3}, std::vector<float>{a, b, c}); }

struct Built {
  ir::Graph g;
  ir::Value* x = g.add_input("x", kFloats);

  ir::Value* add(const char* op, std::vector<ir::Value*> inputs, ir::Attributes attributes = {}) {
    ir::Node* n = g.add_node(op, "", std::move(inputs), {"v"}, std::move(attributes));
    Status s = infer_node(*n);
    EXPECT_TRUE(s.ok()) << s.message();
    return n->output(0);
  }
  Names operators() const {
    Names out;
    for (const auto& n : g.nodes()) out.push_back(n->op_type);
    return out;
  }
  ~Built() { EXPECT_TRUE(ir::verify(g).ok()) << ir::verify(g).message(); }
};

TEST(Fold, ComputesWhatDependsOnConstantsOnly) {
  Built b;
  ir::Value* sum =
      b.add("Add", {b.g.add_constant("a", three(1, 2, 3)), b.g.add_constant("b", three(4, 5, 6))});
  b.g.add_output(b.add("Mul", {b.x, b.add("Neg", {sum})}));
  EXPECT_EQ(*fold_constants(b.g), 2);
  EXPECT_EQ(b.operators(), Names{"Mul"});
  const Tensor& made = *b.g.nodes().front()->input(1)->fact.constant;
  EXPECT_EQ(std::vector<float>(made.data<float>(), made.data<float>() + 3), (std::vector<float>{-5, -7, -9}));
}

// The numbers of the target are floats on their way, which inference does not follow.
TEST(Fold, ShapesBehindATargetThatFolds) {
  Built b;
  const auto two = [&](float first, float second) {
    return b.g.add_constant("c", Tensor::of<float>({2}, std::vector<float>{first, second}));
  };
  ir::Value* target = b.add("Cast", {b.add("Mul", {two(1.5f, .5f), two(2, 2)})}, {{"to", int64_t{7}}});
  ir::Value* column = b.add("Reshape", {b.x, target});
  ir::Value* zeros = b.add("ConstantOfShape", {b.add("Shape", {column})});
  b.g.add_output(b.add("Add", {column, zeros}));
  EXPECT_EQ(*fold_constants(b.g), 4);
  EXPECT_EQ(b.operators(), (Names{"Reshape", "Add"}));
  EXPECT_EQ(column->type().text(), "float[3,1]");
}

TEST(Fold, WhatInferenceKnowsOfAnInput) {
  Built b;
  ir::Value* image =
      b.g.add_input("image", ir::Type::tensor(DType::kFloat32, SymShape{2, 6, Dim::symbol("h")}));
  ir::Value* shape = b.add("Shape", {image});
  const auto at = [&](int64_t i) {
    return b.add("Gather", {shape, b.g.add_constant("i", Tensor::of<int64_t>({1}, std::vector<int64_t>{i}))});
  };
  ir::Value* half =
      b.add("Div", {at(1), b.g.add_constant("two", Tensor::of<int64_t>({1}, std::vector<int64_t>{2}))});
  ir::Value* target = b.add("Concat", {at(0), half, at(2)}, {{"axis", int64_t{0}}});
  b.g.add_output(half);
  b.g.add_output(target);
  EXPECT_GT(*fold_constants(b.g), 0);
  EXPECT_EQ(b.operators(), (Names{"Shape", "Gather", "Concat"}));  // h is open
  ASSERT_TRUE(b.g.outputs()[0]->is_constant());
  EXPECT_EQ(b.g.outputs()[0]->fact.constant->data<int64_t>()[0], 3);
}

TEST(Fold, LeavesInputsRandomNumbersAndWhatFails) {
  Built b;
  ir::Value* a = b.g.add_constant("a", three(1, 2, 3));
  b.g.add_output(b.add("Add", {a, b.x}));
  b.g.add_output(b.add("RandomNormalLike", {a}));
  ir::Value* index = b.g.add_constant("i", Tensor::of<int64_t>({1}, std::vector<int64_t>{7}));
  b.g.add_output(b.add("Gather", {a, index}));
  EXPECT_EQ(*fold_constants(b.g), 0);
  EXPECT_EQ(b.operators(), (Names{"Add", "RandomNormalLike", "Gather"}));
}

TEST(Fold, NeverGrowsTheModelPastItsBounds) {
  Built b;
  ir::Value* one = b.g.add_constant("one", Tensor::of<float>({1}, std::vector<float>{1}));
  ir::Value* shape = b.g.add_constant("s", Tensor::of<int64_t>({2}, std::vector<int64_t>{1000, 1000}));
  b.g.add_output(b.add("Expand", {one, shape}));
  EXPECT_EQ(*fold_constants(b.g), 0);
  EXPECT_TRUE(fold_node(*b.g.nodes().front(), {.max_growth = 1'000'000}));
}

TEST(Fold, QuantisedWeightsStaySmall) {
  Built b;
  ir::Value* q = b.g.add_constant("q", Tensor::of<int8_t>({2}, std::vector<int8_t>{1, -2}));
  b.g.add_output(b.add("DequantizeLinear", {q, b.g.add_constant("s", Tensor::scalar(.5f))}));
  EXPECT_EQ(*fold_constants(b.g), 0);
}

TEST(Dead, GoesWithEverythingThatOnlyItReads) {
  Built b;
  b.add("Neg", {b.add("Exp", {b.x})});
  b.g.add_constant("unused", three(1, 2, 3));
  b.g.add_output(b.add("Relu", {b.x}));
  EXPECT_EQ(*eliminate_dead(b.g), 2);
  EXPECT_EQ(b.operators(), Names{"Relu"});
  EXPECT_EQ(b.g.values().size(), 2u);
  EXPECT_EQ(*eliminate_dead(b.g), 0);
}

TEST(Dead, WhatASubgraphReadsLives) {
  Built b;
  ir::Value* outside = b.add("Exp", {b.x});
  auto branch = std::make_shared<ir::Graph>(&b.g), other = std::make_shared<ir::Graph>(&b.g);
  branch->add_output(branch->add_node("Neg", "", {outside}, {"n"})->output(0));
  other->add_output(b.x);
  ir::Value* c = b.g.add_input("c", ir::Type::tensor(DType::kBool, SymShape{}));
  b.g.add_output(
      b.g.add_node("If", "", {c}, {"y"}, {{"then_branch", branch}, {"else_branch", other}})->output(0));
  EXPECT_EQ(*eliminate_dead(b.g), 0);
  EXPECT_EQ(b.operators(), (Names{"Exp", "If"}));
}

TEST(Identity, GoesUnlessTheInterfaceNeedsIt) {
  Built b;
  ir::Value* y = b.add("Relu", {b.add("Identity", {b.add("Identity", {b.x})})});
  b.g.add_output(b.add("Identity", {y}));
  EXPECT_EQ(*eliminate_identity(b.g), 3);
  EXPECT_EQ(b.operators(), Names{"Relu"});

  Built input_is_output;
  input_is_output.g.add_output(input_is_output.add("Identity", {input_is_output.x}));
  EXPECT_EQ(*eliminate_identity(input_is_output.g), 0);

  Built same_output_twice;
  ir::Value* r = same_output_twice.add("Relu", {same_output_twice.x});
  same_output_twice.g.add_output(r);
  same_output_twice.g.add_output(same_output_twice.add("Identity", {r}));
  EXPECT_EQ(*eliminate_identity(same_output_twice.g), 0);
}

// What is left of a node between two Relus on a [2, 3, n] input.
Names left_of(const char* op, std::vector<std::vector<int64_t>> more, ir::Attributes attributes = {}) {
  Built b;
  ir::Value* in = b.g.add_input("in", ir::Type::tensor(DType::kFloat32, SymShape{2, 3, Dim::symbol("n")}));
  std::vector<ir::Value*> inputs = {b.add("Relu", {in})};
  for (const auto& v : more)
    inputs.push_back(b.g.add_constant("c", Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v)));
  b.g.add_output(b.add("Relu", {b.add(op, inputs, std::move(attributes))}));
  EXPECT_TRUE(eliminate_identity(b.g).ok());
  return b.operators();
}

TEST(Identity, NodesThatChangeNothingGo) {
  const Names gone = {"Relu", "Relu"};
  const auto cast = [](DType to) { return ir::Attributes{{"to", static_cast<int64_t>(to)}}; };
  EXPECT_EQ(left_of("Reshape", {{2, 3, -1}}), gone);
  EXPECT_EQ(left_of("Reshape", {{0, 3, 0}}), gone);
  EXPECT_EQ(left_of("Expand", {{3, 1}}), gone);
  EXPECT_EQ(left_of("Expand", {{1}}), gone);
  EXPECT_EQ(left_of("Tile", {{1, 1, 1}}), gone);
  EXPECT_EQ(left_of("Pad", {{0, 0, 0, 0, 0, 0}}), gone);
  EXPECT_EQ(left_of("Transpose", {}, {{"perm", ir::Ints{0, 1, 2}}}), gone);
  EXPECT_EQ(left_of("Concat", {}, {{"axis", int64_t{1}}}), gone);
  EXPECT_EQ(left_of("Sum", {}), gone);
  EXPECT_EQ(left_of("Cast", {}, cast(DType::kFloat32)), gone);
}

TEST(Identity, NodesThatChangeSomethingStay) {
  const auto stays = [](const char* op) { return Names{"Relu", op, "Relu"}; };
  EXPECT_EQ(left_of("Reshape", {{3, 2, -1}}), stays("Reshape"));
  EXPECT_EQ(left_of("Reshape", {{2, -1}}), stays("Reshape"));
  EXPECT_EQ(left_of("Reshape", {{2, 3, 5}}), stays("Reshape"));
  EXPECT_EQ(left_of("Reshape", {{1, 2, 3, -1}}), stays("Reshape"));
  EXPECT_EQ(left_of("Expand", {{1, 2, 3, 1}}), stays("Expand"));
  EXPECT_EQ(left_of("Expand", {{5}}), stays("Expand"));
  EXPECT_EQ(left_of("Tile", {{1, 2, 1}}), stays("Tile"));
  EXPECT_EQ(left_of("Pad", {{0, 1, 0, 0, -1, 0}}), stays("Pad"));
  EXPECT_EQ(left_of("Transpose", {}, {{"perm", ir::Ints{0, 2, 1}}}), stays("Transpose"));
  EXPECT_EQ(left_of("Transpose", {}), stays("Transpose"));
}

TEST(Fold, LeavesWhatIsDrawn) {
  Built b;
  ir::Value* on = b.g.add_constant("t", Tensor::scalar(true));
  b.g.add_output(b.add("Dropout", {b.g.add_constant("a", three(1, 2, 3)), nullptr, on}));
  EXPECT_EQ(*fold_constants(b.g), 0);
  EXPECT_EQ(*eliminate_identity(b.g), 0);
  EXPECT_EQ(b.operators(), Names{"Dropout"});
}

TEST(Identity, DropoutOnlyWhereItDropsNothing) {
  const auto left = [](bool training, bool known, bool mask) {
    Built b;
    ir::Value* on = known ? b.g.add_constant("t", Tensor::scalar(training))
                          : b.g.add_input("t", ir::Type::tensor(DType::kBool, SymShape{}));
    ir::Node* n = b.g.add_node("Dropout", "", {b.x, nullptr, on}, {"d", "m"});
    EXPECT_TRUE(infer_node(*n).ok());
    if (mask) b.g.add_output(n->output(1));
    b.g.add_output(b.add("Relu", {n->output(0)}));
    EXPECT_TRUE(eliminate_identity(b.g).ok());
    return b.operators();
  };
  EXPECT_EQ(left(false, true, false), Names{"Relu"});
  EXPECT_EQ(left(true, true, false), (Names{"Dropout", "Relu"}));
  EXPECT_EQ(left(false, false, false), (Names{"Dropout", "Relu"}));
  EXPECT_EQ(left(false, true, true), (Names{"Dropout", "Relu"}));
}

// float16 through an operator that computes in float: one cast in per value, one out per result.
TEST(Widen, CastsAroundWhatLacksTheType) {
  Built b;
  const ir::Type half = ir::Type::tensor(DType::kFloat16, SymShape{3});
  ir::Value* h = b.g.add_input("h", half);
  ir::Value* r = b.add("Softmax", {h});
  ir::Value* s = b.add("Tanh", {h});
  b.g.add_output(b.add("Add", {r, s}));
  const auto changed = widen_types(b.g);
  ASSERT_TRUE(changed.ok()) << changed.status().message();
  EXPECT_EQ(b.g.outputs()[0]->type().dtype, DType::kFloat16);
  for (const auto& n : b.g.nodes()) {
    const Op* op = find_op("", n->op_type);
    for (const ir::Value* v : n->inputs())
      EXPECT_TRUE(op->traits.native & type_bit(v->type().dtype)) << n->label();
  }
  size_t casts_of_h = 0;
  for (const auto& use : h->uses()) casts_of_h += use.node->is("Cast");
  EXPECT_LE(casts_of_h, 1u) << "a value that several nodes need wide is cast once";
}

TEST(Widen, LeavesWhatRunsAsItIs) {
  Built b;
  b.g.add_output(b.add("Tanh", {b.add("Softmax", {b.x})}));
  EXPECT_EQ(*widen_types(b.g), 0);
  EXPECT_EQ(b.operators(), (Names{"Softmax", "Tanh"}));
}

}  // namespace
}  // namespace ow
