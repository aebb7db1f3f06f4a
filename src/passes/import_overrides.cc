#include "passes/import_overrides.h"

#include <set>

namespace ow {
namespace {

using onnx::or_default;
using Names = std::set<std::string, std::less<>>;

void add_dims(const onnx::Type& type, Names& symbols, Names& denotations) {
  const onnx::Type::Tensor* t = type.tensor_type ? &*type.tensor_type : nullptr;
  if (!t || !t->shape) return;
  for (const auto& dim : t->shape->dim) {
    if (dim.dim_param && !dim.dim_param->empty()) symbols.emplace(printable(*dim.dim_param));
    if (!or_default(dim.denotation).empty()) denotations.emplace(*dim.denotation);
  }
}

template <class Map>
Status check_names(const char* what, const Map& given, const Names& known) {
  for (const auto& [name, value] : given) {
    if (!known.count(name))
      return invalid_argument("the model has no ", what, " '", printable(name), "'",
                              known.empty() ? "" : "; it has ",
                              known.empty() ? "" : list_text(known, "", ""));
    if constexpr (std::is_same_v<typename Map::mapped_type, int64_t>)
      if (value < 0) return invalid_argument("the ", what, " '", printable(name), "' cannot be ", value);
  }
  return {};
}

}  // namespace

Status check_overrides(const ImportOverrides& overrides, const onnx::Graph& graph) {
  if (overrides.empty()) return {};
  Names symbols, denotations, initializers;
  for (const auto& info : graph.input)
    if (info.type) add_dims(*info.type, symbols, denotations);
  ONWARD_TRY(check_names("open dimension", overrides.dims, symbols));
  ONWARD_TRY(check_names("dimension of denotation", overrides.denotations, denotations));
  for (const auto& t : graph.initializer) initializers.emplace(or_default(t.name));
  for (const auto& t : graph.sparse_initializer)
    if (t.values) initializers.emplace(or_default(t.values->name));
  for (const auto& [name, tensor] : overrides.initializers)
    if (!initializers.count(name))
      return invalid_argument("the model has no initializer '", printable(name), "'");
  for (const auto& t : graph.sparse_initializer) {
    if (!t.values) continue;
    const auto given = overrides.initializers.find(or_default(t.values->name));
    if (given == overrides.initializers.end()) continue;
    if (static_cast<int32_t>(given->second.dtype()) != or_default(t.values->data_type) ||
        !(given->second.shape() == Shape(t.dims)))
      return invalid_argument("initializer '", printable(given->first), "' is given as ",
                              given->second.dtype(), given->second.shape(), ", expected ",
                              static_cast<DType>(or_default(t.values->data_type)), Shape(t.dims));
  }
  return {};
}

void put_sizes(const ImportOverrides& overrides, const onnx::Type& proto, ir::Type& type) {
  if (overrides.dims.empty() && overrides.denotations.empty()) return;
  const onnx::Type::Tensor* t = proto.tensor_type ? &*proto.tensor_type : nullptr;
  if (!type.is_tensor() || !type.shape || !t || !t->shape) return;
  for (size_t i = 0; i < type.shape->size() && i < t->shape->dim.size(); ++i) {
    Dim& d = (*type.shape)[i];
    if (d.is_constant()) continue;
    const auto& dim = t->shape->dim[i];
    if (auto size = overrides.denotations.find(or_default(dim.denotation));
        size != overrides.denotations.end())
      d = Dim(size->second);
    if (auto size = overrides.dims.find(printable(or_default(dim.dim_param))); size != overrides.dims.end())
      d = Dim(size->second);
  }
}

void separate_symbols(ir::Type& type) {
  if (type.shape)
    for (Dim& d : *type.shape)
      if (!d.is_constant()) d = Dim::unknown();
  if (type.element) {
    ir::Type element = *type.element;
    separate_symbols(element);
    type.element = std::make_shared<ir::Type>(std::move(element));
  }
}

Result<Tensor> overriding(const ImportOverrides& overrides, const onnx::Tensor& proto) {
  const auto& [name, tensor] = *overrides.initializers.find(or_default(proto.name));
  if (static_cast<int32_t>(tensor.dtype()) != or_default(proto.data_type) ||
      !(tensor.shape() == Shape(proto.dims)))
    return invalid_argument("initializer '", printable(name), "' is given as ", tensor.dtype(),
                            tensor.shape(), ", expected ", static_cast<DType>(or_default(proto.data_type)),
                            Shape(proto.dims));
  return tensor;
}

}  // namespace ow
