#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

std::string inferred(SymShape from, std::vector<Dim> to, bool allowzero = false) {
  ir::Graph g;
  ir::Value* x = g.add_input("x", ir::Type::tensor(DType::kFloat32, std::move(from)));
  ir::Value* s =
      g.add_input("s", ir::Type::tensor(DType::kInt64, SymShape{Dim(static_cast<int64_t>(to.size()))}));
  s->fact.elements = std::move(to);
  ir::Node* n = g.add_node("Reshape", "", {x, s}, {"y"}, {{"allowzero", int64_t{allowzero}}});
  Status status = infer_node(*n);
  return status.ok() ? n->output(0)->type().text() : std::string(status.message());
}

TEST(Reshape, WhatIsLeftOverIsExactForSymbols) {
  const Dim n = Dim::symbol("N"), h = Dim::symbol("H"), w = Dim::symbol("W");
  EXPECT_EQ(inferred({n, Dim(3), h, w}, {n, Dim(-1)}),
            ir::Type::tensor(DType::kFloat32, SymShape{n, h * w * Dim(3)}).text());
  EXPECT_EQ(inferred({n, Dim(8), h}, {Dim(0), Dim(2), Dim(-1), h}), "float[N,2,4,H]");
  EXPECT_EQ(inferred({n + Dim(1), h}, {Dim(-1), n + Dim(1)}), "float[H,N+1]");
}

TEST(Reshape, AxesCopiedByZeroCancelEvenWhenEmpty) {
  auto x = Tensor::allocate(DType::kFloat32, {0, 3});
  ASSERT_TRUE(x.ok());
  const std::vector<int64_t> shape{0, -1};
  auto y = evaluate_op("Reshape", {*x, Tensor::of<int64_t>({2}, shape)});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->shape(), (Shape{0, 3}));
}

TEST(Reshape, ContradictionsNameBothShapes) {
  EXPECT_NE(inferred({Dim(2), Dim(3)}, {Dim(4), Dim(2)}).find("[2,3]"), std::string::npos);
  EXPECT_NE(inferred({Dim(2), Dim(3)}, {Dim(4), Dim(-1)}).find("6 elements"), std::string::npos);
  EXPECT_NE(inferred({Dim(2)}, {Dim(-1), Dim(-1)}).find("more than one -1"), std::string::npos);
  EXPECT_NE(inferred({Dim(2)}, {Dim(2), Dim(0)}).find("rank 1"), std::string::npos);
}

}  // namespace
}  // namespace ow
