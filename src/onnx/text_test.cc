// The text form of small models; tests/onnx_roundtrip.py holds it against onnx.printer over many models.
#include "onnx/text.h"

#include <gtest/gtest.h>

namespace ow::onnx {
namespace {

Attribute& add_attribute(Node& n, Text name, Attribute::AttributeType type) {
  Attribute& a = n.attribute.emplace_back();
  a.name = name;
  a.type = type;
  return a;
}

TEST(Text, Model) {
  Model m;
  m.ir_version = 8;
  m.opset_import.emplace_back().version = 17;
  m.producer_name = "say \"hi\"\n\\";
  Graph& g = m.graph.emplace();
  g.name = "g";
  ValueInfo& x = g.input.emplace_back();
  x.name = "x";
  Type::Tensor& type = x.type.emplace().tensor_type.emplace();
  type.elem_type = Tensor::FLOAT;
  TensorShape& shape = type.shape.emplace();
  shape.dim.emplace_back().dim_param = "N";
  shape.dim.emplace_back().dim_value = 3;
  shape.dim.emplace_back();
  shape.dim.emplace_back().dim_param = "a+1";
  g.output.push_back(x);
  g.output[0].name = "y.1";
  Tensor& w = g.initializer.emplace_back();
  w.name = "w";
  w.data_type = Tensor::FLOAT;
  w.dims = {2};
  w.float_data = {0.1f, -2};
  Node& n = g.node.emplace_back();
  n.name = "first";
  n.input = {"x", "", "w"};
  n.output = {"y.1"};
  n.op_type = "Conv";
  n.domain = "my.domain";
  add_attribute(n, "pads", Attribute::INTS).ints = {1, 2};
  add_attribute(n, "mode", Attribute::STRING).s = "same";
  add_attribute(n, "alpha", Attribute::FLOAT).ref_attr_name = "beta";
  EXPECT_EQ(to_text(m), R"(<
   ir_version: 8,
   opset_import: ["" : 17],
   producer_name: "say \"hi\"\x0a\\"
>
g (float[N,3,?,"a+1"] x) => (float[N,3,?,"a+1"] "y.1") 
   <float[2] w =  {0.1,-2}>
{
   [first] "y.1" = my.domain.Conv <pads: ints = [1, 2], mode: string = "same", alpha: float = @beta> (x, "", w)
})");
}

TEST(Text, Types) {
  Type t;
  t.tensor_type.emplace().elem_type = Tensor::INT64;
  EXPECT_EQ(to_text(t), "int64[]");
  t.tensor_type->shape.emplace();
  EXPECT_EQ(to_text(t), "int64");
  Type outer;
  Type::Map& map = outer.optional_type.emplace().elem_type.emplace().map_type.emplace();
  map.key_type = Tensor::STRING;
  map.value_type.emplace().sequence_type.emplace().elem_type = t;
  EXPECT_EQ(to_text(outer), "optional(map(string, seq(int64)))");
  Type sparse;
  sparse.sparse_tensor_type.emplace().elem_type = 99;
  EXPECT_EQ(to_text(sparse), "sparse_tensor(unknown_99[])");
}

std::string constant_text(const Tensor& t, int64_t max_elements = 64) {
  Node n;
  add_attribute(n, "value", Attribute::TENSOR).t = t;
  return to_text(n, {.max_elements = max_elements});
}

TEST(Text, Payloads) {
  Tensor t;
  t.data_type = Tensor::INT4;
  t.dims = {3};
  t.raw_data = "\xf1\x08";
  EXPECT_NE(constant_text(t).find("int4[3] {1,-1,-8}"), std::string::npos);
  t.data_type = Tensor::FLOAT16;
  t.dims = {2};
  t.raw_data = std::string_view("\x00\x3e\x00\xfc", 4);
  EXPECT_NE(constant_text(t).find("float16[2] {1.5,-inf}"), std::string::npos);
  t.data_type = Tensor::INT64;
  t.dims = {1000};
  t.raw_data.reset();
  t.int64_data.assign(1000, 7);
  EXPECT_NE(constant_text(t, 3).find("int64[1000] {7,7,7,...}"), std::string::npos);
  t.dims = {999};
  EXPECT_NE(constant_text(t).find("int64[999] {?}"), std::string::npos);
}

TEST(Text, SubgraphsAreIndented) {
  Node n;
  n.op_type = "If";
  n.output = {"y"};
  n.input = {"c"};
  Graph& g = add_attribute(n, "then_branch", Attribute::GRAPH).g.emplace();
  g.name = "b";
  g.node.emplace_back().op_type = "Identity";
  EXPECT_EQ(to_text(n),
            "   y = If (c) <then_branch: graph = b () => () {\n"
            "       = Identity ()\n"
            "   }>\n");
}

}  // namespace
}  // namespace ow::onnx
