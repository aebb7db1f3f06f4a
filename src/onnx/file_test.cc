// Model files: load, edit, save, with external data kept, moved out and moved in.
#include "onnx/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "onnx/tensor_data.h"

namespace ow::onnx {
namespace {

using std::string;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/onward_file_XXXXXX";
    folder_ = ::mkdtemp(name);
    Graph& g = model_.graph.emplace();
    model_.ir_version = 8;
    add_initializer(g, "large", large_);
    add_initializer(g, "small", small_);
    Tensor& typed = g.initializer.emplace_back();
    typed.name = "typed";
    typed.data_type = Tensor::INT8;
    typed.dims = {2000};
    typed.int32_data.assign(2000, -3);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static void add_initializer(Graph& g, Text name, const string& bytes) {
    Tensor& t = g.initializer.emplace_back();
    t.name = name;
    t.data_type = Tensor::UINT8;
    t.dims = {static_cast<int64_t>(bytes.size())};
    t.raw_data = bytes;
  }
  string path(const char* name) const { return folder_ + "/" + name; }
  bool exists(const char* name) const { return std::filesystem::exists(path(name)); }

  std::shared_ptr<ModelFile> loaded(const string& from) {
    auto file = load(from);
    EXPECT_TRUE(file.ok()) << file.status().message();
    return *file;
  }
  void expect_payloads(const ModelFile& file) {
    const auto& tensors = file.model.graph->initializer;
    ASSERT_EQ(tensors.size(), 3u);
    const string expected[] = {large_, small_, string(2000, '\xfd')};
    for (size_t i = 0; i < 3; ++i) {
      auto data = tensor_data(tensors[i], file);
      ASSERT_TRUE(data.ok()) << data.status().message();
      EXPECT_TRUE(data->bytes() == expected[i]) << i;
    }
  }

  string folder_;
  const string large_ = string(5000, 'L'), small_ = string(10, 's');
  Model model_;
};

TEST_F(FileTest, SaveAndLoad) {
  ASSERT_TRUE(save(model_, nullptr, path("m.onnx")).ok());
  auto file = loaded(path("m.onnx"));
  expect_payloads(*file);
  auto bytes = serialize(file->model);
  ASSERT_TRUE(bytes.ok());
  auto again = load_bytes(std::as_bytes(std::span(*bytes)));
  ASSERT_TRUE(again.ok());
  bytes->clear();
  expect_payloads(**again);
}

TEST_F(FileTest, KeptTextOutlivesItsSource) {
  ModelFile file;
  {
    string name = "a name that is too long for the small-string buffer";
    file.model.producer_name = file.keep(name);
    for (int i = 0; i < 1000; ++i) file.keep(cat("filler ", i));
  }
  EXPECT_EQ(file.model.producer_name, "a name that is too long for the small-string buffer");
}

TEST_F(FileTest, ExternalDataOutAndIn) {
  ASSERT_TRUE(save(model_, nullptr, path("e.onnx"), {.external_data = ExternalData::kExternal}).ok());
  ASSERT_TRUE(exists("e.onnx.data"));
  EXPECT_EQ(std::filesystem::file_size(path("e.onnx.data")), 8192u + 2000u);
  auto file = loaded(path("e.onnx"));
  const auto& tensors = file->model.graph->initializer;
  EXPECT_TRUE(tensors[0].is_external());
  EXPECT_FALSE(tensors[1].is_external());
  EXPECT_TRUE(tensors[2].is_external());
  auto where = external_location(tensors[2]);
  ASSERT_TRUE(where.ok());
  EXPECT_EQ(where->offset_bytes, 8192u);
  EXPECT_EQ(where->length_bytes, 2000u);
  expect_payloads(*file);

  ASSERT_TRUE(save(*file, path("i.onnx"), {.external_data = ExternalData::kInline}).ok());
  EXPECT_FALSE(exists("i.onnx.data"));
  auto inlined = loaded(path("i.onnx"));
  EXPECT_FALSE(inlined->model.graph->initializer[0].is_external());
  EXPECT_TRUE(inlined->model.graph->initializer[0].external_data.empty());
  expect_payloads(*inlined);
}

TEST_F(FileTest, KeepLeavesExternalDataInItsFolderAndCopiesItElsewhere) {
  SaveOptions external{.external_data = ExternalData::kExternal, .location = "weights.bin"};
  ASSERT_TRUE(save(model_, nullptr, path("e.onnx"), external).ok());
  auto file = loaded(path("e.onnx"));
  ASSERT_TRUE(save(*file, path("k.onnx")).ok());
  EXPECT_FALSE(exists("k.onnx.data"));
  expect_payloads(*loaded(path("k.onnx")));
  std::filesystem::create_directory(path("other"));
  ASSERT_TRUE(save(*file, path("other/k.onnx")).ok());
  EXPECT_TRUE(exists("other/k.onnx.data"));
  expect_payloads(*loaded(path("other/k.onnx")));
}

TEST_F(FileTest, SaveOverItself) {
  SaveOptions external{.external_data = ExternalData::kExternal};
  ASSERT_TRUE(save(model_, nullptr, path("e.onnx"), external).ok());
  auto file = loaded(path("e.onnx"));
  file->model.graph->initializer.erase(file->model.graph->initializer.begin());
  ASSERT_TRUE(save(*file, path("e.onnx"), external).ok());
  auto shorter = loaded(path("e.onnx"));
  ASSERT_EQ(shorter->model.graph->initializer.size(), 2u);
  auto data = tensor_data(shorter->model.graph->initializer[1], *shorter);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->bytes(), string(2000, '\xfd'));
}

TEST_F(FileTest, ErrorsNameTheFile) {
  auto missing = load(path("missing.onnx"));
  EXPECT_EQ(missing.status().code(), Code::kIo);
  std::string_view parts[] = {"\x3a\x7f"};
  ASSERT_TRUE(write_file(path("bad.onnx"), parts).ok());
  auto bad = load(path("bad.onnx"));
  EXPECT_EQ(bad.status().code(), Code::kInvalidModel);
  EXPECT_EQ(bad.status().message(), path("bad.onnx") + ": field 'graph' says 127 bytes, 0 remain");
}

TEST_F(FileTest, RefusesBadDataFileNames) {
  for (const char* location : {"../x", "/x", "a/b", "..", "m.onnx"}) {
    SaveOptions options{.external_data = ExternalData::kExternal, .location = location};
    EXPECT_EQ(save(model_, nullptr, path("m.onnx"), options).code(), Code::kInvalidArgument) << location;
  }
  EXPECT_FALSE(exists("m.onnx"));
}

// A file of 3 GiB that is almost all hole: only its first and last pages are ever touched.
TEST_F(FileTest, ReadsFilesOver2GiB) {
  const uint64_t data_bytes = uint64_t{3} << 30;
  auto length = [](uint64_t v) {
    string out;
    for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
    return out + static_cast<char>(v);
  };
  string tensor = "\x08" + length(data_bytes) + "\x10\x02\x4a" + length(data_bytes);
  string graph = "\x2a" + length(tensor.size() + data_bytes) + tensor;
  string head = "\x3a" + length(graph.size() + data_bytes) + graph;
  std::string_view parts[] = {head};
  ASSERT_TRUE(write_file(path("huge.onnx"), parts).ok());
  ASSERT_EQ(::truncate(path("huge.onnx").c_str(), static_cast<off_t>(head.size() + data_bytes)), 0);
  auto file = loaded(path("huge.onnx"));
  auto data = tensor_data(file->model.graph->initializer.at(0), *file);
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->bytes().size(), data_bytes);
  EXPECT_EQ(data->bytes().back(), '\0');
  EXPECT_EQ(save(*file, path("copy.onnx")).code(), Code::kLimitExceeded);
  EXPECT_EQ(serialize(file->model).status().code(), Code::kLimitExceeded);
  EXPECT_FALSE(exists("copy.onnx"));
  ASSERT_EQ(::truncate(path("huge.onnx").c_str(), static_cast<off_t>(head.size() + data_bytes - 1)), 0);
  EXPECT_EQ(load(path("huge.onnx")).status().code(), Code::kInvalidModel);
}

TEST_F(FileTest, AFaultyTensorLeavesNoFiles) {
  model_.graph->initializer[0].raw_data = std::string_view(large_).substr(1);
  Status status = save(model_, nullptr, path("m.onnx"), {.external_data = ExternalData::kExternal});
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace ow::onnx
