// Import: what is accepted means what ONNX says it means; what is not is refused with a place and a reason.
#include "passes/import.h"

#include <gmock/gmock.h>

#include <chrono>

#include "ops/op/evaluate.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using A = onnx::Attribute;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64, kBool = onnx::Tensor::BOOL;

Result<ImportedModel> import(const onnx::Model& m) { return import_model(ONWARD_TRY(file(m))); }

Tensor floats_of(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }

std::vector<float> run(const onnx::Model& m, std::vector<Value> inputs) {
  auto imported = import(m);
  EXPECT_TRUE(imported.ok()) << imported.status().message();
  if (!imported.ok()) return {};
  EXPECT_TRUE(ir::verify(*imported->graph).ok()) << ir::verify(*imported->graph).message();
  auto out = evaluate(*imported->graph, inputs);
  EXPECT_TRUE(out.ok()) << out.status().message();
  if (!out.ok()) return {};
  auto span = (*out)[0].tensor()->span<float>();
  return {span.begin(), span.end()};
}

void expect_refused(const onnx::Model& m, Code code, const char* text) {
  auto r = import(m);
  ASSERT_FALSE(r.ok()) << text;
  EXPECT_EQ(r.status().code(), code) << r.status().message();
  EXPECT_THAT(std::string(r.status().message()), HasSubstr(text));
}

// x -> nodes -> y, all float [3].
onnx::Graph chain(std::vector<onnx::Node> nodes) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"3"})};
  g.output = {value("y", kFloat, {"3"})};
  g.node = std::move(nodes);
  return g;
}

TEST(Import, OldOpsetsMeanWhatTheyMeant) {
  // Softmax-1 flattens at axis 1: over 4 values, not 2.
  onnx::Graph g;
  g.input = {value("x", kFloat, {"1", "2", "2"})};
  g.output = {value("y", kFloat, {"1", "2", "2"})};
  g.node = {node("Softmax", {"x"}, {"y"})};
  const std::vector<Value> x = {floats_of({1, 2, 2}, {0, 0, 0, 0})};
  EXPECT_THAT(run(model(g, 12), x), ElementsAre(.25f, .25f, .25f, .25f));
  EXPECT_THAT(run(model(g, 13), x), ElementsAre(.5f, .5f, .5f, .5f));
  // Clip's bounds were attributes below 11.
  auto clip = chain({node("Clip", {"x"}, {"y"}, {attr("min", 0.0f), attr("max", 1.0f)})});
  EXPECT_THAT(run(model(clip, 6), {floats_of({3}, {-1, .5f, 9})}), ElementsAre(0, .5f, 1));
  expect_refused(model(clip, 11), Code::kInvalidModel, "unknown attribute 'max'");
  // Add-1 broadcasts at an axis.
  onnx::Graph add;
  add.input = {value("x", kFloat, {"2", "2"}), value("b", kFloat, {"2"})};
  add.output = {value("y", kFloat, {"2", "2"})};
  add.node = {node("Add", {"x", "b"}, {"y"}, {attr("broadcast", int64_t{1}), attr("axis", int64_t{0})})};
  EXPECT_THAT(run(model(add, 1), {floats_of({2, 2}, {0, 0, 0, 0}), floats_of({2}, {1, 2})}),
              ElementsAre(1, 1, 2, 2));
}

TEST(Import, UpgradesOfConstantsFold) {
  // The upgrade's own nodes work on constants and fold as they are made.
  onnx::Graph g = chain({node("Softmax", {"c"}, {"s"}), node("Flatten", {"s"}, {"f"}),
                         node("ReduceSum", {"f"}, {"r"}), node("Add", {"x", "r"}, {"y"})});
  g.initializer = {floats("c", {2, 2, 2}, {0, 0, 0, 0, 0, 0, 0, 0})};
  g.output = {value("y", kFloat)};
  EXPECT_THAT(run(model(g, 11), {floats_of({3}, {0, 1, 2})}), ElementsAre(2, 3, 4));
}

onnx::Function leaky() {
  onnx::Function f;
  f.name = "Leaky";
  f.domain = "mine";
  f.input = {"a", "b"};
  f.output = {"c"};
  onnx::OperatorSetId id;
  id.version = 16;
  f.opset_import = {id};
  // c = LeakyRelu(a; alpha = slope) clipped below by the optional b
  f.node = {node("LeakyRelu", {"a"}, {"t"}, {ref("alpha", "slope", A::FLOAT)}),
            node("Clip", {"t", "b"}, {"c"})};
  return f;
}

onnx::Model with_function(onnx::Function f, std::vector<onnx::Node> nodes,
                          std::vector<onnx::Tensor> initializers = {}) {
  onnx::Graph g = chain(std::move(nodes));
  g.initializer = std::move(initializers);
  onnx::Model m = model(std::move(g));
  onnx::OperatorSetId id;
  id.domain = "mine";
  id.version = 1;
  m.opset_import.push_back(id);
  m.functions = {std::move(f)};
  return m;
}

TEST(Import, FunctionsTakeAttributesDefaultsAndOmittedInputs) {
  const std::vector<Value> x = {floats_of({3}, {-1, 0, 1})};
  // Given.
  EXPECT_THAT(run(with_function(leaky(), {node("Leaky", {"x"}, {"y"}, {attr("slope", 0.5f)}, "mine")}), x),
              ElementsAre(-.5f, 0, 1));
  // Neither given nor with a default: the operator's own default.
  EXPECT_THAT(run(with_function(leaky(), {node("Leaky", {"x"}, {"y"}, {}, "mine")}), x),
              ElementsAre(-.01f, 0, 1));
  auto with_default = leaky();
  with_default.attribute_proto = {attr("slope", 0.25f)};
  EXPECT_THAT(run(with_function(with_default, {node("Leaky", {"x"}, {"y"}, {}, "mine")}), x),
              ElementsAre(-.25f, 0, 1));
  // The optional input, and "" in its place.
  EXPECT_THAT(run(with_function(leaky(), {node("Leaky", {"x", "low"}, {"y"}, {attr("slope", 1.0f)}, "mine")},
                                {floats("low", {}, {.5f})}),
                  x),
              ElementsAre(.5f, .5f, 1));
  EXPECT_THAT(
      run(with_function(leaky(), {node("Leaky", {"x", ""}, {"y"}, {attr("slope", 1.0f)}, "mine")}), x),
      ElementsAre(-1, 0, 1));
  expect_refused(with_function(leaky(), {node("Leaky", {"x", "x", "x"}, {"y"}, {}, "mine")}),
                 Code::kInvalidModel, "takes 2");
  expect_refused(with_function(leaky(), {node("Leaky", {"x"}, {"y", "z"}, {}, "mine")}), Code::kInvalidModel,
                 "function has 1");
}

TEST(Import, AnOmittedParameterIsOmittedInNestedGraphsToo) {
  auto f = leaky();
  onnx::Graph branch;
  branch.output = {value("o", kFloat)};
  branch.node = {node("Clip", {"a", "b"}, {"o"})};
  f.node = {node("If", {"t"}, {"c"}, {attr("then_branch", branch), attr("else_branch", branch)})};
  f.node.insert(f.node.begin(), node("ReduceMax", {"pos"}, {"m"}, {attr("keepdims", int64_t{0})}));
  f.node.insert(f.node.begin(), node("Cast", {"a"}, {"pos"}, {attr("to", int64_t{kFloat})}));
  f.node.insert(f.node.begin() + 2, node("Cast", {"m"}, {"t"}, {attr("to", int64_t{kBool})}));
  onnx::OperatorSetId id;
  id.version = 18;
  f.opset_import = {id};
  EXPECT_THAT(run(with_function(f, {node("Leaky", {"x"}, {"y"}, {}, "mine")}), {floats_of({3}, {-1, 0, 1})}),
              ElementsAre(-1, 0, 1));
}

TEST(Import, RecursionIsRefused) {
  auto f = leaky();
  f.node = {node("Leaky", {"a"}, {"c"}, {}, "mine")};
  f.opset_import[0].domain = "mine";
  expect_refused(with_function(f, {node("Leaky", {"x"}, {"y"}, {}, "mine")}), Code::kInvalidModel,
                 "calls itself");
  // Doubling at each of 60 levels is no recursion, and too much.
  onnx::Model m = with_function(leaky(), {node("F0", {"x"}, {"y"}, {}, "mine")});
  m.functions.clear();
  for (int i = 0; i < 40; ++i) {
    onnx::Function g = leaky();
    g.name = keep(cat("F", i));
    g.input = {"a"};
    g.opset_import[0].domain = "mine";
    const std::string inner = cat("F", i + 1);
    g.node = {node(inner, {"a"}, {"t"}, {}, "mine"), node(inner, {"t"}, {"c"}, {}, "mine")};
    m.functions.push_back(g);
  }
  auto last = leaky();
  last.name = "F40";
  m.functions.push_back(last);
  auto loaded = import_model(*file(m), {.max_nodes = 20000});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), Code::kLimitExceeded);
}

TEST(Import, SubgraphsSeeTheGraphsAroundThem) {
  onnx::Graph yes, no;
  yes.output = no.output = {value("o", kFloat)};
  yes.node = {node("Add", {"x", "w"}, {"o"})};
  no.node = {node("Identity", {"w"}, {"o"})};
  onnx::Graph g = chain({node("If", {"c"}, {"y"}, {attr("then_branch", yes), attr("else_branch", no)})});
  g.input.push_back(value("c", kBool, {}));
  g.initializer = {floats("w", {3}, {1, 2, 3})};
  const Tensor x = floats_of({3}, {10, 20, 30});
  EXPECT_THAT(run(model(g), {x, Tensor::scalar(true)}), ElementsAre(11, 22, 33));
  EXPECT_THAT(run(model(g), {x, Tensor::scalar(false)}), ElementsAre(1, 2, 3));
  // A body's values are not seen outside.
  g.node.push_back(node("Relu", {"o"}, {"z"}));
  expect_refused(model(g), Code::kInvalidModel, "'o' is made by no earlier node");
}

TEST(Import, InitializersAndInputs) {
  onnx::Graph g = chain({node("Add", {"x", "w"}, {"y"})});
  g.input.push_back(value("w", kFloat, {"3"}));
  g.initializer = {floats("w", {3}, {1, 2, 3})};
  // IR 3: every initializer is listed, none can be fed.
  auto old = import(model(g, 8, 3));
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->graph->inputs().size(), 1u);
  auto now = import(model(g));
  ASSERT_TRUE(now.ok());
  ASSERT_EQ(now->graph->inputs().size(), 2u);
  EXPECT_TRUE(now->graph->inputs()[1]->default_value.has_value());
  EXPECT_FALSE(now->graph->inputs()[1]->is_constant());
  auto wrong = g;
  wrong.initializer = {floats("w", {2}, {1, 2})};
  expect_refused(model(wrong), Code::kInvalidModel, "initializer 'w' is float[2]");
  wrong.initializer = {ints("w", {1, 2, 3})};
  expect_refused(model(wrong), Code::kInvalidModel, "initializer 'w' is int64[3]");
  auto twice = g;
  twice.initializer.push_back(floats("w", {3}, {1, 2, 3}));
  expect_refused(model(twice), Code::kInvalidModel, "twice");
}

TEST(Import, StructureIsHeldToTheRules) {
  expect_refused(model(chain({node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})})), Code::kInvalidModel,
                 "'y' is defined twice");
  expect_refused(model(chain({node("Relu", {"nobody"}, {"y"})})), Code::kInvalidModel,
                 "'nobody' is made by no earlier node");
  expect_refused(model(chain({node("Relu", {"a"}, {"y"}), node("Relu", {"x"}, {"a"})})), Code::kInvalidModel,
                 "'a' is made by no earlier");
  expect_refused(
      model(chain({node("Add", {"x", "b"}, {"a"}), node("Relu", {"a"}, {"b"}), node("Relu", {"b"}, {"y"})})),
      Code::kInvalidModel, "'b' is made by no earlier");
  expect_refused(model(chain({node("Relu", {"x"}, {"z"})})), Code::kInvalidModel,
                 "graph output 'y' is made by no node");
  expect_refused(model(chain({node("Relu", {}, {"y"})})), Code::kInvalidModel, "has 0 inputs");
  expect_refused(model(chain({node("Relu", {"x", "x"}, {"y"})})), Code::kInvalidModel, "has 2 inputs");
  expect_refused(model(chain({node("Relu", {"x"}, {"y", "z"})})), Code::kInvalidModel, "has 2 outputs");
  expect_refused(model(chain({node("Add", {"", "x"}, {"y"})})), Code::kInvalidModel, "is required");
  expect_refused(model(chain({node("Concat", {"x", "", "x"}, {"y"}, {attr("axis", int64_t{0})})})),
                 Code::kInvalidModel, "is required");
  expect_refused(model(chain({node("Sum", {""}, {"y"})})), Code::kInvalidModel, "is required");
  expect_refused(model(chain({node("Frobnicate", {"x"}, {"y"})})), Code::kInvalidModel, "no such operator");
  expect_refused(model(chain({node("Relu", {"x"}, {"y"}, {}, "elsewhere")})), Code::kInvalidModel,
                 "not in opset_import");
  expect_refused(model(chain({node("Conv", {}, {"y"}, {}, "onward")})), Code::kInvalidModel,
                 "domain 'onward'");
  expect_refused(model(chain({node("Mish", {"x"}, {"y"})}), 17), Code::kInvalidModel, "came in opset 18");
  auto no_opset = model(chain({node("Relu", {"x"}, {"y"})}));
  no_opset.opset_import.clear();
  expect_refused(no_opset, Code::kInvalidModel, "not in opset_import");
  auto no_ir = model(chain({node("Relu", {"x"}, {"y"})}));
  no_ir.ir_version.reset();
  expect_refused(no_ir, Code::kInvalidModel, "ir_version");
}

TEST(Import, AttributesAreHeldToTheirTypes) {
  expect_refused(model(chain({node("LeakyRelu", {"x"}, {"y"}, {attr("alpha", int64_t{1})})})),
                 Code::kInvalidModel, "is of type INT, expected FLOAT");
  // Also where only an upgrade would read it.
  expect_refused(model(chain({node("Clip", {"x"}, {"y"}, {attr("min", int64_t{1})})}), 6),
                 Code::kInvalidModel, "is of type INT, expected FLOAT");
  expect_refused(model(chain({node("Squeeze", {"x"}, {"y"}, {attr("axes", int64_t{0})})}), 11),
                 Code::kInvalidModel, "expected INTS");
  expect_refused(model(chain({node("Concat", {"x"}, {"y"})})), Code::kInvalidModel, "'axis' is missing");
  expect_refused(model(chain({node("If", {"x"}, {"y"}, {attr("then_branch", int64_t{1})})})),
                 Code::kInvalidModel, "expected GRAPH");
  expect_refused(model(chain({node("LeakyRelu", {"x"}, {"y"}, {ref("alpha", "slope", A::FLOAT)})})),
                 Code::kInvalidModel, "outside a function");
}

TEST(Import, KindsOfValuesAreHeldToTheSchema) {
  expect_refused(model(chain({node("SequenceConstruct", {"x"}, {"s"}), node("Relu", {"s"}, {"y"})})),
                 Code::kInvalidModel, "input 0");
  expect_refused(model(chain({node("SequenceLength", {"x"}, {"y"})})), Code::kInvalidModel, "input 0");
  expect_refused(model(chain({node("BitwiseNot", {"x"}, {"y"})})), Code::kInvalidModel, "of type float");
}

// PyTorch's exporter writes bfloat16 convolutions at opset 18; Conv takes that type from opset 22 on.
TEST(Import, TypesOfLaterVersionsAreTaken) {
  auto of_type = [](std::string op, int32_t type) {
    onnx::Graph g = chain({node(op, {"x"}, {"y"})});
    g.input[0].type->tensor_type->elem_type = type;
    g.output[0].type->tensor_type->elem_type = type;
    return g;
  };
  constexpr int32_t kInt8 = 3, kInt16 = 5, kBFloat16 = 16;
  EXPECT_TRUE(import(model(of_type("Relu", kBFloat16), 6)).ok());
  EXPECT_TRUE(import(model(of_type("ReduceMax", kInt8), 9)).ok());
  expect_refused(model(of_type("ReduceMax", kInt16), 9), Code::kInvalidModel, "is of type int16");
}

onnx::Graph nested(int depth) {
  onnx::Graph g;
  g.output = {value("o", kFloat)};
  if (depth == 0)
    g.node = {node("Identity", {"x"}, {"o"})};
  else
    g.node = {
        node("If", {"c"}, {"o"}, {attr("then_branch", nested(depth - 1)), attr("else_branch", nested(0))})};
  return g;
}

TEST(Import, NestingHasALimit) {
  for (int depth : {10, 300}) {
    onnx::Graph g = chain(
        {node("If", {"c"}, {"y"}, {attr("then_branch", nested(depth)), attr("else_branch", nested(0))})});
    g.input.push_back(value("c", kBool, {}));
    auto loaded = import(model(g));
    EXPECT_EQ(loaded.ok(), depth == 10);
    if (!loaded.ok()) {
      EXPECT_EQ(loaded.status().code(), Code::kLimitExceeded) << loaded.status().message();
    }
  }
}

// Of this thread: other processes may be busy.
double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double seconds_to_import(int nodes) {
  onnx::Graph g = chain({});
  std::string from = "x";
  for (int i = 0; i < nodes; ++i) {
    const std::string to = i + 1 == nodes ? "y" : cat("t", i);
    g.input.push_back(value(cat("w", i), kFloat, {"3"}));
    g.initializer.push_back(floats(cat("w", i), {3}, {1, 2, 3}));
    g.node.push_back(node("Add", {from, i % 2 ? "shared" : cat("w", i)}, {to}));
    from = to;
  }
  g.initializer.push_back(floats("shared", {3}, {1, 2, 3}));
  const std::string text = bytes(model(g));
  const double start = cpu_seconds();
  auto imported = import_model(*onnx::load_bytes(as_bytes(text)));
  EXPECT_TRUE(imported.ok());
  return cpu_seconds() - start;
}

TEST(Import, TakesTimeInProportionToTheFile) {
  seconds_to_import(500);
  const double few = seconds_to_import(2000), many = seconds_to_import(20000);
  EXPECT_LT(many, 40 * few) << "10 times the nodes; in proportion to their square it would be 100";
}

TEST(Import, UnknownSizesAreNotEqual) {
  onnx::Graph g;
  g.input = {value("a", kInt64, {"?"}), value("b", kInt64, {"?"}), value("c", kInt64, {"N"})};
  g.output = {value("y", kInt64)};
  g.node = {node("Add", {"a", "b"}, {"y"})};
  auto m = import(model(g));
  ASSERT_TRUE(m.ok());
  const auto& in = m->graph->inputs();
  EXPECT_FALSE((*in[0]->type().shape)[0] == (*in[1]->type().shape)[0]);
  EXPECT_EQ((*in[2]->type().shape)[0].text(), "N");
}

onnx::SparseTensor sparse(std::vector<float> values, onnx::Tensor indices, std::vector<int64_t> dims) {
  onnx::SparseTensor t;
  const auto n = static_cast<int64_t>(values.size());
  t.values = floats("w", {n}, values);
  t.indices = std::move(indices);
  t.dims = std::move(dims);
  return t;
}

TEST(Import, SparseInitializersAreFilledWithZeros) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2", "3"})};
  g.output = {value("y", kFloat, {"2", "3"})};
  g.node = {node("Add", {"x", "w"}, {"y"})};
  const std::vector<Value> x = {floats_of({2, 3}, {1, 1, 1, 1, 1, 1})};
  g.sparse_initializer = {sparse({5, 7}, ints("", {1, 5}), {2, 3})};
  EXPECT_THAT(run(model(g), x), ElementsAre(1, 6, 1, 1, 1, 8));
  g.sparse_initializer = {
      sparse({5, 7}, tensor("", kInt64, {2, 2}, std::vector<int64_t>{0, 2, 1, 0}), {2, 3})};
  EXPECT_THAT(run(model(g), x), ElementsAre(1, 1, 6, 8, 1, 1));
  g.sparse_initializer = {sparse({5}, ints("", {6}), {2, 3})};
  EXPECT_FALSE(import(model(g)).ok()) << "an index behind the end";
  g.sparse_initializer = {sparse({5, 7}, ints("", {1}), {2, 3})};
  EXPECT_FALSE(import(model(g)).ok()) << "two values, one index";
}

// Files of IR version 1 say an attribute's type only by the field that is set.
TEST(Import, AttributesWithoutATypeAreWhatTheyHold) {
  const auto untagged = [](onnx::Attribute a) {
    a.type.reset();
    return a;
  };
  onnx::Graph g = chain({node("Concat", {"x", "x"}, {"c"}, {untagged(attr("axis", int64_t{0}))}),
                         node("Transpose", {"c"}, {"t"}, {untagged(attr("perm", std::vector<int64_t>{0}))}),
                         node("LeakyRelu", {"t"}, {"y"}, {untagged(attr("alpha", .5f))})});
  g.output = {value("y", kFloat, {"6"})};
  const std::vector<Value> x = {floats_of({3}, {1, -2, 3})};
  EXPECT_THAT(run(model(g, 7, 1), x), ElementsAre(1, -1, 3, 1, -1, 3));
  onnx::Graph pad =
      chain({node("Pad", {"x"}, {"y"},
                  {untagged(attr("mode", "edge")), untagged(attr("pads", std::vector<int64_t>{1, 0}))})});
  pad.output = {value("y", kFloat, {"4"})};
  EXPECT_THAT(run(model(pad, 7, 1), x), ElementsAre(1, 1, -2, 3));
}

}  // namespace
}  // namespace ow
