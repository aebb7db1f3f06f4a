#include "faults/models.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "passes/test_support.h"

namespace ow::faults {
namespace {

using namespace test;
using T = onnx::Tensor;
using A = onnx::Attribute;

template <class V>
onnx::Attribute list(std::string name, A::AttributeType type, std::vector<V> A::*member,
                     std::vector<V> values) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = type;
  a.*member = std::move(values);
  return a;
}
onnx::Attribute float_list(std::string name, std::vector<float> v) {
  return list(std::move(name), A::FLOATS, &A::floats, std::move(v));
}
onnx::Attribute text_list(std::string name, std::vector<onnx::Text> v) {
  return list(std::move(name), A::STRINGS, &A::strings, std::move(v));
}

std::vector<float> ramp(size_t n) {
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<float>(i % 7) * 0.25f - 0.5f;
  return v;
}

onnx::Graph graph(std::vector<onnx::Node> nodes, std::vector<onnx::ValueInfo> inputs,
                  std::vector<onnx::ValueInfo> outputs, std::vector<onnx::Tensor> initializers = {}) {
  onnx::Graph g;
  g.node = std::move(nodes);
  g.input = std::move(inputs);
  g.output = std::move(outputs);
  g.initializer = std::move(initializers);
  return g;
}

void add_domain(onnx::Model& m, onnx::Text domain, int64_t version) {
  onnx::OperatorSetId id;
  id.domain = domain;
  id.version = version;
  m.opset_import.push_back(id);
}

onnx::Model conv_net() {
  return model(
      graph({node("Conv", {"x", "w", "b"}, {"c"}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})}),
             node("BatchNormalization", {"c", "b", "b", "b", "v"}, {"n"}), node("Relu", {"n"}, {"r"}),
             node("MaxPool", {"r"}, {"p"}, {attr("kernel_shape", std::vector<int64_t>{2, 2})}),
             node("GlobalAveragePool", {"p"}, {"a"}), node("Flatten", {"a"}, {"f"}),
             node("Gemm", {"f", "g"}, {"s"}, {attr("transB", int64_t{1})}), node("Softmax", {"s"}, {"y"})},
            {value("x", T::FLOAT, {"N", "2", "4", "4"})}, {value("y", T::FLOAT, {"N", "2"})},
            {floats("w", {3, 2, 3, 3}, ramp(54)), floats("b", {3}, ramp(3)), floats("v", {3}, {1, 2, 3}),
             floats("g", {2, 3}, ramp(6))}));
}

onnx::Model if_loop() {
  auto then = graph({node("Add", {"s", "s"}, {"t"})}, {}, {value("t", T::FLOAT)});
  auto otherwise = graph({node("Neg", {"s"}, {"e"})}, {}, {value("e", T::FLOAT)});
  auto body =
      graph({node("Greater", {"i", "one"}, {"late"}),
             node("If", {"late"}, {"next"}, {attr("then_branch", then), attr("else_branch", otherwise)}),
             node("Identity", {"go"}, {"on"}), node("ReduceSum", {"next"}, {"sum"})},
            {value("i", T::INT64, {}), value("go", T::BOOL, {}), value("s", T::FLOAT)},
            {value("on", T::BOOL, {}), value("next", T::FLOAT), value("sum", T::FLOAT)});
  return model(graph({node("Loop", {"trips", "", "x"}, {"y", "sums"}, {attr("body", body)})},
                     {value("x", T::FLOAT, {"N"})}, {value("y", T::FLOAT), value("sums", T::FLOAT)},
                     {ints("trips", {4}), ints("one", {1})}));
}

onnx::Model functions() {
  onnx::Function inner;
  inner.name = "scale";
  inner.domain = "local";
  inner.input = {"a"};
  inner.output = {"b"};
  inner.attribute = {"by"};
  inner.node = {node("Constant", {}, {"k"}, {ref("value_float", "by", A::FLOAT)}),
                node("Mul", {"a", "k"}, {"b"})};
  inner.opset_import.emplace_back().version = 22;
  onnx::Function outer;
  outer.name = "twice";
  outer.domain = "local";
  outer.input = {"p"};
  outer.output = {"r"};
  outer.node = {node("scale", {"p"}, {"q"}, {attr("by", 2.0f)}, "local"),
                node("scale", {"q"}, {"r"}, {attr("by", 0.5f)}, "local")};
  outer.opset_import = inner.opset_import;
  outer.opset_import.emplace_back();
  outer.opset_import.back().domain = "local";
  outer.opset_import.back().version = 1;
  auto m = model(graph({node("twice", {"x"}, {"h"}, {}, "local"), node("Sigmoid", {"h"}, {"y"})},
                       {value("x", T::FLOAT, {"N", "3"})}, {value("y", T::FLOAT, {"N", "3"})}));
  m.functions = {inner, outer};
  add_domain(m, "local", 1);
  return m;
}

onnx::Model external_data(const std::string& folder) {
  const auto weights = ramp(12);
  const std::string_view bytes(reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float));
  ONWARD_CHECK(write_file(folder + "/weights.bin", std::span(&bytes, 1)).ok());
  onnx::Tensor w = floats("w", {4, 3}, {});
  w.raw_data.reset();
  w.data_location = T::EXTERNAL;
  for (auto [key, text] : {std::pair("location", "weights.bin"), {"offset", "0"}, {"length", "48"}}) {
    onnx::StringStringEntry entry;
    entry.key = key;
    entry.value = text;
    w.external_data.push_back(entry);
  }
  return model(graph({node("MatMul", {"x", "w"}, {"m"}), node("Tanh", {"m"}, {"y"})},
                     {value("x", T::FLOAT, {"N", "4"})}, {value("y", T::FLOAT, {"N", "3"})}, {w}));
}

onnx::Model sparse_initializer() {
  auto m = model(graph({node("MatMul", {"x", "w"}, {"y"})}, {value("x", T::FLOAT, {"N", "4"})},
                       {value("y", T::FLOAT, {"N", "3"})}));
  onnx::SparseTensor w;
  w.values = floats("w", {3}, {1, 2, 3});
  w.indices = tensor<int64_t>("", T::INT64, {3, 2}, {0, 1, 2, 0, 3, 2});
  w.dims = {4, 3};
  m.graph->sparse_initializer = {w};
  return m;
}

onnx::Model strings() {
  onnx::Tensor suffix;
  suffix.name = "suffix";
  suffix.data_type = T::STRING;
  suffix.dims = {1};
  suffix.string_data = {"-a suffix that is too long for the string object"};
  return model(graph({node("StringConcat", {"x", "suffix"}, {"c"}),
                      node("StringSplit", {"c"}, {"parts", "counts"}, {attr("delimiter", "-")}),
                      node("RegexFullMatch", {"c"}, {"match"}, {attr("pattern", "(a|b)+.*[^x]")}),
                      node("StringNormalizer", {"c"}, {"upper"}, {attr("case_change_action", "UPPER")})},
                     {value("x", T::STRING, {"N"})},
                     {value("parts", T::STRING), value("counts", T::INT64), value("match", T::BOOL),
                      value("upper", T::STRING)},
                     {suffix}));
}

onnx::Model sequences() {
  return model(
      graph({node("SequenceConstruct", {"x", "k"}, {"s"}), node("SequenceInsert", {"s", "x", "zero"}, {"s2"}),
             node("SequenceErase", {"s2", "zero"}, {"s3"}), node("SequenceLength", {"s3"}, {"count"}),
             node("ConcatFromSequence", {"s3"}, {"y"}, {attr("axis", int64_t{0})}),
             node("Optional", {"y"}, {"o"}), node("OptionalGetElement", {"o"}, {"z"})},
            {value("x", T::FLOAT, {"2"})}, {value("z", T::FLOAT), value("count", T::INT64, {})},
            {floats("k", {2}, {1, 2}), tensor<int64_t>("zero", T::INT64, {}, {0})}));
}

onnx::Model ml_trees() {
  using V = std::vector<int64_t>;
  auto tree =
      node("TreeEnsembleClassifier", {"n"}, {"label", "scores"},
           {attr("nodes_treeids", V{0, 0, 0}), attr("nodes_nodeids", V{0, 1, 2}),
            attr("nodes_featureids", V{1, 0, 0}), float_list("nodes_values", {0.5f, 0, 0}),
            text_list("nodes_modes", {"BRANCH_LEQ", "LEAF", "LEAF"}), attr("nodes_truenodeids", V{1, 0, 0}),
            attr("nodes_falsenodeids", V{2, 0, 0}), attr("class_treeids", V{0, 0}),
            attr("class_nodeids", V{1, 2}), attr("class_ids", V{0, 1}), float_list("class_weights", {1, 1}),
            text_list("classlabels_strings", {"cat", "dog"})},
           "ai.onnx.ml");
  auto scale =
      node("Scaler", {"x"}, {"n"}, {float_list("offset", {1, 2}), float_list("scale", {2, 3})}, "ai.onnx.ml");
  auto map =
      node("ZipMap", {"scores"}, {"map"}, {text_list("classlabels_strings", {"cat", "dog"})}, "ai.onnx.ml");
  onnx::ValueInfo maps;
  maps.name = "map";
  onnx::Type::Map of;
  of.key_type = T::STRING;
  of.value_type = *value("", T::FLOAT, {}).type;
  onnx::Type element, type;
  element.map_type = of;
  type.sequence_type.emplace().elem_type = element;
  maps.type = type;
  auto m =
      model(graph({scale, tree, map}, {value("x", T::FLOAT, {"N", "2"})}, {value("label", T::STRING), maps}));
  add_domain(m, "ai.onnx.ml", 3);
  return m;
}

onnx::Model quantized() {
  const auto zero = tensor<uint8_t>("z", T::UINT8, {}, {128});
  return model(graph({node("QuantizeLinear", {"x", "s", "z"}, {"q"}),
                      node("QLinearConv", {"q", "s", "z", "w", "s", "z", "s", "z"}, {"c"}),
                      node("DequantizeLinear", {"c", "s", "z"}, {"d"}),
                      node("DynamicQuantizeLinear", {"d"}, {"e", "es", "ez"}),
                      node("DequantizeLinear", {"e", "es", "ez"}, {"y"})},
                     {value("x", T::FLOAT, {"1", "1", "3", "3"})}, {value("y", T::FLOAT)},
                     {tensor<uint8_t>("w", T::UINT8, {2, 1, 2, 2}, {100, 120, 130, 140, 150, 160, 170, 180}),
                      zero, floats("s", {}, {0.1f})}));
}

onnx::Model ir_version_1() {
  auto add = node("Add", {"r", "b"}, {"a"}, {attr("broadcast", int64_t{1}), attr("axis", int64_t{1})});
  auto m = model(
      graph({node("Reshape", {"x"}, {"r"}, {attr("shape", std::vector<int64_t>{0, 3, -1})}), add,
             node("Dropout", {"a"}, {"d"}, {attr("is_test", int64_t{1})}), node("Softmax", {"d"}, {"y"})},
            {value("x", T::FLOAT, {"2", "6"}), value("b", T::FLOAT, {"3"})},
            {value("y", T::FLOAT, {"2", "3", "2"})}, {floats("b", {3}, {1, 2, 3})}),
      1, 1);
  m.opset_import.clear();
  return m;
}

constexpr size_t kOwnModels = 10;
constexpr uintmax_t kMaxExtraBytes = 2048;

// Test names are letters, digits and underscores.
std::string test_name(const std::filesystem::path& file, size_t index) {
  std::string name = file.parent_path().filename().string() + "_" + std::to_string(index);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

void add_extra(std::vector<SmallModel>& models) {
  const char* folder = std::getenv("ONWARD_FAULT_MODELS");
  if (!folder) return;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".onnx" && entry.file_size() <= kMaxExtraBytes)
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    auto mapped = MappedFile::open(file);
    ONWARD_CHECK(mapped.ok());
    models.push_back({test_name(file, models.size()), std::string((*mapped)->text())});
  }
}

std::string made_folder() {
  const auto path = std::filesystem::temp_directory_path() / ("onward_faults_" + std::to_string(::getpid()));
  std::filesystem::create_directories(path);
  return path.string();
}

class Cleanup : public ::testing::Environment {
  void TearDown() override { std::filesystem::remove_all(data_folder()); }
};
[[maybe_unused]] const auto* const kCleanup = ::testing::AddGlobalTestEnvironment(new Cleanup);

std::vector<SmallModel> make_models() {
  std::vector<SmallModel> models = {{"conv_net", bytes(conv_net())},
                                    {"if_loop", bytes(if_loop())},
                                    {"functions", bytes(functions())},
                                    {"external_data", bytes(external_data(data_folder()))},
                                    {"sparse_initializer", bytes(sparse_initializer())},
                                    {"strings", bytes(strings())},
                                    {"sequences", bytes(sequences())},
                                    {"ml_trees", bytes(ml_trees())},
                                    {"quantized", bytes(quantized())},
                                    {"ir_version_1", bytes(ir_version_1())}};
  ONWARD_CHECK(models.size() == kOwnModels);
  add_extra(models);
  return models;
}

}  // namespace

bool is_extra(size_t index) { return index >= kOwnModels; }

const char* data_folder() {
  static const auto* const path = new std::string(made_folder());
  return path->c_str();
}

const std::vector<SmallModel>& small_models() {
  static const auto* const models = new std::vector<SmallModel>(make_models());
  return *models;
}

}  // namespace ow::faults
