// ValueInfoProto and TypeProto: what a graph says of its values.
#include "onnx/element_type.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

constexpr int kMaxTypeDepth = 32;

void check_shape(Report& r, const onnx::TensorShape& shape, const std::string& at) {
  for (size_t i = 0; i < shape.dim.size(); ++i) {
    const auto& dim = shape.dim[i];
    if (dim.dim_value && *dim.dim_value < 0)
      r.add("E0309", cat(at, ".shape.dim[", i, "]"), cat("extent ", *dim.dim_value), "0 or more",
            "for a size that is not known, use dim_param or leave the dim empty");
  }
}

// What only types of the main graph's inputs and outputs must say; elsewhere it is inferred.
const char* if_strict(bool strict, const char* code) { return strict ? code : "W0311"; }

void check_element(Report& r, std::optional<int32_t> code, const std::string& at, bool strict) {
  if (!code || *code == 0)
    r.add(if_strict(strict, "E0304"), at, "elem_type is missing", "an element type, 1 to 26");
  else if (onnx::element_type_name(*code).empty())
    r.add("E0305", at, cat("elem_type ", *code), "an element type, 1 to 26");
}

void check_at(Report& r, const onnx::Type& t, const std::string& at, bool needs_shape, bool strict,
              int depth) {
  if (depth > kMaxTypeDepth) {
    r.add("E0310", at, cat("a type nested deeper than ", kMaxTypeDepth),
          cat("at most ", kMaxTypeDepth, " levels"));
    return;
  }
  auto tensor = [&](const onnx::Type::Tensor& type) {
    check_element(r, type.elem_type, at, strict);
    if (type.shape)
      check_shape(r, *type.shape, at);
    else if (needs_shape)
      r.add("E0306", at, "no shape", "a shape; one without dims is a scalar",
            "declare the rank, with empty dims for unknown sizes");
  };
  auto element = [&](const onnx::Box<onnx::Type>& inner, const char* what) {
    if (inner)
      check_at(r, *inner, cat(at, ".", what), false, strict, depth + 1);
    else
      r.add(if_strict(strict, "E0307"), at, cat(what, " is missing"), "a complete type");
  };
  if (t.tensor_type) return tensor(*t.tensor_type);
  if (t.sparse_tensor_type) return tensor(*t.sparse_tensor_type);
  if (t.sequence_type) return element(t.sequence_type->elem_type, "sequence element type");
  if (t.optional_type) return element(t.optional_type->elem_type, "optional element type");
  if (t.map_type) {
    const int32_t key = or_default(t.map_type->key_type);
    using T = onnx::Tensor;
    const bool fits =
        key == T::STRING || (key >= T::UINT8 && key <= T::INT64) || key == T::UINT32 || key == T::UINT64;
    if (!fits)
      r.add("E0308", at, cat("map key type ", onnx::element_type_text(key)), "an integer type or string");
    return element(t.map_type->value_type, "map value type");
  }
  if (t.opaque_type) return;
  r.add(if_strict(strict, "E0303"), at, "a type without a kind",
        "tensor, sparse tensor, sequence, optional, map or opaque");
}

}  // namespace

void check_type(Report& r, const onnx::Type& type, const std::string& at, bool needs_shape) {
  check_at(r, type, at, needs_shape, needs_shape, 0);
}

void check_value_info(Report& r, const onnx::ValueInfo& info, const std::string& at, bool needs_type) {
  const std::string where = cat(at, " ", quoted(or_default(info.name)));
  if (or_default(info.name).empty()) r.add("E0301", at, "no name", "a name");
  check_metadata(r, where, info.metadata_props);
  if (info.type)
    check_type(r, *info.type, where, needs_type);
  else if (needs_type)
    r.add("E0302", where, "no type", "a type", "declare the element type and shape");
}

}  // namespace ow::check
