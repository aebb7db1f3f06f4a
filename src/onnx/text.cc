#include "onnx/text.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "onnx/element_type.h"
#include "onnx/tensor_data.h"

namespace ow::onnx {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_identifier(Text text) {
  if (text.empty() || !is_letter(text[0])) return false;
  for (char c : text)
    if (!is_letter(c) && !is_digit(c)) return false;
  return true;
}

std::string_view attribute_type_name(int32_t type) {
  static constexpr std::string_view kNames[] = {
      "undefined", "float",   "int",    "string",        "tensor",         "graph",      "floats",     "ints",
      "strings",   "tensors", "graphs", "sparse_tensor", "sparse_tensors", "type_proto", "type_protos"};
  return type >= 0 && type <= Attribute::TYPE_PROTOS ? kNames[type] : "unknown";
}

// IEEE binary16, as arithmetic: not every compiler that reads this has the type.
float half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(fraction | 1024), exponent - 25);
  if (exponent == 31)
    value = fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  return bits >> 15 ? -value : value;
}

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}
  std::string out;

  void model(const Model& m);
  void graph(const Graph& g);
  void function(const Function& f);
  void node(const Node& n);
  void type(const Type& t);

 private:
  void put(std::string_view text) { out += text; }
  void indent() { out.append(static_cast<size_t>(indent_), ' '); }
  void quoted(Text text);
  void id(Text text) { is_identifier(text) ? put(text) : quoted(text); }
  void number(int64_t v) { append_int(out, v); }
  void number(uint64_t v) { append_uint(out, v); }
  void number(double v) { append(out, v); }
  void number(float v) {
    char buffer[40];
    const char* end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
    put({buffer, static_cast<size_t>(end - buffer)});
  }

  // Prints `item(x)` for each x, at most max_elements where `elide`.
  template <class Range, class F>
  void list(std::string_view open, std::string_view separator, std::string_view close, const Range& items,
            bool elide, F item) {
    put(open);
    int64_t i = 0;
    for (const auto& x : items) {
      if (i) put(separator);
      if (elide && i == options_.max_elements) {
        put("...");
        break;
      }
      ++i;
      item(x);
    }
    put(close);
  }
  void ids(std::string_view open, std::string_view close, const std::vector<Text>& names) {
    list(open, ", ", close, names, false, [&](Text name) { id(name); });
  }
  void key(std::string_view name, bool separate = true) {
    if (separate) put(",\n");
    indent();
    put(name);
    put(": ");
  }
  void shape(const Box<TensorShape>& s);
  void element_type(const std::optional<int32_t>& code);
  void entries(const std::vector<StringStringEntry>& props);
  void opsets(const std::vector<OperatorSetId>& imports, std::string_view separator);
  void value_info(const ValueInfo& v);
  void value_infos(const std::vector<ValueInfo>& infos);
  void tensor(const Tensor& t, bool is_initializer);
  void payload(const TensorData& d);
  void element(const TensorData& d, size_t index);
  void sparse_tensor(const SparseTensor& t, bool is_initializer);
  void attribute(const Attribute& a);
  void attribute_value(const Attribute& a);
  void attributes(const std::vector<Attribute>& list);
  void nodes(const std::vector<Node>& list);

  const TextOptions& options_;
  int indent_ = 3;
};

void Printer::quoted(Text text) {
  constexpr size_t kShownBytes = 4096;
  out += '"';
  for (char c : text.substr(0, kShownBytes)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += printable({&c, 1});
    }
  }
  if (text.size() > kShownBytes) out += "...";
  out += '"';
}

void Printer::shape(const Box<TensorShape>& s) {
  if (!s) return put("[]");
  if (s->dim.empty()) return;
  list("[", ",", "]", s->dim, false, [&](const TensorShape::Dimension& d) {
    if (d.dim_value)
      number(*d.dim_value);
    else if (d.dim_param)
      id(*d.dim_param);
    else
      put("?");
  });
}

void Printer::element_type(const std::optional<int32_t>& code) {
  std::string_view name = element_type_name(or_default(code));
  name.empty() ? put(cat("unknown_", or_default(code))) : put(name);
}

void Printer::type(const Type& t) {
  auto nested = [&](const Box<Type>& inner) {
    if (inner) type(*inner);
  };
  if (t.tensor_type) {
    element_type(t.tensor_type->elem_type);
    shape(t.tensor_type->shape);
  } else if (t.sparse_tensor_type) {
    put("sparse_tensor(");
    element_type(t.sparse_tensor_type->elem_type);
    shape(t.sparse_tensor_type->shape);
    put(")");
  } else if (t.sequence_type) {
    put("seq(");
    nested(t.sequence_type->elem_type);
    put(")");
  } else if (t.optional_type) {
    put("optional(");
    nested(t.optional_type->elem_type);
    put(")");
  } else if (t.map_type) {
    put("map(");
    element_type(t.map_type->key_type);
    put(", ");
    nested(t.map_type->value_type);
    put(")");
  } else if (t.opaque_type) {
    put("opaque(");
    quoted(or_default(t.opaque_type->domain));
    put(", ");
    quoted(or_default(t.opaque_type->name));
    put(")");
  }
}

void Printer::value_info(const ValueInfo& v) {
  if (v.type) type(*v.type);
  put(" ");
  id(or_default(v.name));
}

void Printer::value_infos(const std::vector<ValueInfo>& infos) {
  list("(", ", ", ")", infos, false, [&](const ValueInfo& v) { value_info(v); });
}

void Printer::entries(const std::vector<StringStringEntry>& props) {
  list("[", ", ", "]", props, false, [&](const StringStringEntry& e) {
    quoted(or_default(e.key));
    put(": ");
    quoted(or_default(e.value));
  });
}

void Printer::opsets(const std::vector<OperatorSetId>& imports, std::string_view separator) {
  list("[", separator, "]", imports, false, [&](const OperatorSetId& o) {
    quoted(or_default(o.domain));
    put(" : ");
    number(or_default(o.version));
  });
}

template <class T>
T value_at(const TensorData& d, size_t index) {
  T value;
  std::memcpy(&value, d.bytes().data() + index * sizeof(T), sizeof(T));
  return value;
}

void Printer::element(const TensorData& d, size_t index) {
  int bits = element_bits(d.data_type);
  switch (d.data_type) {
    case Tensor::FLOAT:
      return number(value_at<float>(d, index));
    case Tensor::DOUBLE:
      return number(value_at<double>(d, index));
    case Tensor::FLOAT16:
      return number(half_value(value_at<uint16_t>(d, index)));
    case Tensor::BFLOAT16: {
      uint32_t wide = uint32_t{value_at<uint16_t>(d, index)} << 16;
      float value;
      std::memcpy(&value, &wide, sizeof value);
      return number(value);
    }
    case Tensor::COMPLEX64:
      number(value_at<float>(d, 2 * index));
      put("+i*");
      return number(value_at<float>(d, 2 * index + 1));
    case Tensor::COMPLEX128:
      number(value_at<double>(d, 2 * index));
      put("+i*");
      return number(value_at<double>(d, 2 * index + 1));
    case Tensor::INT8:
      return number(int64_t{value_at<int8_t>(d, index)});
    case Tensor::INT16:
      return number(int64_t{value_at<int16_t>(d, index)});
    case Tensor::INT32:
      return number(int64_t{value_at<int32_t>(d, index)});
    case Tensor::INT64:
      return number(value_at<int64_t>(d, index));
    case Tensor::UINT16:
      return number(uint64_t{value_at<uint16_t>(d, index)});
    case Tensor::UINT32:
      return number(uint64_t{value_at<uint32_t>(d, index)});
    case Tensor::UINT64:
      return number(value_at<uint64_t>(d, index));
    default:
      break;
  }
  // Bytes and what is packed into them: the small float types are shown as bit patterns.
  if (bits >= 8) return number(uint64_t{value_at<uint8_t>(d, index)});
  size_t per_byte = static_cast<size_t>(8 / bits);
  int shift = static_cast<int>(index % per_byte) * bits;
  int64_t value = (static_cast<unsigned char>(d.bytes()[index / per_byte]) >> shift) & ((1 << bits) - 1);
  bool is_signed = d.data_type == Tensor::INT4 || d.data_type == Tensor::INT2;
  if (is_signed && value >= (1 << (bits - 1))) value -= 1 << bits;
  number(value);
}

void Printer::payload(const TensorData& d) {
  if (d.data_type == Tensor::STRING) return list("{", ", ", "}", d.strings, true, [&](Text s) { quoted(s); });
  put(" {");
  for (int64_t i = 0; i < d.element_count; ++i) {
    if (i) put(",");
    if (i == options_.max_elements) {
      put("...");
      break;
    }
    element(d, static_cast<size_t>(i));
  }
  put("}");
}

void Printer::tensor(const Tensor& t, bool is_initializer) {
  element_type(t.data_type);
  if (!t.dims.empty()) list("[", ",", "]", t.dims, false, [&](int64_t d) { number(d); });
  if (Text name = or_default(t.name); !name.empty()) {
    put(" ");
    id(name);
  }
  if (is_initializer) put(" = ");
  if (t.is_external()) return entries(t.external_data);
  auto data = tensor_data(t, nullptr);
  // Text shows what is there, faults included: a payload that is not valid is left out.
  data.ok() ? payload(*data) : put(" {?}");
}

void Printer::sparse_tensor(const SparseTensor& t, bool is_initializer) {
  put("sparse_tensor(");
  if (t.values) element_type(t.values->data_type);
  list("[", ",", "])", t.dims, false, [&](int64_t d) { number(d); });
  if (is_initializer && t.values) {
    put(" ");
    id(or_default(t.values->name));
  }
  put(is_initializer ? " = {" : " {");
  if (t.indices) tensor(*t.indices, false);
  put(", ");
  if (t.values) tensor(*t.values, false);
  put("}");
}

void Printer::attribute_value(const Attribute& a) {
  auto nested = [&](auto print) {
    indent_ += 3;
    print();
    indent_ -= 3;
  };
  switch (or_default(a.type)) {
    case Attribute::FLOAT:
      return number(or_default(a.f));
    case Attribute::INT:
      return number(or_default(a.i));
    case Attribute::STRING:
      return quoted(or_default(a.s));
    case Attribute::FLOATS:
      return list("[", ", ", "]", a.floats, true, [&](float v) { number(v); });
    case Attribute::INTS:
      return list("[", ", ", "]", a.ints, true, [&](int64_t v) { number(v); });
    case Attribute::STRINGS:
      return list("[", ", ", "]", a.strings, true, [&](Text v) { quoted(v); });
    case Attribute::TENSOR:
      return a.t ? tensor(*a.t, false) : void();
    case Attribute::GRAPH:
      return nested([&] {
        if (a.g) graph(*a.g);
      });
    case Attribute::SPARSE_TENSOR:
      return a.sparse_tensor ? sparse_tensor(*a.sparse_tensor, false) : void();
    case Attribute::TYPE_PROTO:
      return a.tp ? type(*a.tp) : void();
    case Attribute::TENSORS:
      return list("[", ", ", "]", a.tensors, false, [&](const Tensor& t) { tensor(t, false); });
    case Attribute::GRAPHS:
      return nested([&] { list("[", ", ", "]", a.graphs, false, [&](const Graph& g) { graph(g); }); });
    case Attribute::SPARSE_TENSORS:
      return list("[", ", ", "]", a.sparse_tensors, false,
                  [&](const SparseTensor& t) { sparse_tensor(t, false); });
    case Attribute::TYPE_PROTOS:
      return list("[", ", ", "]", a.type_protos, false, [&](const Type& t) { type(t); });
    default:
      return;
  }
}

void Printer::attribute(const Attribute& a) {
  put(or_default(a.name));
  put(": ");
  put(attribute_type_name(or_default(a.type)));
  put(" = ");
  if (!a.ref_attr_name) return attribute_value(a);
  put("@");
  put(*a.ref_attr_name);
}

void Printer::attributes(const std::vector<Attribute>& all) {
  if (!all.empty()) list(" <", ", ", ">", all, false, [&](const Attribute& a) { attribute(a); });
}

void Printer::node(const Node& n) {
  indent();
  if (n.name) {
    put("[");
    id(*n.name);
    put("] ");
  }
  ids("", " = ", n.output);
  if (Text domain = or_default(n.domain); !domain.empty()) put(cat(domain, "."));
  put(or_default(n.op_type));
  if (Text overload = or_default(n.overload); !overload.empty()) put(cat(":", overload));
  // Subgraphs are long, so the inputs come before them.
  bool has_subgraph = false;
  for (const Attribute& a : n.attribute) has_subgraph |= a.g || !a.graphs.empty();
  if (!has_subgraph) attributes(n.attribute);
  ids(" (", ")", n.input);
  if (has_subgraph) attributes(n.attribute);
  put("\n");
}

void Printer::nodes(const std::vector<Node>& all) {
  put("{\n");
  for (const Node& n : all) node(n);
  if (indent_ > 3) out.append(static_cast<size_t>(indent_ - 3), ' ');
  put("}");
}

void Printer::graph(const Graph& g) {
  id(or_default(g.name));
  put(" ");
  value_infos(g.input);
  put(" => ");
  value_infos(g.output);
  put(" ");
  if (!g.initializer.empty() || !g.sparse_initializer.empty() || !g.value_info.empty()) {
    put("\n");
    indent();
    put("<");
    std::string_view separator;
    auto next = [&] { put(std::exchange(separator, ", ")); };
    for (const Tensor& t : g.initializer) next(), tensor(t, true);
    for (const SparseTensor& t : g.sparse_initializer) next(), sparse_tensor(t, true);
    for (const ValueInfo& v : g.value_info) next(), value_info(v);
    put(">\n");
  }
  nodes(g.node);
}

void Printer::model(const Model& m) {
  put("<\n");
  key("ir_version", false);
  number(or_default(m.ir_version));
  key("opset_import");
  opsets(m.opset_import, ", ");
  auto text = [&](std::string_view name, const std::optional<Text>& value) {
    if (!value) return;
    key(name);
    quoted(*value);
  };
  text("producer_name", m.producer_name);
  text("producer_version", m.producer_version);
  text("domain", m.domain);
  if (m.model_version) {
    key("model_version");
    number(*m.model_version);
  }
  text("doc_string", m.doc_string);
  if (!m.metadata_props.empty()) {
    key("metadata_props");
    entries(m.metadata_props);
  }
  put("\n>\n");
  if (m.graph) graph(*m.graph);
  for (const Function& f : m.functions) {
    put("\n");
    function(f);
  }
}

void Printer::function(const Function& f) {
  put("<\n  domain: ");
  quoted(or_default(f.domain));
  put(",\n");
  if (Text overload = or_default(f.overload); !overload.empty()) {
    put("  overload: ");
    quoted(overload);
    put(",\n");
  }
  put("  opset_import: ");
  opsets(f.opset_import, ",");
  put("\n>\n");
  id(or_default(f.name));
  put(" ");
  if (!f.attribute.empty() || !f.attribute_proto.empty()) {
    put("<");
    std::string_view separator;
    auto next = [&] { put(std::exchange(separator, ",")); };
    for (Text name : f.attribute) next(), put(name);
    for (const Attribute& a : f.attribute_proto) next(), attribute(a);
    put(">");
  }
  ids("(", ") => ", f.input);
  ids("(", ")\n", f.output);
  nodes(f.node);
}

}  // namespace

std::string to_text(const Model& model, const TextOptions& options) {
  Printer printer(options);
  printer.model(model);
  return std::move(printer.out);
}

std::string to_text(const Graph& graph, const TextOptions& options) {
  Printer printer(options);
  printer.graph(graph);
  return std::move(printer.out);
}

std::string to_text(const Node& node, const TextOptions& options) {
  Printer printer(options);
  printer.node(node);
  return std::move(printer.out);
}

std::string to_text(const Function& function, const TextOptions& options) {
  Printer printer(options);
  printer.function(function);
  return std::move(printer.out);
}

std::string to_text(const Type& type) {
  TextOptions options;
  Printer printer(options);
  printer.type(type);
  return std::move(printer.out);
}

}  // namespace ow::onnx
