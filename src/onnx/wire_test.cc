// The wire reader and writer on hand-made bytes: what protobuf's encoding rules ask for, and what must be
// refused.
#include "onnx/wire.h"

#include <gtest/gtest.h>

#include <cstring>

#include "onnx/walk.h"

namespace ow::onnx {
namespace {

using std::string;
using std::string_view;

string varint(uint64_t v) {
  string out;
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  return out + static_cast<char>(v);
}
string number_field(uint32_t number, uint64_t v) { return varint(number << 3) + varint(v); }
string bytes_field(uint32_t number, const string& v) {
  return varint(number << 3 | 2) + varint(v.size()) + v;
}
string float_bits(float v) {
  string out(4, '\0');
  std::memcpy(out.data(), &v, 4);
  return out;
}

// A model that uses every kind of field.
Model rich_model() {
  Model m;
  m.ir_version = 10;
  m.producer_name = "test";
  m.model_version = -1;
  m.opset_import.emplace_back().version = 21;
  m.metadata_props.emplace_back().key = "k";
  Graph& g = m.graph.emplace();
  g.name = "g";
  ValueInfo& v = g.input.emplace_back();
  v.name = "x";
  TensorShape& s = v.type.emplace().tensor_type.emplace().shape.emplace();
  s.dim.emplace_back().dim_param = "N";
  s.dim.emplace_back().dim_value = 3;
  s.dim.emplace_back();
  g.output.emplace_back()
      .type.emplace()
      .sequence_type.emplace()
      .elem_type.emplace()
      .map_type.emplace()
      .key_type = 8;
  Tensor& w = g.initializer.emplace_back();
  w.dims = {2, 1};
  w.data_type = Tensor::INT32;
  w.int32_data = {-5, 300};
  w.name = "w";
  Node& n = g.node.emplace_back();
  n.input = {"x", "", "w"};
  n.output = {"y"};
  n.op_type = "If";
  Attribute& a = n.attribute.emplace_back();
  a.name = "then_branch";
  a.type = Attribute::GRAPH;
  a.g.emplace().node.emplace_back().op_type = "Identity";
  Attribute& b = n.attribute.emplace_back();
  b.floats = {1.5f, -0.0f};
  b.ints = {1, -1};
  b.f = 0.25f;
  b.t.emplace().double_data = {3.5};
  b.t->float_data = {1, 2};
  b.t->uint64_data = {UINT64_MAX};
  b.t->int64_data = {INT64_MIN};
  m.functions.emplace_back().attribute = {"alpha"};
  m.training_info.emplace_back().algorithm.emplace().doc_string = "";
  auto& d = n.device_configurations.emplace_back().sharding_spec.emplace_back().sharded_dim.emplace_back();
  d.simple_sharding.emplace_back().dim_param = "N";
  return m;
}

string written(const Model& m) {
  auto encoded = write_message(m);
  EXPECT_TRUE(encoded.ok());
  string joined = encoded->joined();
  EXPECT_EQ(joined.size(), encoded->size_bytes);
  return joined;
}

template <class M>
string error_of(const string& bytes) {
  M m;
  Status status = read_message(bytes, m);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kInvalidModel);
  return string(status.message());
}

TEST(Wire, WritesTheDocumentedBytes) {
  Tensor t;
  t.dims = {2, 300};
  t.data_type = Tensor::INT32;
  t.int32_data = {1, -1};
  t.name = "w";
  auto encoded = write_message(t);
  ASSERT_TRUE(encoded.ok());
  string expected = "\x08\x02\x08\xac\x02\x10\x06\x2a\x0b\x01" + string(9, '\xff') + "\x01" + "\x42\x01w";
  EXPECT_EQ(encoded->joined(), expected);
}

TEST(Wire, RoundTripKeepsEveryKindOfField) {
  string bytes = written(rich_model());
  Model read;
  ASSERT_TRUE(read_message(bytes, read).ok());
  EXPECT_EQ(written(read), bytes);
  const Node& n = read.graph->node.at(0);
  EXPECT_EQ(n.input, (std::vector<Text>{"x", "", "w"}));
  EXPECT_EQ(n.attribute.at(0).g->node.at(0).op_type, "Identity");
  EXPECT_EQ(n.attribute.at(1).t->int64_data.at(0), INT64_MIN);
  EXPECT_EQ(read.graph->initializer.at(0).int32_data, (std::vector<int32_t>{-5, 300}));
  EXPECT_EQ(read.model_version, -1);
  EXPECT_TRUE(read.training_info.at(0).algorithm->doc_string.has_value());
  EXPECT_FALSE(read.training_info.at(0).algorithm->name.has_value());
}

TEST(Wire, TextPointsIntoTheBytes) {
  string bytes = written(rich_model());
  Model read;
  ASSERT_TRUE(read_message(bytes, read).ok());
  const char* name = read.graph->name->data();
  EXPECT_TRUE(name > bytes.data() && name < bytes.data() + bytes.size());
}

TEST(Wire, EveryPrefixIsReadOrRefused) {
  string bytes = written(rich_model());
  int refused = 0;
  for (size_t n = 0; n < bytes.size(); ++n) {
    auto prefix = std::make_unique<char[]>(n);  // of exactly n bytes, so that a sanitizer sees an overrun
    std::memcpy(prefix.get(), bytes.data(), n);
    Model m;
    Status status = read_message(string_view(prefix.get(), n), m);
    if (status.ok()) continue;
    ++refused;
    EXPECT_EQ(status.code(), Code::kInvalidModel) << n;
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size()) * 9 / 10);
}

TEST(Wire, EveryDamagedByteIsReadOrRefused) {
  string bytes = written(rich_model());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff, bytes[i] ^ 0x08}) {
      auto copy = std::make_unique<char[]>(bytes.size());
      std::memcpy(copy.get(), bytes.data(), bytes.size());
      copy[i] = static_cast<char>(value);
      Model m;
      if (read_message(string_view(copy.get(), bytes.size()), m).ok()) {
        EXPECT_TRUE(write_message(m).ok());
      }
    }
  }
}

TEST(Wire, ErrorNamesThePlace) {
  string tensor = varint(9 << 3 | 2) + varint(4096) + string(100, 'x');
  string attribute = bytes_field(5, tensor);
  string node = bytes_field(5, bytes_field(1, "a")) + bytes_field(5, attribute);
  string graph = bytes_field(1, bytes_field(4, "Relu")) + bytes_field(1, node);
  EXPECT_EQ(error_of<Model>(bytes_field(7, graph)),
            "graph.node[1].attribute[1].t: field 'raw_data' says 4096 bytes, 100 remain");
}

TEST(Wire, RefusesMalformedFields) {
  EXPECT_EQ(error_of<Tensor>(varint(2 << 3 | 5) + "abcd"), "field 'data_type' has wire type 5, expected 0");
  EXPECT_EQ(error_of<Tensor>(varint(2 << 3) + string(9, '\xff') + "\x7f"),
            "field 'data_type' has a varint of over 64 bits");
  EXPECT_EQ(error_of<Tensor>(varint(2 << 3) + "\xff"), "field 'data_type' is cut off in a varint");
  EXPECT_EQ(error_of<Tensor>(bytes_field(4, "abcde")),
            "field 'float_data' packs 5 bytes, which are no multiple of 4");
  EXPECT_EQ(error_of<Tensor>(bytes_field(7, "\x01\x80")), "field 'int64_data' is cut off in a varint");
  EXPECT_NE(error_of<Tensor>(string(1, '\0')).find("field number 0"), string::npos);
  EXPECT_EQ(error_of<Tensor>(varint(99 << 3 | 1) + "1234"), "unknown field 99 needs 8 bytes, 4 remain");
  EXPECT_EQ(error_of<Tensor>(varint(99 << 3 | 4)),
            "unknown field 99 has wire type 4, which cannot begin a field");
  EXPECT_EQ(error_of<Tensor>(varint(99 << 3 | 3)), "unknown field 99 is a group that is not closed");
  EXPECT_EQ(error_of<Tensor>(varint(99 << 3 | 3) + varint(98 << 3 | 4)),
            "unknown field 99 is a group that is closed as field 98");
  EXPECT_EQ(error_of<Tensor>(varint(8 << 3 | 2) + varint(UINT64_MAX) + "x"),
            "field 'name' says 18446744073709551615 bytes, 1 remain");
}

TEST(Wire, ReadsPackedAndUnpacked) {
  string unpacked = varint(4 << 3 | 5) + float_bits(1.5f) + number_field(7, 9) + number_field(7, 10);
  string packed =
      bytes_field(4, float_bits(2.5f)) + bytes_field(1, varint(4) + varint(5)) + bytes_field(7, varint(11));
  Tensor t;
  string bytes = unpacked + packed;
  ASSERT_TRUE(read_message(bytes, t).ok());
  EXPECT_EQ(t.float_data, (std::vector<float>{1.5f, 2.5f}));
  EXPECT_EQ(t.int64_data, (std::vector<int64_t>{9, 10, 11}));
  EXPECT_EQ(t.dims, (std::vector<int64_t>{4, 5}));
  // Data is written packed, dims one by one.
  EXPECT_EQ(write_message(t)->joined(), number_field(1, 4) + number_field(1, 5) +
                                            bytes_field(4, float_bits(1.5f) + float_bits(2.5f)) +
                                            bytes_field(7, "\x09\x0a\x0b"));
}

TEST(Wire, MergesAsProtobufDoes) {
  string bytes = bytes_field(7, bytes_field(2, "first")) + number_field(1, 3) + number_field(1, 8) +
                 bytes_field(7, bytes_field(10, "doc"));
  Model m;
  ASSERT_TRUE(read_message(bytes, m).ok());
  EXPECT_EQ(m.ir_version, 8);
  EXPECT_EQ(m.graph->name, "first");
  EXPECT_EQ(m.graph->doc_string, "doc");
}

TEST(Wire, OneOfKeepsTheLastMember) {
  string dimension = number_field(1, 7) + bytes_field(2, "N");
  string shape = bytes_field(1, dimension);
  string tensor_type = bytes_field(1, number_field(1, 1)), sequence_type = bytes_field(4, "");
  Type t;
  string bytes = bytes_field(1, bytes_field(2, shape));
  ASSERT_TRUE(read_message(bytes, t).ok());
  EXPECT_FALSE(t.tensor_type->shape->dim.at(0).dim_value);
  EXPECT_EQ(t.tensor_type->shape->dim.at(0).dim_param, "N");
  Type u;
  string both = tensor_type + sequence_type;
  ASSERT_TRUE(read_message(both, u).ok());
  EXPECT_FALSE(u.tensor_type);
  EXPECT_TRUE(u.sequence_type);
}

TEST(Wire, UnknownFieldsSurviveVerbatim) {
  string unknown = number_field(500, 1) + bytes_field(501, "abc") + varint(502 << 3 | 3) +
                   number_field(1, 2) + varint(502 << 3 | 4);
  string late = varint(503 << 3 | 5) + "wxyz";
  string bytes = unknown + bytes_field(3, "name") + late;
  Node n;
  ASSERT_TRUE(read_message(bytes, n).ok());
  EXPECT_EQ(n.unknown_fields, (UnknownFields{unknown, late}));
  EXPECT_EQ(write_message(n)->joined(), bytes_field(3, "name") + unknown + late);
}

string nested_graphs(int count) {
  string graph = bytes_field(2, "innermost");
  for (int i = 1; i < count; ++i) graph = bytes_field(1, bytes_field(5, bytes_field(6, graph)));
  return bytes_field(7, graph);
}

TEST(Wire, DepthIsBounded) {
  Model shallow;
  string bytes = nested_graphs(64);
  EXPECT_TRUE(read_message(bytes, shallow).ok());
  EXPECT_EQ(written(shallow), bytes);
  for (int count : {100, 5000}) {
    Model deep;
    string deep_bytes = nested_graphs(count);
    Status status = read_message(deep_bytes, deep);
    EXPECT_EQ(status.code(), Code::kLimitExceeded);
    EXPECT_NE(status.message().find("nested over 200 deep"), string_view::npos);
  }
  string group;
  for (int i = 0; i < 100000; ++i) group += varint(99 << 3 | 3);
  Model grouped;
  EXPECT_EQ(read_message(group, grouped).code(), Code::kLimitExceeded);
}

TEST(Wire, StructMemoryIsBounded) {
  string graph;
  for (int i = 0; i < 1000; ++i) graph += bytes_field(1, "");
  Graph g;
  EXPECT_EQ(read_message(graph, g, {.max_struct_bytes = 100 * 1000}).code(), Code::kLimitExceeded);
  Graph whole;
  EXPECT_TRUE(read_message(graph, whole).ok());
  EXPECT_EQ(whole.node.size(), 1000u);
}

TEST(Wire, LongTextIsNotCopied) {
  string data(10000, 'd');
  Model m;
  Tensor& t = m.graph.emplace().initializer.emplace_back();
  t.raw_data = data;
  t.doc_string = "after";
  auto encoded = write_message(m);
  ASSERT_TRUE(encoded.ok());
  ASSERT_EQ(encoded->parts.size(), 3u);
  EXPECT_EQ(encoded->parts[1].data(), data.data());
}

TEST(Wire, RefusesMessagesThatProtobufCannotRead) {
  // One block of 1 MiB named 2,048 times: nothing of the size of the message is ever made.
  string data(size_t{1} << 20, 'd');
  Model m;
  Graph& g = m.graph.emplace();
  g.initializer.resize(2048);
  for (Tensor& t : g.initializer) t.raw_data = data;
  auto encoded = write_message(m);
  EXPECT_EQ(encoded.status().code(), Code::kLimitExceeded);
  EXPECT_NE(encoded.status().message().find("external data"), string_view::npos);
}

TEST(Wire, CopiesAreDeep) {
  Model a = rich_model();
  Model b = a;
  b.graph->node[0].attribute[0].g->node[0].op_type = "Changed";
  EXPECT_EQ(a.graph->node[0].attribute[0].g->node[0].op_type, "Identity");
}

TEST(Walk, FindsEveryTensor) {
  const Model m = rich_model();
  std::vector<string> fields;
  Status status = for_each<Tensor>(m, [&](const Tensor&, string_view field) {
    fields.emplace_back(field);
    return Status();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(fields, (std::vector<string>{"t", "initializer"}));
  EXPECT_FALSE(for_each<Node>(m, [](const Node&, string_view) { return invalid_model("stop"); }).ok());
}

}  // namespace
}  // namespace ow::onnx
