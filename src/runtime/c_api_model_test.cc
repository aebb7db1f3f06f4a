// Models, their types and reports through the C interface.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "kernels/cpu.h"
#include "runtime/c_api_test_support.h"

namespace ow {
namespace {

using namespace test;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kX = "x";

// y = x + w, with w in the external file "w.bin" at offset 8.
onnx::Model external() {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2"})};
  g.output = {value("y", kFloat, {"2"})};
  onnx::Tensor w = floats("w", {2}, {});
  w.raw_data.reset();
  w.data_location = onnx::Tensor::EXTERNAL;
  for (auto [key, text] : {std::pair("location", "w.bin"), {"offset", "8"}, {"length", "8"}}) {
    onnx::StringStringEntry entry;
    entry.key = key;
    entry.value = text;
    w.external_data.push_back(entry);
  }
  g.initializer = {w};
  g.node = {node("Add", {"x", "w"}, {"y"})};
  return model(g);
}

std::vector<float> sum_of(onward_model* m) {
  onward_session* s = session(m);
  onward_value *x = floats_value({2}, {1, 1}), *y = nullptr;
  const onward_value* in = x;
  EXPECT_EQ(taken(api().session_run(s, nullptr, &kX, &in, 1, nullptr, 0, &y)), "");
  api().session_free(s);
  api().value_free(x);
  return floats_taken(y);
}

TEST(CApiModel, ExternalDataFromMemory) {
  const auto& a = api();
  const std::string text = bytes(external());
  onward_model* m = nullptr;
  EXPECT_THAT(taken(a.model_load_bytes(text.data(), text.size(), nullptr, &m), ONWARD_INVALID_ARGUMENT),
              HasSubstr("w.bin"));
  auto o = sized<onward_model_options>();
  const float file[] = {7, 7, 10, 20};
  const char* location = "w.bin";
  const void* data = file;
  size_t size = sizeof file;
  o.file_names = &location;
  o.file_data = &data;
  o.file_bytes = &size;
  o.file_count = 1;
  m = load(external(), &o);
  EXPECT_THAT(sum_of(m), ElementsAre(11, 21));
  a.model_free(std::exchange(m, nullptr));
  size = 12;  // ends inside the tensor
  taken(a.model_load_bytes(text.data(), text.size(), &o, &m), ONWARD_INVALID_MODEL);
  o.file_bytes = nullptr;
  taken(a.model_load_bytes(text.data(), text.size(), &o, &m), ONWARD_INVALID_ARGUMENT);
  data = nullptr;
  o.file_bytes = &size;
  taken(a.model_load_bytes(text.data(), text.size(), &o, &m), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(m, nullptr);
}

TEST(CApiModel, InitializersFromMemory) {
  const auto& a = api();
  auto o = sized<onward_model_options>();
  onward_value* w = floats_value({2}, {5, 6});
  const onward_value* given = w;
  const char* name = "w";
  o.initializer_names = &name;
  o.initializers = &given;
  o.initializer_count = 1;
  onward_model* m = load(external(), &o);
  a.value_free(w);
  EXPECT_THAT(sum_of(m), ElementsAre(6, 7));
  EXPECT_THAT(sum_of(m), ElementsAre(6, 7));  // a second session imports the file again
  a.model_free(m);
}

TEST(CApiModel, ExternalDataInAnotherFolder) {
  const auto& a = api();
  const auto root = std::filesystem::temp_directory_path() / cat("onward_capi_", ::getpid());
  std::filesystem::create_directories(root / "weights");
  const std::string text = bytes(external());
  const float file[] = {7, 7, 1, 2};
  const std::string_view parts[] = {text}, data[] = {{reinterpret_cast<const char*>(file), sizeof file}};
  ASSERT_TRUE(write_file((root / "m.onnx").string(), parts).ok());
  ASSERT_TRUE(write_file((root / "weights/w.bin").string(), data).ok());
  onward_model* m = nullptr;
  taken(a.model_load((root / "m.onnx").c_str(), nullptr, &m), ONWARD_IO);
  auto o = sized<onward_model_options>();
  const std::string folder = (root / "weights").string();
  o.external_data_folder = folder.c_str();
  EXPECT_EQ(taken(a.model_load((root / "m.onnx").c_str(), &o, &m)), "");
  EXPECT_THAT(sum_of(m), ElementsAre(2, 3));
  a.model_free(m);
  std::filesystem::remove_all(root);
}

TEST(CApiModel, TypesInFull) {
  const auto& a = api();
  onnx::Graph g;
  onnx::ValueInfo maps = value("maps", kFloat), image = value("image", kFloat, {"N", "3"}), maybe = image;
  image.doc_string = "a picture";
  image.type->denotation = "IMAGE";
  image.type->tensor_type->shape->dim[0].denotation = "DATA_BATCH";
  onnx::Type map, sequence, optional;
  map.map_type.emplace();
  map.map_type->key_type = onnx::Tensor::STRING;
  map.map_type->value_type = *value("v", kFloat, {"K"}).type;
  sequence.sequence_type.emplace();
  sequence.sequence_type->elem_type = map;
  maps.type = sequence;
  optional.optional_type.emplace();
  optional.optional_type->elem_type = *image.type;
  maybe.name = "maybe";
  maybe.type = optional;
  g.input = {maps, image, maybe};
  g.output = {value("n", onnx::Tensor::INT64, {})};
  g.node = {node("SequenceLength", {"maps"}, {"n"})};
  onward_model* m = load(model(g));

  auto info = sized<onward_value_info>();
  auto type = sized<onward_type_info>();
  EXPECT_EQ(taken(a.model_input(m, 0, &info)), "");
  EXPECT_EQ(info.kind, ONWARD_SEQUENCE);
  EXPECT_EQ(taken(a.type_describe(info.type, &type)), "");
  EXPECT_EQ(type.kind, ONWARD_SEQUENCE);
  EXPECT_EQ(taken(a.type_describe(type.element, &type)), "");
  EXPECT_EQ(type.kind, ONWARD_MAP);
  EXPECT_EQ(type.dtype, ONWARD_STRING);
  EXPECT_EQ(taken(a.type_describe(type.element, &type)), "");
  EXPECT_EQ(type.kind, ONWARD_TENSOR);
  EXPECT_EQ(type.dtype, ONWARD_FLOAT32);
  ASSERT_EQ(type.rank, 1u);
  EXPECT_STREQ(type.dim_names[0], "K");
  EXPECT_EQ(type.element, nullptr);
  EXPECT_EQ(taken(a.model_input(m, 1, &info)), "");
  EXPECT_STREQ(info.doc_string, "a picture");
  EXPECT_EQ(taken(a.type_describe(info.type, &type)), "");
  EXPECT_STREQ(type.denotation, "IMAGE");
  EXPECT_STREQ(type.dim_denotations[0], "DATA_BATCH");
  EXPECT_STREQ(type.dim_denotations[1], "");
  EXPECT_STREQ(type.text, "float[N,3]");
  EXPECT_EQ(taken(a.model_input(m, 2, &info)), "");
  EXPECT_EQ(info.kind, ONWARD_TENSOR);
  EXPECT_EQ(taken(a.type_describe(info.type, &type)), "");
  EXPECT_EQ(type.kind, ONWARD_OPTIONAL);
  EXPECT_EQ(taken(a.type_describe(type.element, &type)), "");
  EXPECT_STREQ(type.denotation, "IMAGE");
  taken(a.type_describe(nullptr, &type), ONWARD_INVALID_ARGUMENT);
  taken(a.type_describe(info.type, nullptr), ONWARD_INVALID_ARGUMENT);
  type.size = 0;
  taken(a.type_describe(info.type, &type), ONWARD_INVALID_ARGUMENT);

  const char* domain = nullptr;
  int64_t version = 0;
  ASSERT_EQ(a.model_opset_count(m), 1u);
  EXPECT_EQ(taken(a.model_opset(m, 0, &domain, &version)), "");
  EXPECT_STREQ(domain, "");
  EXPECT_EQ(version, 22);
  taken(a.model_opset(m, 1, &domain, &version), ONWARD_INVALID_ARGUMENT);
  taken(a.model_opset(m, 0, nullptr, &version), ONWARD_INVALID_ARGUMENT);
  taken(a.model_opset(nullptr, 0, &domain, &version), ONWARD_INVALID_ARGUMENT);
  a.model_free(m);
}

TEST(CApiModel, Reports) {
  const auto& a = api();
  auto m = relu_model();
  m.graph->output.pop_back();  // an input as an output runs, but is no valid model
  const std::string good = bytes(m);
  m.graph->node[1].input[0] = "lost";
  const std::string bad = bytes(m);
  auto source = sized<onward_source>();
  source.data = good.data();
  source.bytes = good.size();
  onward_text* text = nullptr;
  EXPECT_EQ(taken(a.inspect_json(&source, nullptr, &text)), "");
  json report = json::parse(taken(text));
  EXPECT_EQ(report["producer"], "tests");
  EXPECT_EQ(report["operators"]["Relu"], 1);
  EXPECT_EQ(report["inferred"]["outputs"][0]["type"], "float[N,2]");
  EXPECT_EQ(report["inferred"]["symbols"], json({"N"}));
  auto sizes = sized<onward_inspect_options>();
  const char* symbol = "N";
  const int64_t five = 5;
  sizes.dim_names = &symbol;
  sizes.dim_sizes = &five;
  sizes.dim_count = 1;
  EXPECT_EQ(taken(a.inspect_json(&source, &sizes, &text)), "");
  report = json::parse(taken(text))["inferred"];
  EXPECT_EQ(report["outputs"][0]["type"], "float[5,2]");
  EXPECT_EQ(report["flops"]["value"], 20);
  symbol = "M";
  EXPECT_THAT(taken(a.inspect_json(&source, &sizes, &text), ONWARD_INVALID_ARGUMENT), HasSubstr("[N]"));

  EXPECT_EQ(taken(a.check_json(&source, nullptr, &text)), "");
  EXPECT_EQ(json::parse(taken(text))["valid"], true);
  source.data = bad.data();
  source.bytes = bad.size();
  auto full = sized<onward_check_options>();
  full.full = 1;
  EXPECT_EQ(taken(a.check_json(&source, &full, &text)), "");
  report = json::parse(taken(text));
  EXPECT_EQ(report["valid"], false);
  EXPECT_THAT(report["findings"].dump(), HasSubstr("lost"));
  EXPECT_EQ(taken(a.inspect_json(&source, nullptr, &text)), "");
  EXPECT_THAT(json::parse(taken(text))["problems"].dump(), HasSubstr("lost"));
  source.data = "no model";
  source.bytes = 8;
  EXPECT_EQ(taken(a.check_json(&source, nullptr, &text)), "");
  EXPECT_EQ(json::parse(taken(text))["errors"], 1);
  taken(a.inspect_json(&source, nullptr, &text), ONWARD_INVALID_MODEL);

  m.graph->node[1].input[0] = "m";
  onward_model* loaded = load(m);
  source = sized<onward_source>();
  source.model = loaded;
  EXPECT_EQ(taken(a.check_json(&source, nullptr, &text)), "");
  EXPECT_EQ(json::parse(taken(text))["errors"], 0);
  source.path = "/nowhere.onnx";
  taken(a.check_json(&source, nullptr, &text), ONWARD_INVALID_ARGUMENT);
  source.model = nullptr;
  taken(a.check_json(&source, nullptr, &text), ONWARD_IO);
  source.path = nullptr;
  taken(a.check_json(&source, nullptr, &text), ONWARD_INVALID_ARGUMENT);
  taken(a.inspect_json(nullptr, nullptr, &text), ONWARD_INVALID_ARGUMENT);
  taken(a.check_json(&source, nullptr, nullptr), ONWARD_INVALID_ARGUMENT);
  a.model_free(loaded);
}

TEST(CApiModel, Names) {
  const auto& a = api();
  EXPECT_STREQ(a.code_name(ONWARD_UNSUPPORTED), "Unsupported");
  EXPECT_STREQ(a.code_name(static_cast<onward_code>(15)), "Unknown");
  EXPECT_STREQ(a.dtype_name(ONWARD_BFLOAT16), "bfloat16");
  EXPECT_STREQ(a.dtype_name(static_cast<onward_dtype>(27)), "undefined");
  EXPECT_EQ(a.dtype_bits(ONWARD_INT4), 4);
  EXPECT_EQ(a.dtype_bits(ONWARD_STRING), 0);
  EXPECT_EQ(a.dtype_bits(static_cast<onward_dtype>(31)), 0);
  EXPECT_THAT(a.build_info(), HasSubstr(a.library_version()));
  // Tests run with each instruction set by this variable: what it names is what is used, where there is such.
  const char* set = std::getenv("ONWARD_ISA");
  const std::string isa = set ? set : "";
  if (isa == "portable") EXPECT_THAT(a.build_info(), HasSubstr(kernels::isa_name(kernels::Isa::kPortable)));
  if (isa == "avx2" && kernels::isa_available(kernels::Isa::kAvx2))
    EXPECT_THAT(a.build_info(), HasSubstr(", avx2, "));
  ASSERT_GE(a.provider_count(), 1u);
  EXPECT_STREQ(a.provider_name(a.provider_count() - 1), "cpu");
  EXPECT_EQ(a.provider_name(a.provider_count()), nullptr);
  a.set_thread_spin_us(0);
  a.set_thread_spin_us(INT64_MAX);
  a.set_thread_spin_us(-1);
  size_t bytes = 1;
  EXPECT_STREQ(a.text_data(nullptr, &bytes), "");
  EXPECT_EQ(bytes, 0u);
  a.text_free(nullptr);
}

onward_detail detail_of(onward_status* s) {
  const onward_detail detail = api().status_detail(s);
  api().status_free(s);
  return detail;
}

TEST(CApiModel, DetailsTellFailuresOfOneCodeApart) {
  const auto& a = api();
  onward_model* m = nullptr;
  const std::string junk = "\xff\xfe no model", nothing, rules = bytes(model({}));
  EXPECT_EQ(detail_of(a.model_load("/nowhere.onnx", nullptr, &m)), ONWARD_DETAIL_NO_SUCH_FILE);
  EXPECT_EQ(detail_of(a.model_load("/tmp", nullptr, &m)), ONWARD_DETAIL_NONE);
  EXPECT_EQ(detail_of(a.model_load_bytes(junk.data(), junk.size(), nullptr, &m)), ONWARD_DETAIL_NOT_ONNX);
  EXPECT_EQ(detail_of(a.model_load_bytes(nothing.data(), 0, nullptr, &m)), ONWARD_DETAIL_NO_GRAPH);
  EXPECT_EQ(detail_of(a.model_load_bytes(nullptr, 0, nullptr, &m)), ONWARD_DETAIL_NONE);
  auto broken = relu_model();
  broken.graph->node[0].op_type = "NoSuchOperator";
  const std::string text = bytes(broken);
  onward_status* s = a.model_load_bytes(text.data(), text.size(), nullptr, &m);
  EXPECT_EQ(a.status_code(s), ONWARD_INVALID_MODEL);
  EXPECT_EQ(detail_of(s), ONWARD_DETAIL_NONE);
  EXPECT_EQ(a.status_detail(nullptr), ONWARD_DETAIL_NONE);
}

class CApiOptimize : public ::testing::Test {
 protected:
  CApiOptimize() { std::filesystem::create_directories(folder_); }
  ~CApiOptimize() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }
  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / cat("onward_", ::getpid());
};

// y = Identity(x) + w, w of 300 floats: one node is enough.
onnx::Model with_weights() {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "300"})};
  g.output = {value("y", kFloat, {"N", "300"})};
  g.initializer = {floats("w", {300}, std::vector<float>(300, 2))};
  g.node = {node("Identity", {"x"}, {"v"}), node("Add", {"v", "w"}, {"y"})};
  return model(g);
}

TEST_F(CApiOptimize, WritesASmallerModelThatRunsTheSame) {
  const auto& a = api();
  onward_model* m = load(with_weights());
  auto save = sized<onward_save_options>();
  const std::string out = path("out.onnx");
  save.path = out.c_str();
  auto options = sized<onward_session_options>();
  const char* symbol = "N";
  const int64_t size = 1;
  options.dim_names = &symbol;
  options.dim_sizes = &size;
  options.dim_count = 1;
  EXPECT_EQ(taken(a.model_optimize(m, &options, &save, nullptr)), "");
  EXPECT_EQ(files(), 1u);
  auto written = *onnx::load(out);
  EXPECT_EQ(written->model.graph->node.size(), 1u);
  EXPECT_EQ(written->model.graph->input[0].type->tensor_type->shape->dim[0].dim_value, 1);
  onward_model* again = nullptr;
  EXPECT_EQ(taken(a.model_load(out.c_str(), nullptr, &again)), "");
  onward_session* s = session(again);
  onward_value *x = floats_value({1, 300}, std::vector<float>(300, 1)), *y = nullptr;
  const onward_value* in = x;
  EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, nullptr, 0, &y)), "");
  EXPECT_EQ(floats_taken(y), std::vector<float>(300, 3));
  a.value_free(x);
  a.session_free(s);
  a.model_free(again);
  a.model_free(m);
}

TEST_F(CApiOptimize, KeepsWhatTheLevelKeepsAndPutsWeightsWhereItIsTold) {
  const auto& a = api();
  onward_model* m = load(with_weights());
  auto options = sized<onward_session_options>();
  options.optimization = ONWARD_OPTIMIZE_OFF;
  onward_text* text = nullptr;
  EXPECT_EQ(taken(a.model_optimize(m, &options, nullptr, &text)), "");
  const std::string bytes = taken(text);
  EXPECT_EQ((*onnx::load_bytes(as_bytes(bytes)))->model.graph->node.size(), 2u);
  auto save = sized<onward_save_options>();
  const std::string out = path("out.onnx");
  save.path = out.c_str();
  save.data_file = "weights.bin";
  EXPECT_EQ(taken(a.model_optimize(m, nullptr, &save, nullptr)), "");
  EXPECT_EQ(std::filesystem::file_size(path("weights.bin")), 1200u);
  save.threshold_bytes = 4000;
  EXPECT_EQ(taken(a.model_optimize(m, nullptr, &save, nullptr)), "");
  EXPECT_GT(std::filesystem::file_size(out), 1200u);
  a.model_free(m);
}

int32_t place_all(void* user, const char* name, const onward_value* value, const char** location,
                  int64_t* offset, int64_t* count) {
  if (!user) return 7;
  EXPECT_STREQ(name, "w");
  EXPECT_EQ(*location, nullptr);
  *static_cast<std::string*>(user) =
      std::string(static_cast<const char*>(api().tensor_const_data(value)), api().tensor_bytes(value));
  *location = "mine.bin";
  *offset = 16;
  *count = 1200;
  return 1;
}

TEST_F(CApiOptimize, AsksWhereInitializersAre) {
  const auto& a = api();
  onward_model* m = load(with_weights());
  std::string data;
  auto save = sized<onward_save_options>();
  save.place = place_all;
  save.place_user = &data;
  onward_text* text = nullptr;
  EXPECT_EQ(taken(a.model_optimize(m, nullptr, &save, &text)), "");
  const std::string made = taken(text);
  const auto file = *onnx::load_bytes(as_bytes(made));
  const auto at = *onnx::external_location(file->model.graph->initializer[0]);
  EXPECT_EQ(std::string(at.location), "mine.bin");
  EXPECT_EQ(at.offset_bytes, 16u);
  EXPECT_EQ(data.size(), 1200u);
  save.place_user = nullptr;
  EXPECT_THAT(taken(a.model_optimize(m, nullptr, &save, &text), ONWARD_INVALID_ARGUMENT), HasSubstr("'w'"));
  save.path = "x.onnx";
  save.data_file = "y.bin";
  taken(a.model_optimize(m, nullptr, &save, nullptr), ONWARD_INVALID_ARGUMENT);
  a.model_free(m);
}

TEST_F(CApiOptimize, WhatCannotBeWrittenLeavesNothingBehind) {
  const auto& a = api();
  onward_model* m = load(with_weights());
  auto save = sized<onward_save_options>();
  const std::string nowhere = path("no/such/out.onnx"), busy = folder_.string();
  for (const std::string& p : {nowhere, busy}) {
    save.path = p.c_str();
    EXPECT_THAT(taken(a.model_optimize(m, nullptr, &save, nullptr), ONWARD_IO), HasSubstr(p));
  }
  EXPECT_EQ(files(), 0u);
  taken(a.model_optimize(m, nullptr, nullptr, nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.model_optimize(nullptr, nullptr, &save, nullptr), ONWARD_INVALID_ARGUMENT);
  a.model_free(m);
}

}  // namespace
}  // namespace ow
