// What becomes onward.Attention, what must be left alone, and that a graph means the same before and after.
#include <gtest/gtest.h>

#include <cmath>

#include "passes/pass_test_support.h"
#include "passes/passes.h"

namespace ow {
namespace {

using namespace test;

struct Graph {
  std::vector<std::string> q = {"2", "3", "L", "5"}, t = {"2", "3", "5", "S"}, v = {"2", "3", "S", "4"};
  std::vector<std::string> mask = {"2", "1", "1", "S"};
  std::vector<onnx::Node> scores = {node("MatMul", {"q", "t"}, {"a"}), node("Mul", {"a", "c"}, {"b"}),
                                    node("Add", {"b", "m"}, {"s"})};
  onnx::Node softmax = node("Softmax", {"s"}, {"p"});
  std::vector<onnx::Node> behind;  // makes w of p
  std::vector<std::string> outputs = {"y"};

  onnx::Graph make() const {
    onnx::Graph g;
    g.input = {value("q", kFloat, q), value("t", kFloat, t), value("v", kFloat, v), value("m", kFloat, mask)};
    for (const std::string& name : outputs) g.output.push_back(value(name, kFloat));
    g.node = scores;
    g.node.push_back(softmax);
    g.node.insert(g.node.end(), behind.begin(), behind.end());
    g.node.push_back(node("MatMul", {behind.empty() ? "p" : "w", "v"}, {"y"}));
    g.initializer = {floats("c", {}, {.5f}), floats("zero", {}, {0}), ints("split", {2, 3, 7, -1}),
                     ints("merged", {6, 7, -1}), ints("other", {42, 1, -1})};
    return g;
  }
};

Shape bound(const std::vector<std::string>& dims, int64_t queries, int64_t keys) {
  Shape s;
  for (const std::string& d : dims) s.push_back(d == "L" ? queries : d == "S" ? keys : std::stoll(d));
  return s;
}

Tensor waves(const Shape& shape, float step) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  float at = 0;
  for (float& x : t.mutable_span<float>()) x = 2 * std::sin(step * ++at);
  return t;
}

void expect_changes(const Graph& graph, int changes, bool hidden = false) {
  std::vector<Inputs> sets;
  for (const auto& [queries, keys] : {std::pair<int64_t, int64_t>{7, 9}, {75, 300}, {1, 1}}) {
    Inputs inputs = {waves(bound(graph.q, queries, keys), 0.7f), waves(bound(graph.t, queries, keys), 1.1f),
                     waves(bound(graph.v, queries, keys), 1.7f)};
    Tensor mask = waves(bound(graph.mask, queries, keys), 2.3f);
    if (hidden) std::fill_n(mask.mutable_data<float>(), mask.count() / 2, -INFINITY);
    inputs.emplace_back(mask);
    sets.push_back(std::move(inputs));
  }
  expect_same(graph.make(), fuse_attention, changes, sets, {.absolute = 1e-5f, .nan = true});
}

TEST(FuseAttention, ScaleAndMaskInEveryForm) {
  expect_changes({}, 1);
  Graph g;
  g.scores = {node("MatMul", {"q", "t"}, {"s"})};
  expect_changes(g, 1);
  g.scores = {node("MatMul", {"q", "t"}, {"a"}), node("Div", {"a", "c"}, {"s"})};
  expect_changes(g, 1);
  g.scores = {node("MatMul", {"q", "t"}, {"a"}), node("Add", {"m", "a"}, {"s"})};
  expect_changes(g, 1);
  g = {};
  for (const auto& mask :
       {std::vector<std::string>{"S"}, {"L", "S"}, {"1", "3", "L", "S"}, {"2", "1", "L", "S"}}) {
    g.mask = mask;
    expect_changes(g, 1);
  }
}

// As torch's MultiheadAttention is exported: batch and heads are one axis, the queries are scaled.
TEST(FuseAttention, OfThreeAxes) {
  Graph g;
  g.q = {"6", "L", "5"}, g.t = {"6", "5", "S"}, g.v = {"6", "S", "4"}, g.mask = {"6", "1", "S"};
  expect_changes(g, 1);
  g.mask = {"L", "S"};
  expect_changes(g, 1);
  g.mask = {"3", "6", "L", "S"};  // makes the scores larger
  expect_changes(g, 0);
  g.q = {"0", "L", "5"}, g.t = {"0", "5", "S"}, g.v = {"0", "S", "4"}, g.mask = {"L", "S"};  // an empty batch
  expect_changes(g, 1);
  g.q = {"6", "L", "5"}, g.t = {"6", "5", "S"}, g.v = {"6", "S", "4"}, g.mask = {"S"};
  for (const char* operand : {"q", "t"})
    for (const char* op : {"Div", "Mul"}) {
      const std::string other = operand == std::string("q") ? "t" : "q";
      g.scores = {node(op, {operand, "c"}, {"small"}),
                  node("MatMul", other == "t" ? Names{"small", "t"} : Names{"q", "small"}, {"a"}),
                  node("Add", {"a", "m"}, {"s"})};
      expect_changes(g, 1);
    }
}

TEST(FuseAttention, AScaledOperandThatOthersReadStays) {
  Graph g;
  g.scores = {node("Mul", {"q", "c"}, {"small"}), node("MatMul", {"small", "t"}, {"s"})};
  g.outputs = {"y", "small"};
  expect_changes(g, 1);
}

// A mask for each batch entry where the products are over batch and heads as one axis, and the reverse.
TEST(FuseAttention, ReshapesOfTheAxesBefore) {
  Graph g;
  g.q = {"6", "7", "5"}, g.t = {"6", "5", "S"}, g.v = {"6", "S", "4"};
  g.scores = {node("MatMul", {"q", "t"}, {"a"}), node("Reshape", {"a", "split"}, {"a4"}),
              node("Add", {"a4", "m"}, {"b"}), node("Reshape", {"b", "merged"}, {"s"})};
  expect_changes(g, 1);
  g.mask = {"2", "3", "7", "S"};
  expect_changes(g, 1);
  g.scores.pop_back();
  g.scores.back() = node("Add", {"a4", "m"}, {"s"});
  g.behind = {node("Reshape", {"p", "merged"}, {"w"})};
  expect_changes(g, 1);
  g.q = {"2", "3", "7", "5"}, g.t = {"2", "3", "5", "S"}, g.mask = {"2", "1", "1", "S"};
  g.scores = {node("MatMul", {"q", "t"}, {"a"}), node("Add", {"a", "m"}, {"s"})};
  expect_changes(g, 1);
  g.behind = {node("Reshape", {"p", "other"}, {"w"})};  // queries become heads
  g.v = {"42", "S", "4"};
  expect_changes(g, 0);
}

// Sizes of which only a run knows that they are the same, or that something repeats.
TEST(FuseAttention, SizesThatARunTells) {
  Graph g;
  g.q = {"B", "3", "L", "5"}, g.t = {"C", "3", "5", "S"}, g.v = {"D", "3", "V", "4"},
  g.mask = {"E", "1", "F", "G"};
  struct Sizes {
    int64_t q, t, v, mask, rows, mask_rows, keys, mask_keys;
  };
  std::vector<Inputs> sets;
  for (const Sizes& n : {Sizes{2, 2, 2, 2, 7, 7, 9, 9},
                         {2, 2, 2, 1, 7, 1, 9, 9},
                         {1, 1, 1, 2, 7, 7, 9, 9},
                         {1, 2, 1, 2, 7, 7, 9, 9},
                         {2, 2, 1, 2, 7, 7, 9, 9},
                         {2, 2, 2, 2, 1, 7, 9, 9},
                         {2, 2, 2, 2, 7, 7, 9, 1},
                         {2, 2, 2, 2, 7, 7, 1, 9}})
    sets.push_back({waves({n.q, 3, n.rows, 5}, 0.7f), waves({n.t, 3, 5, n.keys}, 1.1f),
                    waves({n.v, 3, std::max(n.keys, n.mask_keys), 4}, 1.7f),
                    waves({n.mask, 1, n.mask_rows, n.mask_keys}, 2.3f)});
  expect_same(g.make(), fuse_attention, 1, sets, {.absolute = 1e-5f});
  g.behind = {node("IsNaN", {"p"}, {"nan"}), node("Where", {"nan", "zero", "p"}, {"w"})};
  for (Inputs& inputs : sets) {
    Tensor mask = *inputs[3].tensor();
    std::fill_n(mask.mutable_data<float>(), mask.count() / 2, -INFINITY);
  }
  expect_same(g.make(), fuse_attention, 1, sets, {.absolute = 1e-5f});
}

// torch writes so for a mask: what is hidden throughout gives 0.
TEST(FuseAttention, WeightsThatAreNaNAsZero) {
  Graph g;
  g.behind = {node("IsNaN", {"p"}, {"nan"}), node("Where", {"nan", "zero", "p"}, {"w"})};
  expect_changes(g, 1);
  expect_changes(g, 1, true);
  g.behind = {node("IsNaN", {"p"}, {"nan"}), node("Where", {"nan", "c", "p"}, {"w"})};
  expect_changes(g, 0);
  g.behind = {node("IsNaN", {"p"}, {"nan"}), node("Where", {"nan", "p", "zero"}, {"w"})};
  expect_changes(g, 0);
  g.behind = {node("IsNaN", {"p"}, {"nan"}), node("Where", {"nan", "zero", "p"}, {"w"})};
  g.outputs = {"y", "p"};
  expect_changes(g, 0);
}

// The operator Attention gives 0 there, Softmax NaN.
TEST(FuseAttention, RowsThatAreHiddenThroughoutStayNaN) { expect_changes({}, 1, true); }

TEST(FuseAttention, WritesRowsFirstWhereThatIsWhatBecomesOfIt) {
  for (size_t rank : {4, 3}) {
    onnx::Graph g = Graph().make();
    if (rank == 3) {
      Graph of_three;
      of_three.q = {"6", "L", "5"}, of_three.t = {"6", "5", "S"}, of_three.v = {"6", "S", "4"};
      of_three.mask = {"6", "1", "S"};
      g = of_three.make();
    }
    g.node.back().output = {"before"};
    g.node.push_back(
        node("Transpose", {"before"}, {"y"},
             {attr("perm", rank == 4 ? std::vector<int64_t>{0, 2, 1, 3} : std::vector<int64_t>{1, 0, 2})}));
    std::vector<Inputs> sets;
    const Shape q = rank == 4 ? Shape{2, 3, 7, 5} : Shape{6, 7, 5};
    const Shape t = rank == 4 ? Shape{2, 3, 5, 9} : Shape{6, 5, 9};
    const Shape v = rank == 4 ? Shape{2, 3, 9, 4} : Shape{6, 9, 4};
    const Shape mask = rank == 4 ? Shape{2, 1, 1, 9} : Shape{6, 1, 9};
    sets.push_back({waves(q, 0.7f), waves(t, 1.1f), waves(v, 1.7f), waves(mask, 2.3f)});
    const Names left = expect_same(g, fuse_attention, 1, sets, {.absolute = 1e-5f});
    EXPECT_EQ(left, (Names{"onward.Attention"}));
  }
}

// Windows of an image: a bias for all of them, and a mask for each window that repeats from image to image.
TEST(FuseAttention, AMaskOfWindows) {
  for (const auto& [mask, changes] : {std::pair<Shape, int>{{1, 3, 1, 7, 9}, 1},
                                      {{1, 3, 2, 1, 9}, 1},
                                      {{1, 1, 1, 7, 9}, 0},
                                      {{2, 3, 1, 7, 9}, 0}}) {
    auto g = graph({value("q", kFloat, {"6", "2", "7", "5"}), value("t", kFloat, {"6", "2", "5", "9"}),
                    value("v", kFloat, {"6", "2", "9", "4"})},
                   {value("y", kFloat)},
                   {node("MatMul", {"q", "t"}, {"a"}), node("Add", {"a", "bias"}, {"b"}),
                    node("Reshape", {"b", "split"}, {"c"}), node("Add", {"c", "m"}, {"d"}),
                    node("Reshape", {"d", "merged"}, {"s"}), node("Softmax", {"s"}, {"p"}),
                    node("MatMul", {"p", "v"}, {"y"})},
                   {ints("split", {2, 3, 2, 7, 9}), ints("merged", {-1, 2, 7, 9}),
                    floats("bias", {1, 2, 7, 9}, spread_numbers(126, 3)),
                    floats("m", std::vector<int64_t>(mask.begin(), mask.end()),
                           spread_numbers(static_cast<size_t>(mask.count()), 5))});
    expect_same(g, fuse_attention, changes,
                {{waves({6, 2, 7, 5}, 0.7f), waves({6, 2, 5, 9}, 1.1f), waves({6, 2, 9, 4}, 1.7f)}},
                {.absolute = 1e-5f});
  }
}

// As models with rotary positions are exported: rows that are hidden throughout weigh all keys alike.
TEST(FuseAttention, ScoresThatAreNotLessThanTheLowest) {
  Graph g;
  g.scores.back().output = {"low"};
  g.scores.push_back(node("Max", {"low", "lowest"}, {"s"}));
  for (bool hidden : {false, true}) {
    onnx::Graph made = g.make();
    made.initializer.push_back(floats("lowest", {}, {-3.40282347e38f}));
    Tensor mask = waves({2, 1, 1, 9}, 2.3f);
    if (hidden) std::fill_n(mask.mutable_data<float>(), 9, -INFINITY);
    expect_same(made, fuse_attention, 1,
                {{waves({2, 3, 7, 5}, 0.7f), waves({2, 3, 5, 9}, 1.1f), waves({2, 3, 9, 4}, 1.7f), mask}},
                {.absolute = 1e-5f});
  }
  onnx::Graph made = g.make();
  made.initializer.push_back(floats("lowest", {}, {-1}));  // a bound that means something
  expect_same(made, fuse_attention, 0,
              {{waves({2, 3, 7, 5}, 0.7f), waves({2, 3, 5, 9}, 1.1f), waves({2, 3, 9, 4}, 1.7f),
                waves({2, 1, 1, 9}, 2.3f)}},
              {.absolute = 1e-5f});
}

TEST(FuseAttention, HeadsThatShareKeysAndValues) {
  auto g = graph({value("q", kFloat, {"B", "6", "L", "5"}), value("k", kFloat, {"B", "2", "S", "5"}),
                  value("v", kFloat, {"B", "2", "S", "4"}), value("m", kFloat, {"L", "S"})},
                 {value("y", kFloat)},
                 {node("Shape", {"k"}, {"ks"}), node("Gather", {"ks", "two"}, {"n"}),
                  node("Concat", {"head", "n", "five"}, {"k5"}, {attr("axis", int64_t{0})}),
                  node("Concat", {"head", "n", "four"}, {"v5"}, {attr("axis", int64_t{0})}),
                  node("Unsqueeze", {"k", "two"}, {"k1"}), node("Expand", {"k1", "k5"}, {"ke"}),
                  node("Reshape", {"ke", "merged5"}, {"kr"}), node("Unsqueeze", {"v", "two"}, {"v1"}),
                  node("Expand", {"v1", "v5"}, {"ve"}), node("Reshape", {"ve", "merged4"}, {"vr"}),
                  node("Transpose", {"kr"}, {"t"}, {attr("perm", std::vector<int64_t>{0, 1, 3, 2})}),
                  node("MatMul", {"q", "t"}, {"a"}), node("Add", {"a", "m"}, {"s"}),
                  node("Softmax", {"s"}, {"p"}), node("MatMul", {"p", "vr"}, {"y"})},
                 {ints("two", {2}), ints("head", {1, 1, 3}), ints("five", {5}), ints("four", {4}),
                  ints("merged5", {0, 6, -1, 5}), ints("merged4", {0, 6, -1, 4})});
  std::vector<Inputs> sets;
  for (int64_t queries : {1, 7})
    sets.push_back({waves({2, 6, queries, 5}, 0.7f), waves({2, 2, 9, 5}, 1.1f), waves({2, 2, 9, 4}, 1.7f),
                    waves({queries, 9}, 2.3f)});
  EXPECT_EQ(expect_same(g, fuse_attention, 1, sets, {.absolute = 1e-5f}),
            (Names{"Transpose", "onward.Attention"}));
  // A mask of one number, as only a run shows: the nodes are run one by one.
  for (Inputs& inputs : sets) inputs[3] = waves({1, 1}, 2.3f);
  g.input[3] = value("m", kFloat, {"M", "T"});
  expect_same(g, fuse_attention, 1, sets, {.absolute = 1e-5f});
}

TEST(FuseAttention, LeavesAloneWhatMeansSomethingElse) {
  Graph g;
  g.q = {"2", "1", "L", "5"};  // broadcast over heads
  expect_changes(g, 0);
  g = {};
  g.mask = {"2", "1", "L", "1"};  // one number for all keys
  expect_changes(g, 0);
  g = {};
  g.softmax = node("Softmax", {"s"}, {"p"}, {attr("axis", int64_t{2})});
  expect_changes(g, 0);
  g = {};
  g.outputs = {"y", "p"};
  expect_changes(g, 0);
  g.outputs = {"y", "b"};
  expect_changes(g, 0);
}

}  // namespace
}  // namespace ow
