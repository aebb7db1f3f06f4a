// AttributeProto: one value, in the field that its type names, or a reference to a function's attribute.
#include "ir/schema.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

using A = onnx::Attribute;

// Bit i: the field of AttributeType i holds something.
uint32_t filled_fields(const A& a) {
  uint32_t filled = 0;
  auto mark = [&](int type, bool set) { filled |= set ? 1u << type : 0; };
  mark(A::FLOAT, a.f.has_value());
  mark(A::INT, a.i.has_value());
  mark(A::STRING, a.s.has_value());
  mark(A::TENSOR, a.t.has_value());
  mark(A::GRAPH, a.g.has_value());
  mark(A::SPARSE_TENSOR, a.sparse_tensor.has_value());
  mark(A::TYPE_PROTO, a.tp.has_value());
  mark(A::FLOATS, !a.floats.empty());
  mark(A::INTS, !a.ints.empty());
  mark(A::STRINGS, !a.strings.empty());
  mark(A::TENSORS, !a.tensors.empty());
  mark(A::GRAPHS, !a.graphs.empty());
  mark(A::SPARSE_TENSORS, !a.sparse_tensors.empty());
  mark(A::TYPE_PROTOS, !a.type_protos.empty());
  return filled;
}

bool is_list(int32_t type) {
  return (type >= A::FLOATS && type <= A::GRAPHS) || type == A::SPARSE_TENSORS || type == A::TYPE_PROTOS;
}

void check_reference(Report& r, const A& a, const std::string& at, const Place& place, uint32_t filled) {
  if (filled) r.add("E0705", at, "both ref_attr_name and a value", "one of the two");
  const std::string_view name = *a.ref_attr_name;
  if (!place.function)
    return r.add("E0706", at,
                 cat("refers to attribute ", quoted(name), " of a function, outside any function"),
                 "a value");
  for (onnx::Text declared : place.function->attribute)
    if (declared == name) return;
  for (const A& declared : place.function->attribute_proto)
    if (or_default(declared.name) == name) return;
  r.add("E0707", at, cat("refers to ", quoted(name), ", which the function does not declare"),
        "an attribute of the function");
}

void check_values(Report& r, const A& a, const std::string& at, const Place& place, const Names* names) {
  if (a.t) check_tensor(r, *a.t, cat(at, ".t"));
  if (a.sparse_tensor) check_sparse_tensor(r, *a.sparse_tensor, cat(at, ".sparse_tensor"));
  if (a.tp) check_type(r, *a.tp, cat(at, ".tp"), false);
  for (size_t i = 0; i < a.tensors.size(); ++i) check_tensor(r, a.tensors[i], cat(at, ".tensors[", i, "]"));
  for (size_t i = 0; i < a.sparse_tensors.size(); ++i)
    check_sparse_tensor(r, a.sparse_tensors[i], cat(at, ".sparse_tensors[", i, "]"));
  for (size_t i = 0; i < a.type_protos.size(); ++i)
    check_type(r, a.type_protos[i], cat(at, ".type_protos[", i, "]"), false);
  if (a.g) check_graph(r, *a.g, cat(at, ".g"), place, names);
  for (size_t i = 0; i < a.graphs.size(); ++i)
    check_graph(r, a.graphs[i], cat(at, ".graphs[", i, "]"), place, names);
}

}  // namespace

void check_attribute(Report& r, const A& a, const std::string& at, const Place& place, const Names* names) {
  if (or_default(a.name).empty()) r.add("E0701", at, "no name", "a name");
  const uint32_t filled = filled_fields(a);
  const int32_t type = or_default(a.type);
  if (r.ir_version >= 2 && type == A::UNDEFINED) {
    r.add("E0702", at, "no type", "a type from IR version 2 on");
  } else if (type < 0 || type > A::TYPE_PROTOS) {
    r.add("E0702", at, cat("type ", type), "0 to 14");
    return check_values(r, a, at, place, names);
  }
  if (filled & (filled - 1)) r.add("E0704", at, "values in several fields", "exactly one");
  if (!or_default(a.ref_attr_name).empty()) {
    check_reference(r, a, at, place, filled);
  } else {
    const char* name = attribute_type_name(static_cast<AttributeType>(type));
    const bool wrong = type != A::UNDEFINED && filled && !(filled >> type & 1);
    if (wrong)
      r.add("E0703", at, cat("type ", name, ", but another field holds the value"),
            cat("the field of ", name));
    const bool scalar = type == A::FLOAT || type == A::INT || type == A::STRING;
    // Writers that leave out zeros make attributes of this kind.
    if (!filled && scalar)
      r.add("W0709", at, cat("no value, read as ", type == A::STRING ? "''" : "0"), "a value");
    else if (!filled && !is_list(type))
      r.add("E0708", at, "no value", "a value");
  }
  check_values(r, a, at, place, names);
}

}  // namespace ow::check
