#include "tools/value_type.h"

#include "tensor/dtype.h"

namespace onward::tools {

ValueType parse_type(const std::string& text) {
  ValueType out;
  out.text = text;
  const auto inside = [&](const char* start) {
    const size_t n = std::string_view(start).size();
    return text.substr(n, text.size() - n - 1);
  };
  if (text.starts_with("seq(") || text.starts_with("optional(")) {
    const bool optional = text[0] == 'o';
    out.element = std::make_shared<const ValueType>(parse_type(inside(optional ? "optional(" : "seq(")));
    out.optional = optional;
    out.kind = optional ? out.element->kind : ONWARD_SEQUENCE;
    return out;
  }
  if (text.starts_with("map(")) {
    const std::string both = inside("map(");
    const size_t comma = both.find(',');
    out.kind = ONWARD_MAP;
    if (auto key = ow::dtype_from_name(both.substr(0, comma))) out.dtype = static_cast<onward_dtype>(*key);
    const size_t value = both.find_first_not_of(" ,", comma);
    out.element = std::make_shared<const ValueType>(
        parse_type(value == std::string::npos ? std::string("?") : both.substr(value)));
    return out;
  }
  if (text.starts_with("sparse ")) {
    out.kind = ONWARD_SPARSE_TENSOR;
    return out;
  }
  if (auto type = ow::dtype_from_name(text.substr(0, text.find('['))))
    out.dtype = static_cast<onward_dtype>(*type);
  return out;
}

ValueInfo port_of(const ValueType& type, const std::string& name) {
  ValueInfo v;
  v.name = name;
  v.type = type.text;
  v.kind = type.kind;
  v.dtype = type.dtype;
  return v;
}

}  // namespace onward::tools
