// Weights at every address modulo four, for all who take them uncopied and for some who do not: the answer
// is, bit for bit, that of aligned weights. And models whose weights left memory once they were packed.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include "passes/import.h"
#include "passes/test_support.h"
#include "runtime/session.h"
#include "tensor/alignment.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT;

onnx::Tensor weights(std::string name, std::vector<int64_t> dims, std::mt19937& rng) {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = static_cast<float>(static_cast<int>(rng() % 2001) - 1000) / 20000;
  return floats(std::move(name), std::move(dims), values);
}

onnx::Tensor positive(std::string name, int64_t count, std::mt19937& rng) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = 0.5f + static_cast<float>(rng() % 1000) / 1000;
  return floats(std::move(name), {count}, values);
}

template <class... A>
onnx::Node with(onnx::Node n, A... attributes) {
  (n.attribute.push_back(std::move(attributes)), ...);
  return n;
}

struct Case {
  std::string name;
  onnx::Graph graph;
};

// All weights have over 16 KiB: smaller ones are copied anyway.
std::vector<Case> cases() {
  std::mt19937 rng(5);
  const auto image = [](std::vector<std::string> dims) { return value("x", kFloat, std::move(dims)); };
  const auto y = [] { return value("y", kFloat); };
  std::vector<Case> all;
  const auto add = [&](std::string name, onnx::Graph g) { all.push_back({std::move(name), std::move(g)}); };
  const auto conv = [&](std::string name, std::vector<int64_t> w, int64_t channels, onnx::Node n) {
    add(std::move(name), graph({image({"1", std::to_string(channels), "13", "12"})}, {y()}, {std::move(n)},
                               {weights("w", std::move(w), rng)}));
  };
  conv("Conv 1x1", {80, 64, 1, 1}, 64, node("Conv", {"x", "w"}, {"y"}));
  conv("Conv 3x3", {70, 40, 3, 3}, 40, node("Conv", {"x", "w"}, {"y"}));
  conv("Conv 3x3 s2", {70, 20, 3, 3}, 20,
       with(node("Conv", {"x", "w"}, {"y"}), attr("strides", std::vector<int64_t>{2, 2})));
  conv("Conv depthwise", {1000, 1, 3, 3}, 1000,
       with(node("Conv", {"x", "w"}, {"y"}), attr("group", int64_t{1000})));
  conv("Conv of one output", {1, 700, 3, 3}, 700, node("Conv", {"x", "w"}, {"y"}));
  conv("ConvTranspose", {40, 50, 3, 3}, 40,
       with(node("ConvTranspose", {"x", "w"}, {"y"}), attr("strides", std::vector<int64_t>{2, 2})));
  const auto matrix = [] { return value("x", kFloat, {"3", "70"}); };
  add("MatMul", graph({matrix()}, {y()}, {node("MatMul", {"x", "w"}, {"y"})}, {weights("w", {70, 90}, rng)}));
  add("MatMul of many", graph({value("x", kFloat, {"3", "2", "70"})}, {y()},
                              {node("MatMul", {"x", "w"}, {"y"})}, {weights("w", {3, 70, 30}, rng)}));
  add("Gemm", graph({matrix()}, {y()}, {node("Gemm", {"x", "w"}, {"y"})}, {weights("w", {70, 90}, rng)}));
  add("Gemm transB",
      graph({matrix()}, {y()},
            {with(node("Gemm", {"x", "w"}, {"y"}), attr("transB", int64_t{1}), attr("alpha", 0.5f))},
            {weights("w", {90, 70}, rng)}));
  add("LSTM", graph({value("x", kFloat, {"4", "2", "40"})}, {y()},
                    {with(node("LSTM", {"x", "w", "r"}, {"y"}), attr("hidden_size", int64_t{36}))},
                    {weights("w", {1, 144, 40}, rng), weights("r", {1, 144, 36}, rng)}));
  add("Gather of rows",
      graph({matrix()}, {y()}, {node("Gather", {"w", "i"}, {"rows"}), node("MatMul", {"x", "rows"}, {"y"})},
            {weights("w", {90, 60}, rng), tensor<int64_t>("i", onnx::Tensor::INT64, {70}, [] {
               std::vector<int64_t> i(70);
               for (size_t k = 0; k < 70; ++k) i[k] = static_cast<int64_t>(k * 13 % 90);
               return i;
             }())}));
  add("Gather at run", graph({value("i", onnx::Tensor::INT64, {"5"})}, {y()},
                             {node("Gather", {"w", "i"}, {"y"})}, {weights("w", {90, 60}, rng)}));
  add("Gather of elements", graph({value("i", onnx::Tensor::INT64, {"5"})}, {y()},
                                  {node("Gather", {"w", "i"}, {"y"})}, {weights("w", {5400}, rng)}));
  add("one for two", graph({matrix()}, {y()},
                           {node("MatMul", {"x", "w"}, {"p"}), node("Add", {"p", "s"}, {"q"}),
                            node("ReduceSum", {"w"}, {"s0"}), node("Mul", {"s0", "q"}, {"y"})},
                           {weights("w", {70, 90}, rng), weights("s", {90}, rng)}));
  add("Transpose before",
      graph({matrix()}, {y()}, {node("Transpose", {"w"}, {"t"}), node("MatMul", {"x", "t"}, {"y"})},
            {weights("w", {90, 70}, rng)}));
  add("Add", graph({matrix()}, {y()}, {node("MatMul", {"x", "w"}, {"p"}), node("Add", {"p", "b"}, {"y"})},
                   {weights("w", {70, 90}, rng), weights("b", {50, 3, 90}, rng)}));
  add("BatchNormalization",
      graph({image({"1", "40", "13", "12"})}, {y()},
            {node("Conv", {"x", "w"}, {"c"}), node("BatchNormalization", {"c", "g", "b", "m", "v"}, {"y"})},
            {weights("w", {70, 40, 3, 3}, rng), positive("g", 70, rng), positive("b", 70, rng),
             positive("m", 70, rng), positive("v", 70, rng)}));
  add("output", graph({matrix()}, {y(), value("w", kFloat)}, {node("MatMul", {"x", "w"}, {"y"})},
                      {weights("w", {70, 90}, rng)}));
  return all;
}

// In place: who has the file open sees it change.
void write(const std::string& path, const std::string& text) {
  FILE* f = std::fopen(path.c_str(), "wb");
  ASSERT_TRUE(f && std::fwrite(text.data(), 1, text.size(), f) == text.size() && std::fclose(f) == 0);
}

// Large constants of the graph at no multiple of four.
size_t unaligned_constants(const onnx::Model& m) {
  size_t count = 0;
  auto file = onnx::load_bytes(as_bytes(bytes(m)));
  EXPECT_TRUE(file.ok());
  auto imported = import_model(*file);
  EXPECT_TRUE(imported.ok());
  for (const auto& v : (*imported).graph->values())
    count += v->is_constant() && !is_aligned(*v->fact.constant);
  return count;
}

std::vector<Value> run(Session& session) {
  std::vector<std::pair<std::string_view, Value>> fed;
  for (const PortInfo& p : session.inputs()) {
    Tensor t = *Tensor::allocate(p.type.dtype, *concrete(*p.type.shape));
    for (int64_t i = 0; i < t.count(); ++i)
      if (p.type.dtype == DType::kFloat32)
        t.mutable_data<float>()[i] = static_cast<float>(i * 37 % 101 - 50) / 40;
      else
        t.mutable_data<int64_t>()[i] = i * 17;
    fed.emplace_back(p.name, std::move(t));
  }
  auto out = session.run(fed);
  EXPECT_TRUE(out.ok()) << out.status().message();
  return out.ok() ? *std::move(out) : std::vector<Value>();
}

std::vector<Value> run(const onnx::Model& m, int threads) {
  auto model = Model::load_bytes(as_bytes(bytes(m)));
  EXPECT_TRUE(model.ok()) << model.status().message();
  if (!model.ok()) return {};
  auto session = Session::create(*model, {.threads = threads});
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? run(**session) : std::vector<Value>();
}

void expect_equal(const std::vector<Value>& a, const std::vector<Value>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].tensor()->shape(), b[i].tensor()->shape()) << what;
    EXPECT_TRUE(is_aligned(*a[i].tensor())) << what;
    EXPECT_EQ(
        std::memcmp(a[i].tensor()->raw(), b[i].tensor()->raw(), static_cast<size_t>(a[i].tensor()->bytes())),
        0)
        << what;
  }
}

TEST(Load, WeightsAtAnyAddressGiveTheSameBits) {
  size_t unaligned = 0;
  for (Case& c : cases()) {
    std::vector<Value> first;
    for (size_t shift = 0; shift < 4; ++shift) {
      onnx::Model m = model(c.graph);
      m.producer_name = keep(std::string(8 + shift, 'p'));  // before the graph: it moves all weights
      unaligned += unaligned_constants(m);
      const auto found = run(m, 1 + static_cast<int>(shift % 2));
      ASSERT_FALSE(found.empty()) << c.name;
      if (shift == 0) first = found;
      expect_equal(found, first, cat(c.name, ", moved by ", shift));
    }
  }
  EXPECT_GE(unaligned, 40u) << "the models have hardly any weights at odd addresses: this tests nothing";
}

// A model in a file that is read: its weights are packed and leave memory, then a second session wants them.
TEST(Load, WeightsThatLeftMemoryAreReadAgain) {
  std::mt19937 rng(6);
  const onnx::Model m = model(graph(
      {value("x", kFloat, {"2", "700"})}, {value("y", kFloat)},
      {node("MatMul", {"x", "w"}, {"p"}), node("MatMul", {"p", "v"}, {"q"}), node("Add", {"q", "b"}, {"y"})},
      {weights("w", {700, 500}, rng), weights("v", {500, 600}, rng), weights("b", {300, 2, 600}, rng)}));
  const std::string path =
      (std::filesystem::temp_directory_path() / cat("onward_load_", ::getpid(), ".onnx")).string();
  const std::string text = bytes(m);
  write(path, text);
  const std::vector<Value> expected = run(m, 1);
  auto loaded = Model::load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  for (int threads : {1, 2}) {
    auto session = Session::create(*loaded, {.threads = threads});
    ASSERT_TRUE(session.ok()) << session.status().message();
    expect_equal(run(**session), expected, cat(threads, " threads"));
    auto kept = Session::create(*loaded, {.threads = threads});
    ASSERT_TRUE(kept.ok()) << kept.status().message();
    expect_equal(run(**session), expected, "with another session");
    expect_equal(run(**kept), expected, "another session");
  }
  auto session = Session::create(*loaded, {.threads = 1});
  ASSERT_TRUE(session.ok());
  write(path, "cut short");
  expect_equal(run(**session), expected, "after the file was cut short");
  session->reset();
  auto late = Session::create(*loaded, {.threads = 1});
  EXPECT_FALSE(late.ok());
  EXPECT_THAT(late.status().message(), ::testing::HasSubstr("was changed"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ow
