// Inference through subgraphs: what holds in every iteration, in both branches, and how long scans become.
#include "passes/infer.h"

#include <gmock/gmock.h>

#include <chrono>

#include "passes/import.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64, kBool = onnx::Tensor::BOOL;

// Types of the graph's outputs; "error: .." where import refuses it. Unknown sizes are "?".
std::vector<std::string> types(const onnx::Graph& g) {
  auto imported = import_model(*file(model(g)));
  if (!imported.ok()) return {cat("error: ", imported.status().message())};
  std::vector<std::string> out;
  for (const ir::Value* v : imported->graph->outputs()) {
    std::string text = v->type().text(), plain;
    for (size_t i = 0; i < text.size(); ++i) {
      plain += text[i];
      if (text[i] == '?')
        while (i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1]))) ++i;
    }
    out.push_back(plain);
  }
  return out;
}
using Types = std::vector<std::string>;

// y, k = Loop(m, "", s0) with a body (i, go, s) -> (go, s2, e) of these nodes, which make s2 and e.
onnx::Node loop(std::vector<onnx::Node> nodes, const std::string& m = "m", const std::string& s0 = "x",
                const onnx::ValueInfo& state = value("s", kFloat)) {
  nodes.push_back(node("Identity", {"go"}, {"go2"}));
  return node("Loop", {m, "", s0}, {"y", "k"},
              {attr("body", graph({value("i", kInt64, {}), value("go", kBool, {}), state},
                                  {value("go2", kBool), value("s2", kFloat), value("e", kFloat)}, nodes))});
}

onnx::Tensor trips(int64_t m) { return tensor("m", kInt64, {}, std::vector<int64_t>{m}); }
const std::vector<onnx::ValueInfo> kOut = {value("y", kFloat), value("k", kFloat)};

TEST(InferLoop, StateKeepsWhatItsBodyKeeps) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"N", "3"})}, kOut,
                        {loop({node("Relu", {"s"}, {"s2"}), node("Transpose", {"s"}, {"e"})})}, {trips(4)})),
            (Types{"float[N,3]", "float[4,3,N]"}));
}

TEST(InferLoop, SizesThatChangeBecomeSymbols) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"N", "2"})}, kOut,
                        {loop({node("Concat", {"s", "x"}, {"s2"}, {attr("axis", int64_t{1})}),
                               node("ReduceMean", {"s2"}, {"e"}, {attr("keepdims", int64_t{0})})})},
                        {trips(4)})),
            (Types{"float[N,?]", "float[4]"}));
}

// As exporters write it that trace one iteration.
TEST(InferLoop, SizesDeclaredInTheBodyAreThoseOfOneIteration) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"1", "1"})}, kOut,
                        {loop({node("Concat", {"s", "x"}, {"s2"}, {attr("axis", int64_t{1})}),
                               node("Shape", {"s"}, {"n"}),
                               node("Cast", {"n"}, {"e"}, {attr("to", int64_t{kFloat})})},
                              "m", "x", value("s", kFloat, {"1", "1"}))},
                        {trips(4)})),
            (Types{"float[1,?]", "float[4,2]"}));
}

TEST(InferLoop, RankThatChangesBecomesUnknown) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"N"})}, kOut,
                        {loop({node("Unsqueeze", {"s", "zero"}, {"s2"}), node("Identity", {"x"}, {"e"})})},
                        {trips(4), ints("zero", {0})})),
            (Types{"float[...]", "float[4,N]"}));
}

// The state after at least one iteration is what the body returns, whatever came in.
TEST(InferLoop, TripCountDecidesTheState) {
  const auto with = [](int64_t m) {
    return types(graph({value("x", kFloat, {"2"})}, kOut,
                       {loop({node("Identity", {"c"}, {"s2"}), node("Neg", {"s"}, {"e"})})},
                       {trips(m), floats("c", {5}, {1, 2, 3, 4, 5})}));
  };
  EXPECT_EQ(with(3), (Types{"float[5]", "float[3,?]"}));
  EXPECT_EQ(with(0), (Types{"float[2]", "float[0,?]"}));
  EXPECT_EQ(types(graph({value("x", kFloat, {"2"}), value("m", kInt64, {})}, kOut,
                        {loop({node("Identity", {"c"}, {"s2"}), node("Neg", {"s"}, {"e"})})},
                        {floats("c", {5}, {1, 2, 3, 4, 5})})),
            (Types{"float[?]", "float[?,?]"}));
}

TEST(InferLoop, SymbolicTripCountIsTheLengthOfScans) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"N", "3"})}, kOut,
                        {node("Shape", {"x"}, {"shape"}), node("Gather", {"shape", "first"}, {"n"}),
                         loop({node("Relu", {"s"}, {"s2"}), node("Gather", {"x", "i"}, {"e"})}, "n")},
                        {tensor("first", kInt64, {}, std::vector<int64_t>{0})})),
            (Types{"float[N,3]", "float[N,3]"}));
}

TEST(InferLoop, ConditionMayEndItEarly) {
  onnx::Graph body =
      graph({value("i", kInt64, {}), value("go", kBool, {})}, {value("go2", kBool), value("e", kFloat)},
            {node("Less", {"i", "three"}, {"go2"}), node("Relu", {"x"}, {"e"})});
  EXPECT_EQ(types(graph({value("x", kFloat, {"N"})}, {value("k", kFloat)},
                        {node("Loop", {"m", ""}, {"k"}, {attr("body", body)})},
                        {trips(9), tensor("three", kInt64, {}, std::vector<int64_t>{3})})),
            (Types{"float[?,N]"}));
}

// A vector of sizes made outside is known inside; one that is carried along, too, until it changes.
TEST(InferLoop, KnownElementsReachTheBody) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"N", "6"})}, kOut,
                        {node("Shape", {"x"}, {"shape"}),
                         node("Concat", {"shape", "one"}, {"wanted"}, {attr("axis", int64_t{0})}),
                         loop({node("Relu", {"s"}, {"s2"}), node("Reshape", {"s", "wanted"}, {"e"})})},
                        {trips(2), ints("one", {1})})),
            (Types{"float[N,6]", "float[2,N,6,1]"}));
  onnx::Graph body = graph({value("i", kInt64, {}), value("go", kBool, {}), value("size", kInt64)},
                           {value("go", kBool), value("size2", kInt64), value("e", kFloat)},
                           {node("Mul", {"size", "scale"}, {"size2"}), node("Expand", {"x", "size"}, {"e"})});
  const auto with = [&](std::vector<int64_t> scale) {
    return types(graph({value("x", kFloat, {"1", "1"})}, {value("size2", kInt64), value("k", kFloat)},
                       {node("Loop", {"m", "", "start"}, {"size2", "k"}, {attr("body", body)})},
                       {trips(2), ints("start", {3, 4}), ints("scale", scale)}));
  };
  EXPECT_EQ(with({1, 1}), (Types{"int64[2]", "float[2,3,4]"}));
  EXPECT_EQ(with({1, 2}), (Types{"int64[2]", "float[2,3,?]"}));
}

// What contradicts the first iteration's shapes may never run.
TEST(InferLoop, BodyThatCannotRunIsNotRefused) {
  EXPECT_EQ(types(graph({value("x", kFloat, {"2"}), value("m", kInt64, {})}, kOut,
                        {loop({node("Add", {"s", "c"}, {"s2"}), node("Relu", {"s"}, {"e"})})},
                        {floats("c", {5}, {1, 2, 3, 4, 5})})),
            (Types{"float[...]", "float[...]"}));
}

onnx::Graph nest(int depth) {
  std::vector<onnx::Node> nodes = {node("Identity", {"go"}, {"go2"})};
  if (depth == 0)
    nodes.push_back(node("Concat", {"s", "s"}, {"s2"}, {attr("axis", int64_t{0})}));
  else
    nodes.push_back(node("Loop", {"m", "", "s"}, {"s2"}, {attr("body", nest(depth - 1))}));
  return graph({value("i", kInt64, {}), value("go", kBool, {}), value("s", kFloat)},
               {value("go2", kBool), value("s2", kFloat)}, nodes);
}

TEST(InferLoop, NestsTakeTimeInProportionToTheirDepth) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(types(graph({value("x", kFloat, {"2", "N"})}, {value("y", kFloat)},
                        {node("Loop", {"m", "", "x"}, {"y"}, {attr("body", nest(40))})}, {trips(1)})),
            (Types{"float[?,N]"}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10))
      << "rounds of nested loops must not multiply";
}

onnx::Node scan(std::vector<onnx::Node> nodes, std::vector<onnx::Attribute> attributes = {}) {
  attributes.push_back(attr("num_scan_inputs", int64_t{1}));
  attributes.push_back(attr("body", graph({value("s", kFloat), value("t", kFloat)},
                                          {value("s2", kFloat), value("e", kFloat)}, std::move(nodes))));
  return node("Scan", {"h", "x"}, {"y", "k"}, std::move(attributes));
}

TEST(InferScan, StateAndLength) {
  const std::vector<onnx::ValueInfo> in = {value("h", kFloat, {"B", "4"}),
                                           value("x", kFloat, {"B", "T", "4"})};
  EXPECT_EQ(types(graph(in, kOut,
                        {scan({node("Add", {"s", "t"}, {"s2"}), node("Relu", {"s2"}, {"e"})},
                              {attr("scan_input_axes", std::vector<int64_t>{1}),
                               attr("scan_output_axes", std::vector<int64_t>{-1})})})),
            (Types{"float[B,4]", "float[B,4,T]"}));
  EXPECT_EQ(
      types(graph(
          in, kOut,
          {scan({node("Concat", {"s", "t"}, {"s2"}, {attr("axis", int64_t{0})}), node("Relu", {"t"}, {"e"})},
                {attr("scan_input_axes", std::vector<int64_t>{1})})})),
      (Types{"float[?,4]", "float[T,B,4]"}));
}

onnx::Graph branch(onnx::Node n, std::vector<onnx::Tensor> initializers = {}) {
  return graph({}, {value("b", kFloat)}, {std::move(n)}, std::move(initializers));
}

TEST(InferIf, BranchesAreMerged) {
  const auto with = [](onnx::Graph yes, onnx::Graph no, std::vector<onnx::Tensor> known = {}) {
    std::vector<onnx::ValueInfo> in = {value("x", kFloat, {"N", "1", "3"})};
    if (known.empty()) in.push_back(value("c", kBool, {}));
    return types(graph(in, {value("y", kFloat)},
                       {node("If", {"c"}, {"y"}, {attr("then_branch", yes), attr("else_branch", no)})},
                       known));
  };
  const auto same = branch(node("Relu", {"x"}, {"b"}));
  const auto wide = branch(node("Concat", {"x", "x"}, {"b"}, {attr("axis", int64_t{2})}));
  const auto flat = branch(node("Squeeze", {"x", "a"}, {"b"}), {ints("a", {1})});
  EXPECT_EQ(with(same, same), (Types{"float[N,1,3]"}));
  EXPECT_EQ(with(same, wide), (Types{"float[N,1,?]"}));
  EXPECT_EQ(with(same, flat), (Types{"float[...]"}));
  const std::vector<onnx::Tensor> no = {tensor("c", kBool, {}, std::vector<char>{0})};
  EXPECT_EQ(with(flat, wide, no), (Types{"float[N,1,6]"}));
}

}  // namespace
}  // namespace ow
