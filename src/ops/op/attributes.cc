#include "ops/op/attributes.h"

namespace ow {

void AttrReader::fail(std::string_view attribute, std::string_view problem) const {
  if (error_.ok()) error_ = invalid_model(node_.label(), ": attribute '", attribute, "' ", problem);
}

template <class T>
const T* AttrReader::get(std::string_view name, const char* expected) const {
  auto it = node_.attributes.find(name);
  if (it == node_.attributes.end()) return nullptr;
  if (const T* value = std::get_if<T>(&it->second)) return value;
  fail(name, cat("is of type ", ir::attribute_kind(it->second), ", expected ", expected));
  return nullptr;
}

int64_t AttrReader::integer(std::string_view name, int64_t otherwise) const {
  auto* v = get<int64_t>(name, "INT");
  return v ? *v : otherwise;
}
float AttrReader::real(std::string_view name, float otherwise) const {
  auto* v = get<float>(name, "FLOAT");
  return v ? *v : otherwise;
}
std::string AttrReader::text(std::string_view name, std::string_view otherwise) const {
  auto* v = get<std::string>(name, "STRING");
  return v ? *v : std::string(otherwise);
}
ir::Ints AttrReader::integers(std::string_view name, ir::Ints otherwise) const {
  auto* v = get<ir::Ints>(name, "INTS");
  return v ? *v : otherwise;
}
std::optional<ir::Ints> AttrReader::maybe_integers(std::string_view name) const {
  auto* v = get<ir::Ints>(name, "INTS");
  return v ? std::optional(*v) : std::nullopt;
}
ir::Floats AttrReader::reals(std::string_view name, ir::Floats otherwise) const {
  auto* v = get<ir::Floats>(name, "FLOATS");
  return v ? *v : otherwise;
}
ir::Strings AttrReader::texts(std::string_view name, ir::Strings otherwise) const {
  auto* v = get<ir::Strings>(name, "STRINGS");
  return v ? *v : otherwise;
}
std::optional<Tensor> AttrReader::tensor(std::string_view name) const {
  auto* v = get<Value>(name, "TENSOR");
  if (v && !v->tensor()) fail(name, "is a sparse tensor, expected a tensor");
  return v && v->tensor() ? std::optional(*v->tensor()) : std::nullopt;
}
ir::GraphPtr AttrReader::graph(std::string_view name) const {
  auto* v = get<ir::GraphPtr>(name, "GRAPH");
  if (!v || !*v) {
    fail(name, "is missing, expected a graph");
    return nullptr;
  }
  return *v;
}
DType AttrReader::dtype(std::string_view name, DType otherwise) const {
  int64_t code = integer(name, static_cast<int64_t>(otherwise));
  if (code == static_cast<int64_t>(otherwise)) return otherwise;
  if (code <= 0 || code >= kDTypeCount) {
    fail(name, cat("is ", code, ", expected an element type code from 1 to ", kDTypeCount - 1));
    return otherwise;
  }
  return static_cast<DType>(code);
}
int64_t AttrReader::required_integer(std::string_view name) const {
  if (!has(name)) fail(name, "is missing and has no default");
  return integer(name, 0);
}
ir::Ints AttrReader::required_integers(std::string_view name) const {
  if (!has(name)) fail(name, "is missing and has no default");
  return integers(name);
}
std::string AttrReader::required_text(std::string_view name) const {
  if (!has(name)) fail(name, "is missing and has no default");
  return text(name, "");
}

}  // namespace ow
