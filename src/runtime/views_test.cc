// Parts of tensors that are read where they are: what a session computes with views is what the operators say
// one by one, in both memory orders, at sizes that are odd; and axis_groups(), which says where a Reshape is
// a view.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "passes/axis_groups.h"
#include "passes/pass_test_support.h"
#include "passes/passes.h"
#include "runtime/session.h"

namespace ow {
namespace {

using namespace test;
using Nodes = std::vector<onnx::Node>;
using List = std::vector<int64_t>;

onnx::Node transpose(const char* from, const char* to, List perm) {
  return node("Transpose", {from}, {to}, {attr("perm", std::move(perm))});
}
onnx::Node gather(const char* from, const char* index, const char* to, int64_t axis) {
  return node("Gather", {from, index}, {to}, {attr("axis", axis)});
}

onnx::Tensor index(const char* name, int64_t i) {
  return tensor(name, onnx::Tensor::INT64, {}, std::vector<int64_t>{i});
}

// Runs it in a session, twice, against `evaluate`; returns how many views of parts the pass makes.
int views(Nodes nodes, const Shape& shape, const std::vector<std::string>& outputs = {"y"}) {
  std::vector<std::string> dims;
  for (int64_t d : shape) dims.push_back(std::to_string(d));
  onnx::Graph g = graph({value("x", kFloat, dims)}, {}, std::move(nodes),
                        {index("i0", 0),
                         index("i1", 1),
                         index("i-1", -1),
                         ints("0", {0}),
                         ints("1", {1}),
                         ints("2", {2}),
                         ints("3", {3}),
                         ints("-1", {-1}),
                         ints("-3", {-3}),
                         ints("far", {INT64_MAX}),
                         ints("1 2", {1, 2}),
                         ints("2 3", {2, 3}),
                         ints("axes", {1, 2}),
                         ints("heads", {2, 7, 3, 2, 8}),
                         ints("halves", {40, 40}),
                         ints("flat", {2, 7, -1}),
                         ints("pixels", {0, 0, -1}),
                         ints("split", {2, 7, 6, 8}),
                         floats("w", {3, 40, 3, 3}, spread_numbers(1080, 4)),
                         floats("half", {}, {0.5f})});
  for (const auto& name : outputs) g.output.push_back(value(name, kFloat));
  auto plain = import_model(*file(model(g))), changed = import_model(*file(model(g)));
  EXPECT_TRUE(plain.ok()) << plain.status().message();
  if (!plain.ok()) return -1;
  const Tensor x = spread(shape, 3);
  auto want = evaluate(*plain->graph, std::vector<Value>{x});
  EXPECT_TRUE(want.ok()) << want.status().message();
  auto session = Session::create(*Model::load_bytes(as_bytes(bytes(model(g)))), {.threads = 2});
  EXPECT_TRUE(session.ok()) << session.status().message();
  if (!want.ok() || !session.ok()) return -1;
  for (int run = 0; run < 2; ++run) {
    auto got = (*session)->run(std::vector<std::pair<std::string_view, Value>>{{"x", x}});
    EXPECT_TRUE(got.ok()) << got.status().message();
    for (size_t o = 0; got.ok() && o < want->size(); ++o)
      expect_near(*(*got)[o].tensor(), *(*want)[o].tensor(), {.absolute = 1e-4f});
  }
  EXPECT_TRUE(fuse_attention(*changed->graph).ok());
  auto made = make_views(*changed->graph);
  EXPECT_TRUE(made.ok());
  return made.ok() ? *made : -1;
}

// Queries, keys and values out of one product.
TEST(Views, HeadsOfAttention) {
  const Nodes attention = {transpose("k", "t", {0, 1, 3, 2}), node("MatMul", {"q", "t"}, {"s"}),
                           node("Softmax", {"s"}, {"p"}),     node("MatMul", {"p", "v"}, {"h"}),
                           transpose("h", "r", {0, 2, 1, 3}), node("Reshape", {"r", "flat"}, {"y"})};
  Nodes nodes = {node("Reshape", {"x", "heads"}, {"a"}), transpose("a", "b", {2, 0, 3, 1, 4}),
                 gather("b", "i0", "q", 0), gather("b", "i1", "k", 0), gather("b", "i-1", "v", 0)};
  nodes.insert(nodes.end(), attention.begin(), attention.end());
  EXPECT_EQ(views(nodes, {2, 7, 48}), 3);
  nodes = {
      node("Reshape", {"x", "split"}, {"a"}), transpose("a", "b", {0, 2, 1, 3}),
      node("Split", {"b"}, {"q", "k", "v"}, {attr("axis", int64_t{1}), attr("num_outputs", int64_t{3})})};
  nodes.insert(nodes.end(), attention.begin(), attention.end());
  EXPECT_EQ(views(nodes, {2, 7, 48}), 1);
}

// An image that is rolled, and cut into every second pixel.
TEST(Views, PartsThatAreJoinedAgain) {
  EXPECT_EQ(views({node("Slice", {"x", "3", "far", "1"}, {"a"}), node("Slice", {"x", "0", "3", "1"}, {"b"}),
                   node("Concat", {"a", "b"}, {"c"}, {attr("axis", int64_t{1})}),
                   node("Slice", {"c", "-3", "far", "2"}, {"d"}), node("Slice", {"c", "0", "-3", "2"}, {"e"}),
                   node("Concat", {"d", "e"}, {"y"}, {attr("axis", int64_t{2})})},
                  {1, 9, 11, 5}),
            4);
  EXPECT_EQ(views({node("Slice", {"x", "0", "far", "1", "2"}, {"a"}),
                   node("Slice", {"x", "1", "far", "1", "2"}, {"b"}),
                   node("Slice", {"a", "1", "far", "2", "2"}, {"c"}),
                   node("Slice", {"b", "1", "far", "2", "2"}, {"d"}),
                   node("Concat", {"c", "d"}, {"y"}, {attr("axis", int64_t{-1})})},
                  {2, 8, 6, 3}),
            4);
  EXPECT_EQ(views({node("Slice", {"x", "1 2", "2 3", "axes"}, {"a"}),
                   node("Concat", {"a", "a"}, {"y"}, {attr("axis", int64_t{0})})},
                  {2, 5, 6, 3}),
            1);
}

// Half of the channels, of a row-major image and of one in channels-last order.
TEST(Views, ChannelsOfImages) {
  const onnx::Node pool =
      node("AveragePool", {"x"}, {"z"}, {attr("kernel_shape", List{3, 3}), attr("pads", List{1, 1, 1, 1})});
  for (const onnx::Node& maker : {node("Sigmoid", {"x"}, {"z"}), pool}) {
    Nodes nodes = {maker, node("Split", {"z", "halves"}, {"a", "b"}, {attr("axis", int64_t{1})}),
                   node("Mul", {"b", "b"}, {"d"}),
                   node("Concat", {"a", "d"}, {"y"}, {attr("axis", int64_t{1})})};
    EXPECT_EQ(views(nodes, {2, 80, 7, 5}), 1);
    nodes.push_back(node("Conv", {"a", "w"}, {"c"}, {attr("pads", List{1, 1, 1, 1})}));
    EXPECT_EQ(views(nodes, {2, 80, 7, 5}, {"y", "c"}), 0);
  }
}

// Whoever takes dense memory gets it, behind views and Transposes in any order.
TEST(Views, ReadersThatTakeNone) {
  EXPECT_EQ(views({node("Slice", {"x", "1", "3", "2"}, {"a"}), node("Softmax", {"a"}, {"y"})}, {2, 5, 6}), 0);
  EXPECT_EQ(views({node("Slice", {"x", "1", "3", "1"}, {"a"}), transpose("a", "b", {2, 0, 1}),
                   node("Softmax", {"b"}, {"y"})},
                  {2, 5, 6}),
            0);
  EXPECT_EQ(views({node("Slice", {"x", "1", "3", "1"}, {"y"})}, {2, 5, 6}), 0);
  EXPECT_EQ(views({transpose("x", "a", {0, 2, 3, 1}), node("Reshape", {"a", "pixels"}, {"b"}),
                   node("Softmax", {"b"}, {"y"}), node("Neg", {"b"}, {"z"})},
                  {2, 3, 4, 5}, {"y", "z"}),
            0);
}

// Each order of axes, each pair of shapes: where regrouped() gives an order, gapless memory in the order
// before is, read in the order behind, the reshaped tensor.
TEST(Views, ReshapesAreViewsWhereTheySayTheyAre) {
  const std::vector<List> shapes = {{24},    {4, 6},     {2, 2, 6},    {2, 12}, {2, 3, 4},
                                    {1, 24}, {2, 1, 12}, {2, 2, 3, 2}, {6, 4},  {4, 1, 6, 1}};
  int found = 0;
  for (const List& from : shapes)
    for (const List& to : shapes) {
      std::vector<uint8_t> memory(from.size());
      std::iota(memory.begin(), memory.end(), uint8_t{0});
      do {
        const auto out = regrouped(symbolic(Shape(from)), symbolic(Shape(to)), memory, false);
        if (!out) continue;
        ++found;
        const auto strides = [](const List& shape, const std::vector<uint8_t>& order) {
          List s(shape.size());
          int64_t step = 1;
          for (size_t i = order.size(); i-- > 0; step *= shape[order[i]]) s[order[i]] = step;
          return s;
        };
        ASSERT_EQ(out->size(), to.size());
        const List a = strides(from, memory), b = strides(to, *out);
        const auto place = [](int64_t i, const List& shape, const List& steps) {
          int64_t at = 0;
          for (size_t k = shape.size(); k-- > 0; i /= shape[k]) at += i % shape[k] * steps[k];
          return at;
        };
        for (int64_t i = 0; i < 24; ++i) ASSERT_EQ(place(i, from, a), place(i, to, b));
      } while (std::next_permutation(memory.begin(), memory.end()));
    }
  EXPECT_GT(found, 100);
}

}  // namespace
}  // namespace ow
