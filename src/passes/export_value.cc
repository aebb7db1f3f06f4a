#include "passes/export_value.h"

#include <algorithm>

#include "ops/op/attributes.h"

namespace ow {
namespace {

onnx::TensorShape export_shape(const SymShape& shape, onnx::ModelFile& file) {
  onnx::TensorShape out;
  for (const Dim& d : shape) {
    auto& dim = out.dim.emplace_back();
    bool named = true;
    d.visit_symbols([&](std::string_view s) { named &= !s.starts_with('?'); });
    if (d.is_constant())
      dim.dim_value = *d.constant();
    else if (named)
      dim.dim_param = file.keep(d.text());
  }
  return out;
}

}  // namespace

Result<onnx::Tensor> export_tensor(const Tensor& tensor, ExportedModel& out) {
  onnx::Tensor t;
  const Tensor dense = tensor.is_dense() ? tensor : ONWARD_TRY(tensor.owned());
  t.dims.assign(dense.shape().begin(), dense.shape().end());
  t.data_type = static_cast<int32_t>(dense.dtype());
  if (dense.dtype() == DType::kString)
    for (const std::string& s : dense.span<std::string>()) t.string_data.emplace_back(s);
  else
    t.raw_data = onnx::Text(reinterpret_cast<const char*>(dense.raw()), static_cast<size_t>(dense.bytes()));
  out.tensors.push_back(dense);
  return t;
}

std::optional<onnx::Type> export_type(const ir::Type& type, bool with_shape, onnx::ModelFile& file) {
  using Kind = ir::Type::Kind;
  onnx::Type out;
  std::optional<onnx::Type> element;
  if (type.element) element = export_type(*type.element, with_shape, file);
  switch (type.kind) {
    case Kind::kTensor:
    case Kind::kSparseTensor: {
      if (type.dtype == DType::kUndefined) return std::nullopt;
      auto& t = type.is_tensor() ? out.tensor_type.emplace() : out.sparse_tensor_type.emplace();
      t.elem_type = static_cast<int32_t>(type.dtype);
      if (with_shape && type.shape) t.shape = export_shape(*type.shape, file);
      return out;
    }
    case Kind::kSequence:
      if (!element) return std::nullopt;
      out.sequence_type.emplace().elem_type = std::move(*element);
      return out;
    case Kind::kOptional:
      if (!element) return std::nullopt;
      out.optional_type.emplace().elem_type = std::move(*element);
      return out;
    case Kind::kMap:
      if (!element) return std::nullopt;
      out.map_type.emplace().key_type = static_cast<int32_t>(type.dtype);
      out.map_type->value_type = std::move(*element);
      return out;
    default:
      return std::nullopt;
  }
}

namespace {

using A = onnx::Attribute;

// Fills `a` from one kind of value; the variant's order is that of ir::Attribute.
struct AttributeWriter {
  A& a;
  AttributeType declared;
  ExportedModel& out;
  const ExportGraph& graph;

  Status operator()(std::monostate) { return list(static_cast<A::AttributeType>(declared)); }
  Status operator()(int64_t i) { return set(A::INT, a.i, i); }
  Status operator()(float f) { return set(A::FLOAT, a.f, f); }
  Status operator()(const std::string& s) { return set(A::STRING, a.s, out.file->keep(s)); }
  Status operator()(const Value& v) {
    if (const SparseValue* sparse = v.sparse()) {
      onnx::SparseTensor t;
      t.values = ONWARD_TRY(export_tensor(sparse->values, out));
      t.indices = ONWARD_TRY(export_tensor(sparse->indices, out));
      t.dims.assign(sparse->dense_shape.begin(), sparse->dense_shape.end());
      a.sparse_tensor = std::move(t);
      return list(A::SPARSE_TENSOR);
    }
    if (!v.tensor()) return unsupported("holds a value that is no tensor");
    a.t = ONWARD_TRY(export_tensor(*v.tensor(), out));
    return list(A::TENSOR);
  }
  Status operator()(const ir::GraphPtr& g) {
    a.g = ONWARD_TRY(graph(*g));
    return list(A::GRAPH);
  }
  Status operator()(const ir::Type& t) {
    auto type = export_type(t, true, *out.file);
    if (!type) return unsupported("holds a type that is not known");
    a.tp = std::move(*type);
    return list(A::TYPE_PROTO);
  }
  Status operator()(const ir::Ints& v) {
    if (v.empty() && declared != AttributeType::kInts) return list(static_cast<A::AttributeType>(declared));
    a.ints = v;
    return list(A::INTS);
  }
  Status operator()(const ir::Floats& v) {
    a.floats = v;
    return list(A::FLOATS);
  }
  Status operator()(const ir::Strings& v) {
    for (const std::string& s : v) a.strings.push_back(out.file->keep(s));
    return list(A::STRINGS);
  }
  Status operator()(const std::vector<Value>& v) {
    for (const Value& item : v) {
      if (!item.tensor()) return unsupported("holds a value that is no tensor");
      a.tensors.push_back(ONWARD_TRY(export_tensor(*item.tensor(), out)));
    }
    return list(A::TENSORS);
  }
  Status operator()(const std::vector<ir::GraphPtr>& v) {
    for (const ir::GraphPtr& g : v) a.graphs.push_back(ONWARD_TRY(graph(*g)));
    return list(A::GRAPHS);
  }
  Status operator()(const std::vector<ir::Type>& v) {
    for (const ir::Type& t : v) {
      auto type = export_type(t, true, *out.file);
      if (!type) return unsupported("holds a type that is not known");
      a.type_protos.push_back(std::move(*type));
    }
    return list(A::TYPE_PROTOS);
  }

 private:
  Status list(A::AttributeType type) {
    a.type = type;
    return {};
  }
  template <class T>
  Status set(A::AttributeType type, std::optional<T>& member, T value) {
    member = std::move(value);
    return list(type);
  }
};

}  // namespace

Result<onnx::Attribute> export_attribute(std::string_view name, const ir::Attribute& value,
                                         AttributeType type, ExportedModel& out, const ExportGraph& graph) {
  A a;
  a.name = out.file->keep(std::string(name));
  Status status = std::visit(AttributeWriter{a, type, out, graph}, value);
  if (!status.ok()) return std::move(status).context(cat("attribute '", printable(name), "'"));
  return a;
}

namespace {

// Steps between versions that the schema facts do not show: a value of an attribute came, or the meaning of
// the default changed. `since`: the newer version of the step.
bool changed_meaning(const ir::Node& node, int since) {
  const AttrReader a(node);
  if (node.is("GroupNormalization")) return since == 21;
  if (node.is("RoiAlign")) return since == 16;
  if (node.is("GridSample")) return since == 20;
  if (node.is("AveragePool")) return since == 19 && a.integer("ceil_mode", 0) != 0;
  if (node.is("Pad")) return since == 19 && a.text("mode", "constant") == "wrap";
  if (node.is("Resize"))
    return since == 19 && a.text("coordinate_transformation_mode", "half_pixel") == "half_pixel_symmetric";
  if (node.is("ScatterElements") || node.is("ScatterND")) {
    const std::string reduction = a.text("reduction", "none");
    return since == 18 && (reduction == "min" || reduction == "max");
  }
  return false;
}

bool same_default(const SchemaAttribute& a, const SchemaAttribute& b) {
  return a.has_default() == b.has_default() && a.default_int() == b.default_int() &&
         a.default_float() == b.default_float() && a.default_string() == b.default_string() &&
         a.default_ints() == b.default_ints() && a.default_strings() == b.default_strings();
}

bool attributes_fit(const ir::Node& node, const Schema& newer, const Schema& older) {
  for (const auto& entry : node.attributes) {
    const SchemaAttribute *now = newer.attribute(entry.first), *then = older.attribute(entry.first);
    if (!then || !now || then->type() != now->type()) return false;
  }
  for (const SchemaAttribute& then : older.attributes()) {
    if (node.attributes.count(then.name())) continue;
    const SchemaAttribute* now = newer.attribute(then.name());
    if (then.required() || (now ? !same_default(*now, then) : then.has_default())) return false;
  }
  return true;
}

bool value_fits(const ir::Value* v, const SchemaParam* newer, const SchemaParam* older) {
  if (!older || !newer || newer->option() != older->option() || newer->name() != older->name()) return false;
  if (newer->types() == older->types()) return true;
  return !v || (v->type().is_tensor() && v->type().dtype != DType::kUndefined &&
                older->types().allows(v->type().dtype));
}

bool means_the_same(const ir::Node& node, const Schema& newer, const Schema& older) {
  const auto inputs = static_cast<int>(node.inputs().size()),
             outputs = static_cast<int>(node.outputs().size());
  if (older.deprecated() || changed_meaning(node, newer.since_version()) || inputs < older.min_inputs() ||
      inputs > older.max_inputs() || outputs < older.min_outputs() || outputs > older.max_outputs() ||
      !attributes_fit(node, newer, older))
    return false;
  for (size_t i = 0; i < node.inputs().size(); ++i)
    if (!value_fits(node.inputs()[i], newer.input(i), older.input(i))) return false;
  for (size_t i = 0; i < node.outputs().size(); ++i)
    if (!value_fits(node.outputs()[i], newer.output(i), older.output(i))) return false;
  return true;
}

}  // namespace

int64_t oldest_opset(const ir::Node& node, const Schema& newest) {
  // Up to opset 13 defaults and inputs changed often, and every tool reads 13.
  constexpr int kFloor = 13;
  const auto versions = schema_versions(newest.domain(), newest.name());
  int64_t since = newest.since_version();
  for (size_t i = versions.size(); i-- > 1;) {
    if (since <= kFloor || !means_the_same(node, versions[i], versions[i - 1])) break;
    since = versions[i - 1].since_version();
  }
  return since;
}

}  // namespace ow
