// For tests: ONNX models put together in a few lines and handed on as bytes, so that every test goes through
// the reader and the importer as a file does.
#pragma once
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/file.h"

namespace ow::test {

// Text that lives as long as the process: the structs of a model only point to characters.
inline onnx::Text keep(std::string text) {
  static auto* const kept = new std::deque<std::string>;
  return kept->emplace_back(std::move(text));
}

inline onnx::Attribute attr(std::string name, int64_t i) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::INT;
  a.i = i;
  return a;
}
inline onnx::Attribute attr(std::string name, float f) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::FLOAT;
  a.f = f;
  return a;
}
inline onnx::Attribute attr(std::string name, const char* s) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::STRING;
  a.s = keep(s);
  return a;
}
inline onnx::Attribute attr(std::string name, std::vector<int64_t> ints) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::INTS;
  a.ints = std::move(ints);
  return a;
}
inline onnx::Attribute attr(std::string name, const std::vector<std::string>& strings) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::STRINGS;
  for (const auto& s : strings) a.strings.push_back(keep(s));
  return a;
}
inline onnx::Attribute attr(std::string name, onnx::Graph g) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = onnx::Attribute::GRAPH;
  a.g = std::move(g);
  return a;
}
// An attribute of a function's node that stands for the function's attribute `ref`.
inline onnx::Attribute ref(std::string name, std::string ref, onnx::Attribute::AttributeType type) {
  onnx::Attribute a;
  a.name = keep(std::move(name));
  a.type = type;
  a.ref_attr_name = keep(std::move(ref));
  return a;
}

inline onnx::Node node(std::string op, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs, std::vector<onnx::Attribute> attributes = {},
                       std::string domain = {}) {
  onnx::Node n;
  n.op_type = keep(std::move(op));
  if (!domain.empty()) n.domain = keep(std::move(domain));
  for (const auto& s : inputs) n.input.push_back(keep(s));
  for (const auto& s : outputs) n.output.push_back(keep(s));
  n.attribute = std::move(attributes);
  return n;
}

// dims: numbers, or names of sizes; "" is an unknown one.
inline onnx::ValueInfo value(std::string name, int32_t type, const std::vector<std::string>& dims) {
  onnx::ValueInfo v;
  v.name = keep(std::move(name));
  onnx::Type t;
  onnx::Type::Tensor tensor;
  tensor.elem_type = type;
  onnx::TensorShape shape;
  for (const auto& d : dims) {
    onnx::TensorShape::Dimension dim;
    if (!d.empty() && d.find_first_not_of("0123456789") == std::string::npos)
      dim.dim_value = std::stoll(d);
    else if (!d.empty())
      dim.dim_param = keep(d);
    shape.dim.push_back(std::move(dim));
  }
  tensor.shape = std::move(shape);
  t.tensor_type = std::move(tensor);
  v.type = std::move(t);
  return v;
}
// Rank unknown.
inline onnx::ValueInfo value(std::string name, int32_t type) {
  auto v = value(std::move(name), type, {});
  v.type->tensor_type->shape.reset();
  return v;
}

template <class T>
onnx::Tensor tensor(std::string name, int32_t type, std::vector<int64_t> dims, const std::vector<T>& values) {
  onnx::Tensor t;
  t.name = keep(std::move(name));
  t.dims = std::move(dims);
  t.data_type = type;
  t.raw_data = keep(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  return t;
}
inline onnx::Tensor floats(std::string name, std::vector<int64_t> dims, const std::vector<float>& values) {
  return tensor(std::move(name), onnx::Tensor::FLOAT, std::move(dims), values);
}
inline onnx::Tensor ints(std::string name, const std::vector<int64_t>& values) {
  return tensor(std::move(name), onnx::Tensor::INT64, {static_cast<int64_t>(values.size())}, values);
}

inline onnx::Graph graph(std::vector<onnx::ValueInfo> inputs, std::vector<onnx::ValueInfo> outputs,
                         std::vector<onnx::Node> nodes, std::vector<onnx::Tensor> initializers = {}) {
  onnx::Graph g;
  g.input = std::move(inputs);
  g.output = std::move(outputs);
  g.node = std::move(nodes);
  g.initializer = std::move(initializers);
  return g;
}
inline onnx::Model model(onnx::Graph graph, int64_t opset = 22, int64_t ir_version = 10) {
  onnx::Model m;
  m.ir_version = ir_version;
  onnx::OperatorSetId id;
  id.version = opset;
  m.opset_import.push_back(std::move(id));
  if (!graph.name) graph.name = "g";
  m.graph = std::move(graph);
  return m;
}

inline std::string bytes(const onnx::Model& m) {
  auto text = onnx::serialize(m);
  ONWARD_CHECK(text.ok());
  return *std::move(text);
}
inline std::span<const std::byte> as_bytes(const std::string& s) {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}
inline Result<std::shared_ptr<onnx::ModelFile>> file(const onnx::Model& m) {
  return onnx::load_bytes(as_bytes(bytes(m)));
}

}  // namespace ow::test
