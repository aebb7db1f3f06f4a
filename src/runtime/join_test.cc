// Joins in place: what the binding places, and that the results are those of moving everything.
#include "runtime/join.h"

#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "passes/import.h"
#include "passes/test_support.h"
#include "runtime/session.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT;

Tensor ramp(const Shape& shape) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  float next = 0;
  for (float& v : t.mutable_span<float>()) v = next = next > 3 ? -3.0f : next + 0.125f;
  return t;
}

onnx::Node concat(std::vector<std::string> inputs, const char* to, int64_t axis = 1) {
  return node("Concat", std::move(inputs), {to}, {attr("axis", axis)});
}
onnx::Node conv(const char* from, const char* w, const char* to) { return node("Conv", {from, w}, {to}); }

// x [N,2,H,W]; weights named wIO take I channels to O.
onnx::Graph graph_of(std::vector<onnx::Node> nodes, std::vector<std::string> outputs = {"y"}) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "2", "H", "W"})};
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  g.node = std::move(nodes);
  for (const auto& [name, in, out] : {std::tuple("w22", 2, 2), {"w23", 2, 3}, {"w53", 5, 3}, {"w82", 8, 2}}) {
    std::vector<float> w(static_cast<size_t>(in * out));
    for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 7) / 4 - 0.75f;
    g.initializer.push_back(floats(name, {out, in, 1, 1}, w));
  }
  return g;
}

// Runs it at every level, twice, against `evaluate`. Returns how many slots are parts where nothing is
// rewritten.
int64_t parts(const onnx::Graph& g, const Shape& shape) {
  const Tensor x = ramp(shape);
  auto plain = import_model(*file(model(g)));
  EXPECT_TRUE(plain.ok()) << plain.status().message();
  if (!plain.ok()) return -1;
  auto want = evaluate(*plain->graph, std::vector<Value>{x});
  EXPECT_TRUE(want.ok()) << want.status().message();
  int64_t found = -1;
  for (Level level : {Level::kFull, Level::kOff}) {
    auto made = Session::create(*Model::load_bytes(as_bytes(bytes(model(g)))),
                                {.threads = 2, .level = level, .strict_math = true});
    EXPECT_TRUE(made.ok()) << made.status().message();
    if (!made.ok()) return -1;
    auto s = *made;
    for (int run = 0; run < 2; ++run) {
      auto out = s->run(std::vector<std::pair<std::string_view, Value>>{{"x", x}});
      EXPECT_TRUE(out.ok()) << out.status().message();
      for (size_t o = 0; out.ok() && o < out->size(); ++o) {
        const Tensor &a = *(*out)[o].tensor(), &b = *(*want)[o].tensor();
        EXPECT_EQ(a.shape(), b.shape());
        for (int64_t i = 0; i < b.count(); ++i)
          EXPECT_NEAR(a.data<float>()[i], b.data<float>()[i], 1e-5f) << "output " << o << " element " << i;
      }
    }
    const std::vector<ir::Fact> facts = {{ir::Type::tensor(DType::kFloat32, symbolic(shape)), {}, {}}};
    auto binding = bind_shapes(s->plan(), facts);
    EXPECT_TRUE(binding.ok());
    if (binding.ok())
      found = std::count_if((*binding)->parts.begin(), (*binding)->parts.end(),
                            [](const JoinPart& p) { return p.root >= 0; });
  }
  return found;
}

TEST(Join, ChannelsOfImagesLieInTheJoinedOne) {
  const auto g = graph_of(
      {conv("x", "w22", "a"), conv("x", "w23", "b"), concat({"a", "b"}, "c"), conv("c", "w53", "y")});
  for (const Shape& shape : {Shape{1, 2, 5, 7}, Shape{3, 2, 4, 4}}) EXPECT_EQ(parts(g, shape), 2);
}

// Each layer reads all before it: the joins of a block are views of the last one.
TEST(Join, DenseBlocksMoveNothing) {
  const auto g = graph_of({conv("x", "w22", "a"), conv("a", "w23", "b"), concat({"a", "b"}, "ab"),
                           conv("ab", "w53", "c"), concat({"a", "b", "c"}, "abc"), conv("abc", "w82", "y")});
  EXPECT_EQ(parts(g, {2, 2, 5, 6}), 4);
}

TEST(Join, JoinsNest) {
  const auto g = graph_of({conv("x", "w22", "a"), conv("x", "w23", "b"), concat({"a", "b"}, "ab"),
                           conv("x", "w23", "c"), concat({"ab", "c"}, "abc"), conv("abc", "w82", "y")});
  EXPECT_EQ(parts(g, {2, 2, 5, 6}), 4);
}

TEST(Join, TheOutermostAxisNeedsNoGaps) {
  const auto g =
      graph_of({node("Softmax", {"x"}, {"a"}), node("Softmax", {"x"}, {"b"}, {attr("axis", int64_t{1})}),
                concat({"a", "b"}, "c", 0), node("ReduceSum", {"c"}, {"y"})});
  EXPECT_EQ(parts(g, {2, 2, 3, 4}), 2);
}

TEST(Join, WhatCannotBeAPartIsMoved) {
  const Shape shape = {1, 2, 3, 4};
  const auto softmax = [](const char* from, const char* to, int64_t axis = -1) {
    return node("Softmax", {from}, {to}, {attr("axis", axis)});
  };
  const auto sum = node("ReduceSum", {"c"}, {"y"});
  // The graph's input, its output, and a value that comes twice.
  EXPECT_EQ(parts(graph_of({softmax("x", "a"), concat({"x", "a"}, "c", 0), sum}), shape), 1);
  EXPECT_EQ(
      parts(graph_of({softmax("x", "a"), softmax("x", "b", 1), concat({"a", "b"}, "c", 0), sum}, {"y", "a"}),
            shape),
      1);
  EXPECT_EQ(
      parts(graph_of({softmax("x", "a"), softmax("x", "b", 1), concat({"a", "b", "a"}, "c", 0), sum}), shape),
      1);
  // Pixels with gaps between them, for a reader or by a maker that wants none.
  const auto first = conv("x", "w22", "a"), second = conv("x", "w23", "b"), last = conv("c", "w53", "d");
  const auto join = concat({"a", "b"}, "c"), add = node("Add", {"d", "s"}, {"y"});
  EXPECT_EQ(
      parts(graph_of({first, second, join, last, softmax("a", "f"), node("ReduceSum", {"f"}, {"s"}), add}),
            shape),
      1);
  EXPECT_EQ(
      parts(graph_of({conv("x", "w22", "p"), softmax("p", "a"), second, join, conv("c", "w53", "y")}), shape),
      1);
}

// A part that is read after the join, and what works in place on the joined tensor.
TEST(Join, NobodyWritesOverAPartThatIsStillRead) {
  const auto g = graph_of({conv("x", "w22", "a"), conv("x", "w23", "b"), concat({"a", "b"}, "c"),
                           node("Relu", {"c"}, {"r"}), conv("r", "w53", "d"), node("Relu", {"b"}, {"e"}),
                           node("Sub", {"d", "e"}, {"y"})});
  EXPECT_EQ(parts(g, {2, 2, 5, 6}), 2);
}

}  // namespace
}  // namespace ow
