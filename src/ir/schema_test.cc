// Spot checks against the published operator pages. The whole table is held against the onnx package by
// scripts/generate_schemas.py --compare, from the text that DumpAll writes.

#include "ir/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "base/file.h"
#include "base/text.h"

namespace ow {
namespace {

TEST(Schema, FindsTheNewestVersionNotAfterTheOpset) {
  EXPECT_EQ(find_schema("", "Softmax", 27)->since_version(), 13);
  EXPECT_EQ(find_schema("", "Softmax", 12)->since_version(), 11);
  EXPECT_EQ(find_schema("", "Softmax", 1)->since_version(), 1);
  EXPECT_EQ(find_schema("", "Softmax", 0), nullptr);
  EXPECT_EQ(find_schema("", "LayerNormalization", 16), nullptr);
  EXPECT_EQ(find_schema("ai.onnx", "LayerNormalization", 17)->since_version(), 17);
  EXPECT_EQ(find_schema("ai.onnx.ml", "TreeEnsemble", 5)->since_version(), 5);
  EXPECT_EQ(find_schema("", "TreeEnsemble", 27), nullptr);
  EXPECT_EQ(find_schema("", "NoSuchOperator", 27), nullptr);
  EXPECT_EQ(find_schema("com.example", "Add", 27), nullptr);
  EXPECT_EQ(schema_versions("", "Upsample").size(), 4u);
  EXPECT_TRUE(find_schema("", "Upsample", 27)->deprecated());
  EXPECT_FALSE(find_schema("", "Upsample", 9)->deprecated());
}

TEST(Schema, NewestOpsets) {
  EXPECT_EQ(newest_opset(""), 27);
  EXPECT_EQ(newest_opset("ai.onnx"), 27);
  EXPECT_EQ(newest_opset("ai.onnx.ml"), 5);
  EXPECT_EQ(newest_opset("ai.onnx.preview.training"), 1);
  EXPECT_EQ(newest_opset("com.example"), 0);
}

TEST(Schema, ParametersOfConv) {
  const Schema& conv = *find_schema("", "Conv", 11);
  ASSERT_EQ(conv.inputs().size(), 3u);
  EXPECT_EQ(conv.inputs()[2].name(), "B");
  EXPECT_EQ(conv.inputs()[2].option(), ParamOption::kOptional);
  EXPECT_EQ(conv.min_inputs(), 2);
  EXPECT_EQ(conv.max_inputs(), 3);
  EXPECT_EQ(conv.inputs()[0].type_name(), "T");
  EXPECT_EQ(conv.inputs()[0].type_variable(), conv.outputs()[0].type_variable());
  EXPECT_TRUE(conv.inputs()[0].allows(DType::kFloat16));
  EXPECT_FALSE(conv.inputs()[0].allows(DType::kInt32));
  EXPECT_FALSE(conv.inputs()[0].types().any_sequence());
  EXPECT_EQ(conv.input(3), nullptr);
}

TEST(Schema, AParameterWithoutATypeVariable) {
  const Schema& reshape = *find_schema("", "Reshape", 14);
  EXPECT_EQ(reshape.inputs()[1].type_variable(), -1);
  EXPECT_EQ(reshape.inputs()[1].type_name(), "tensor(int64)");
  EXPECT_EQ(reshape.inputs()[1].types().tensor, TypeSet::bit(DType::kInt64));
}

TEST(Schema, VariadicParameters) {
  const Schema& concat = *find_schema("", "Concat", 13);
  EXPECT_EQ(concat.max_inputs(), Schema::kUnbounded);
  EXPECT_EQ(concat.min_inputs(), 1);
  EXPECT_TRUE(concat.inputs()[0].homogeneous());
  EXPECT_EQ(concat.input(7), &concat.inputs()[0]);
  const Schema& loop = *find_schema("", "Loop", 27);
  EXPECT_FALSE(loop.inputs()[2].homogeneous());
  EXPECT_EQ(loop.inputs()[2].min_arity(), 0);
  EXPECT_EQ(loop.input(9), &loop.inputs()[2]);
  EXPECT_FALSE(loop.deterministic());
}

TEST(Schema, AttributesAndDefaults) {
  const Schema& conv = *find_schema("", "Conv", 27);
  EXPECT_EQ(conv.attribute("auto_pad")->default_string(), "NOTSET");
  EXPECT_EQ(conv.attribute("group")->default_int(), 1);
  EXPECT_EQ(conv.attribute("group")->default_string(), std::nullopt);
  EXPECT_EQ(conv.attribute("pads")->type(), AttributeType::kInts);
  EXPECT_FALSE(conv.attribute("pads")->has_default());
  EXPECT_EQ(conv.attribute("padding"), nullptr);
  EXPECT_EQ(find_schema("", "LeakyRelu", 16)->attribute("alpha")->default_float(), 0.01f);
  EXPECT_EQ(find_schema("", "Clip", 6)->attribute("max")->default_float(), 3.4028234663852886e+38f);
  EXPECT_TRUE(find_schema("", "Concat", 13)->attribute("axis")->required());
  EXPECT_EQ(find_schema("", "If", 27)->attribute("then_branch")->type(), AttributeType::kGraph);
  auto tanh2 = find_schema("", "RNN", 22)->attribute("activations")->default_strings();
  EXPECT_EQ(tanh2, (std::vector<std::string_view>{"Tanh", "Tanh"}));
  auto domain = find_schema("ai.onnx.ml", "LabelEncoder", 4)->attribute("default_int64");
  EXPECT_EQ(domain->default_int(), -1);
}

TEST(Schema, TypeStrings) {
  const TypeSet& v = find_schema("", "Identity", 27)->inputs()[0].types();
  EXPECT_TRUE(v.allows("tensor(float4e2m1)"));
  EXPECT_TRUE(v.allows("seq( tensor(string) )"));
  EXPECT_TRUE(v.allows("optional(seq(tensor(int64)))"));
  EXPECT_TRUE(v.allows("optional(tensor(int64))"));
  for (const char* wrong : {"", "tensor", "tensor()", "tensor(", "tensor(floaty)", "seq(tensor(float)",
                            "map(string,float)", "seq(map(", "map(,"})
    EXPECT_FALSE(v.allows(wrong)) << wrong;
  const TypeSet& maps = find_schema("ai.onnx.ml", "DictVectorizer", 1)->inputs()[0].types();
  EXPECT_TRUE(maps.allows("map(string, int64)"));
  EXPECT_TRUE(maps.allows("map(string,tensor(int64))"));
  EXPECT_FALSE(maps.allows("map(bool,int64)"));
  EXPECT_FALSE(maps.any_tensor());
  const TypeSet& zip = find_schema("ai.onnx.ml", "ZipMap", 1)->outputs()[0].types();
  EXPECT_TRUE(zip.allows("seq(map(int64,float))"));
  EXPECT_EQ(zip.names(),
            (std::vector<std::string>{"seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))"}));
}

TEST(Schema, FunctionBodies) {
  EXPECT_TRUE(find_schema("", "Relu", 27)->has_function());
  EXPECT_FALSE(find_schema("", "Conv", 27)->has_function());
  const Schema& softmax = *find_schema("", "LayerNormalization", 17);
  EXPECT_TRUE(softmax.has_function());
  EXPECT_TRUE(softmax.has_context_dependent_function());
}

TEST(Schema, TheTableIsSortedAndConsistent) {
  std::set<std::string> seen;
  for (const Schema& s : all_schemas()) {
    std::string id = cat(s.domain(), ":", s.name(), ":", s.since_version());
    EXPECT_TRUE(seen.insert(id).second) << id;
    EXPECT_EQ(find_schema(s.domain(), s.name(), s.since_version()), &s) << id;
    EXPECT_LE(s.since_version(), newest_opset(s.domain())) << id;
    EXPECT_LE(s.min_inputs(), s.max_inputs()) << id;
    for (const auto& p : s.inputs()) {
      EXPECT_LT(p.type_variable(), static_cast<int>(s.type_constraints().size())) << id;
      if (p.type_variable() >= 0) {
        EXPECT_EQ(p.type_name(), s.type_constraints()[p.type_variable()].name()) << id;
        EXPECT_EQ(p.types(), s.type_constraints()[p.type_variable()].types()) << id;
      }
    }
    for (const auto& a : s.attributes()) {
      EXPECT_EQ(s.attribute(a.name()), &a) << id;
      EXPECT_FALSE(a.required() && a.has_default()) << id;
    }
  }
  EXPECT_GT(seen.size(), 600u);
}

TEST(Schema, DumpAll) {
  std::string text;
  for (const Schema& s : all_schemas()) append(text, s);
  EXPECT_NE(text.find("ai.onnx Relu 14 inputs 1..1 outputs 1..1 function\n  input X: T\n"),
            std::string::npos);
  if (const char* path = std::getenv("ONWARD_SCHEMA_DUMP")) {
    std::string_view parts[] = {text};
    EXPECT_TRUE(write_file(path, parts).ok());
  }
}

}  // namespace
}  // namespace ow
