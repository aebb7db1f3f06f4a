#include "ir/type.h"

namespace ow::ir {

std::string Type::text() const {
  auto inner = [&] { return element ? element->text() : std::string("?"); };
  switch (kind) {
    case Kind::kUnknown:
      return "?";
    case Kind::kTensor:
      return cat(dtype, shape ? list_text(*shape) : std::string("[...]"));
    case Kind::kSparseTensor:
      return cat("sparse ", dtype, shape ? list_text(*shape) : std::string("[...]"));
    case Kind::kSequence:
      return cat("seq(", inner(), ")");
    case Kind::kOptional:
      return cat("optional(", inner(), ")");
    case Kind::kMap:
      return cat("map(", dtype, ", ", inner(), ")");
    case Kind::kOpaque:
      return "opaque";
  }
  return "?";
}

namespace {
constexpr int64_t kMaxElements = 1024;

template <class T>
std::vector<Dim> read_elements(const Tensor& t) {
  std::vector<Dim> out;
  for (T v : t.span<T>()) out.push_back(static_cast<int64_t>(v));
  return out;
}
}  // namespace

Fact Fact::of(const Tensor& constant) {
  Fact fact{Type::tensor(constant.dtype(), symbolic(constant.shape())), std::nullopt, constant};
  if (constant.rank() > 1 || constant.count() > kMaxElements) return fact;
  switch (constant.dtype()) {
    case DType::kInt64:
      fact.elements = read_elements<int64_t>(constant);
      break;
    case DType::kInt32:
      fact.elements = read_elements<int32_t>(constant);
      break;
    case DType::kBool:
      fact.elements = read_elements<bool>(constant);
      break;
    default:
      break;
  }
  return fact;
}

Type merge(const Type& primary, const Type& secondary, std::string* conflict) {
  if (primary.kind == Type::Kind::kUnknown) return secondary;
  if (secondary.kind == Type::Kind::kUnknown) return primary;
  auto clash = [&] {
    if (conflict && conflict->empty()) *conflict = cat(primary, " against ", secondary);
    return primary;
  };
  if (primary.kind != secondary.kind) return clash();
  Type out = primary;
  if (out.dtype == DType::kUndefined)
    out.dtype = secondary.dtype;
  else if (secondary.dtype != DType::kUndefined && secondary.dtype != out.dtype)
    return clash();
  if (out.element && secondary.element)
    out.element = std::make_shared<const Type>(merge(*out.element, *secondary.element, conflict));
  else if (!out.element)
    out.element = secondary.element;
  if (!out.shape) {
    out.shape = secondary.shape;
  } else if (secondary.shape) {
    if (secondary.shape->size() != out.shape->size()) return clash();
    for (size_t i = 0; i < out.shape->size(); ++i) {
      Dim& d = (*out.shape)[i];
      const Dim& s = (*secondary.shape)[i];
      if (d.is_constant() && s.is_constant() && !(d == s))
        clash();
      else if (!d.is_constant() && (s.is_constant() || (d.is_unknown() && !s.is_unknown())))
        d = s;
    }
  }
  return out;
}

}  // namespace ow::ir
