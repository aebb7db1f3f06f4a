// Sizes computed from symbols stay expressions of them.
#include <gtest/gtest.h>

#include "ops/op/elementwise.h"
#include "ops/op/evaluate.h"

namespace ow {
namespace {

class Elements : public testing::Test {
 protected:
  ir::Graph graph;
  ir::Value* x = graph.add_input("x", ir::Type::tensor(DType::kFloat32, SymShape{Dim::symbol("N"), 3, Dim::symbol("W")}));

  ir::Value* add(std::string_view op, std::vector<ir::Value*> inputs, ir::Attributes attributes = {}) {
    ir::Node* node = graph.add_node(op, "", std::move(inputs), {cat("y", counter++)}, std::move(attributes));
    Status status = infer_node(*node);
    EXPECT_TRUE(status.ok()) << status.message();
    return node->output(0);
  }
  ir::Value* ints(std::vector<int64_t> v) {
    ir::Value* value = graph.add_constant("", Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v));
    value->fact = ir::Fact::of(*value->fact.constant);
    return value;
  }
  ir::Value* scalar(float v) {
    ir::Value* value = graph.add_constant("", Tensor::scalar(v));
    value->fact = ir::Fact::of(*value->fact.constant);
    return value;
  }
  static std::string text(const ir::Value* v) {
    return v->fact.elements ? list_text(*v->fact.elements) : std::string("unknown");
  }
  int counter = 0;
};

TEST_F(Elements, ArithmeticOnAShape) {
  ir::Value* shape = add("Shape", {x});
  EXPECT_EQ(text(shape), "[N,3,W]");
  EXPECT_EQ(text(add("Mul", {shape, ints({2})})), "[2*N,6,2*W]");
  EXPECT_EQ(text(add("Div", {shape, ints({2})})), "[floordiv(N, 2),1,floordiv(W, 2)]");
  EXPECT_EQ(text(add("Sub", {shape, ints({1, 2, 3})})), "[N-1,1,W-3]");
  EXPECT_EQ(text(add("Size", {x})), "[3*N*W]");
}

TEST_F(Elements, ExpandIdiomIsDecidedBecauseSizesAreNotNegative) {
  ir::Value* shape = add("Shape", {x});
  ir::Value* is_default = add("Equal", {shape, ints({-1})});
  EXPECT_EQ(text(is_default), "[0,0,0]");
  EXPECT_EQ(text(add("Where", {is_default, ints({1, 1, 1}), shape})), "[N,3,W]");
}

TEST_F(Elements, UndecidedComparisonsStayOpen) {
  ir::Value* shape = add("Shape", {x});
  ir::Value* large = add("Greater", {shape, ints({2})});
  ASSERT_TRUE(large->fact.elements);
  EXPECT_TRUE((*large->fact.elements)[0].is_unknown());
  EXPECT_TRUE((*large->fact.elements)[1].is(1));
  EXPECT_EQ(text(add("GreaterOrEqual", {shape, ints({0})})), "[1,1,1]");
}

TEST_F(Elements, ThroughFloatAndBack) {
  ir::Value* shape = add("Shape", {x});
  ir::Value* real = add("Cast", {shape}, {{"to", int64_t{1}}});
  ir::Value* doubled = add("Floor", {add("Mul", {real, scalar(2.0f)})});
  EXPECT_EQ(text(add("Cast", {doubled}, {{"to", int64_t{7}}})), "[2*N,6,2*W]");
  ir::Value* half = add("Floor", {add("Mul", {add("Cast", {ints({7})}, {{"to", int64_t{1}}}), scalar(0.5f)})});
  EXPECT_EQ(text(add("Cast", {half}, {{"to", int64_t{7}}})), "[3]");
}

TEST_F(Elements, RangeAndExpandHaveSymbolicExtents) {
  ir::Value* n = add("Size", {x});
  ir::Value* zero = graph.add_constant("", Tensor::scalar(int64_t{0}));
  ir::Value* one = graph.add_constant("", Tensor::scalar(int64_t{1}));
  zero->fact = ir::Fact::of(Tensor::scalar(int64_t{0}));
  one->fact = ir::Fact::of(Tensor::scalar(int64_t{1}));
  EXPECT_EQ(add("Range", {zero, n, one})->type().text(), "int64[3*N*W]");
  EXPECT_EQ(add("Expand", {one, add("Shape", {x})})->type().text(), "int64[N,3,W]");
  EXPECT_EQ(add("ConstantOfShape", {add("Shape", {x})})->type().text(), "float[N,3,W]");
}

TEST(Compare, DecidesOnlyWhatHoldsForAllSizes) {
  const Dim n = Dim::symbol("N"), m = Dim::symbol("M");
  EXPECT_EQ(compare(n + 1, n), 1);
  EXPECT_EQ(compare(n, n), 0);
  EXPECT_EQ(compare(n, Dim(-1)), 1);
  EXPECT_EQ(compare(Dim(-2), n * m), -1);
  EXPECT_EQ(compare(n, Dim(0)), std::nullopt);
  EXPECT_EQ(compare(n, m), std::nullopt);
  EXPECT_EQ(compare(mod(n, Dim(2)), Dim(0)), std::nullopt);
  EXPECT_EQ(compare(Dim::unknown(), Dim(-1)), std::nullopt);
  bool at_least = false;
  compare(n + m, n, &at_least);
  EXPECT_TRUE(at_least);
}

}  // namespace
}  // namespace ow
