// Tensors, types and attributes of the file as tensors, types and attributes of the IR.
#include "passes/import_value.h"

#include <cstring>

#include "base/checked.h"
#include "onnx/tensor_data.h"
#include "passes/import.h"

namespace ow {

// What inference may look into is aligned, and is smaller.
constexpr size_t kMinUnalignedBytes = 16 << 10;

Result<Tensor> import_tensor(const onnx::Tensor& proto, const std::shared_ptr<onnx::ModelFile>& file,
                             bool any_address) {
  onnx::TensorData data = ONWARD_TRY(onnx::tensor_data(proto, *file));
  const auto dtype = static_cast<DType>(data.data_type);
  const Shape shape(data.dims);
  if (dtype == DType::kString) {
    Tensor t = ONWARD_TRY(Tensor::allocate(dtype, shape));
    for (size_t i = 0; i < data.strings.size(); ++i) t.mutable_data<std::string>()[i] = data.strings[i];
    return t;
  }
  const std::string_view bytes = data.bytes();
  const size_t alignment =
      std::max<size_t>(1, std::min<size_t>(8, static_cast<size_t>(bit_width(dtype)) / 8));
  const bool as_is = reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0 ||
                     (any_address && dtype == DType::kFloat32 && bytes.size() >= kMinUnalignedBytes);
  if (data.owned.empty() && !bytes.empty() && as_is) {
    std::shared_ptr<const void> owner = data.file ? std::move(data.file) : std::move(data.held);
    if (!owner) owner = file;
    return Tensor::borrow(dtype, shape, bytes.data(), std::move(owner));
  }
  Tensor t = ONWARD_TRY(Tensor::allocate(dtype, shape));
  if (!bytes.empty()) std::memcpy(t.mutable_raw(), bytes.data(), bytes.size());
  if (data.owned.empty()) file->let_go(std::as_bytes(std::span(bytes)));  // the copy is read from here on
  return t;
}

namespace {

constexpr int kMaxTypeDepth = 16;

Result<DType> element_type(std::optional<int32_t> code) {
  auto t = static_cast<DType>(onnx::or_default(code));
  if (!is_valid(t))
    return invalid_model("element type is ", onnx::or_default(code), ", expected 1 to ", kDTypeCount - 1);
  return t;
}

Result<std::optional<SymShape>> import_shape(const onnx::Box<onnx::TensorShape>& proto) {
  if (!proto) return std::optional<SymShape>();
  SymShape shape;
  for (const auto& dim : proto->dim) {
    if (dim.dim_value) {
      // Some exporters write -1 for a size that is not known.
      shape.push_back(*dim.dim_value < 0 ? Dim::unknown() : Dim(*dim.dim_value));
    } else if (dim.dim_param && !dim.dim_param->empty() && dim.dim_param->front() != '?' &&
               *dim.dim_param != "-1") {
      // "?" and "-1" are how some exporters spell a size that is not known: two of them need not be equal.
      shape.push_back(Dim::symbol(printable(*dim.dim_param)));
    } else {
      shape.push_back(Dim::unknown());
    }
  }
  return std::optional<SymShape>(std::move(shape));
}

Result<ir::Type> import_type_at(const onnx::Type& proto, int depth) {
  if (depth > kMaxTypeDepth) return limit_exceeded("a type nests deeper than ", kMaxTypeDepth, " levels");
  auto element = [&](const onnx::Box<onnx::Type>& inner) -> Result<ir::Type> {
    return inner ? import_type_at(*inner, depth + 1) : Result<ir::Type>(ir::Type{});
  };
  if (proto.tensor_type) {
    if (!proto.tensor_type->elem_type)
      return ir::Type::tensor(DType::kUndefined, ONWARD_TRY(import_shape(proto.tensor_type->shape)));
    DType dtype = ONWARD_TRY(element_type(proto.tensor_type->elem_type));
    return ir::Type::tensor(dtype, ONWARD_TRY(import_shape(proto.tensor_type->shape)));
  }
  if (proto.sparse_tensor_type) {
    ir::Type t = ir::Type::tensor(ONWARD_TRY(element_type(proto.sparse_tensor_type->elem_type)),
                                  ONWARD_TRY(import_shape(proto.sparse_tensor_type->shape)));
    t.kind = ir::Type::Kind::kSparseTensor;
    return t;
  }
  if (proto.sequence_type) return ir::Type::sequence(ONWARD_TRY(element(proto.sequence_type->elem_type)));
  if (proto.optional_type) return ir::Type::optional(ONWARD_TRY(element(proto.optional_type->elem_type)));
  if (proto.map_type)
    return ir::Type::map(ONWARD_TRY(element_type(proto.map_type->key_type)),
                         ONWARD_TRY(element(proto.map_type->value_type)));
  ir::Type t;
  if (proto.opaque_type) t.kind = ir::Type::Kind::kOpaque;
  return t;
}

ir::Strings strings(const std::vector<onnx::Text>& texts) { return {texts.begin(), texts.end()}; }

}  // namespace

Result<ir::Type> import_type(const onnx::Type& proto) { return import_type_at(proto, 0); }

Result<SparseValue> import_sparse(const onnx::SparseTensor& proto,
                                  const std::shared_ptr<onnx::ModelFile>& file) {
  if (!proto.values || !proto.indices) return invalid_model("sparse tensor without values or indices");
  SparseValue sparse;
  sparse.values = ONWARD_TRY(import_tensor(*proto.values, file));
  sparse.indices = ONWARD_TRY(import_tensor(*proto.indices, file));
  sparse.dense_shape = Shape(proto.dims);
  auto name = [&] { return cat("sparse tensor '", printable(onnx::or_default(proto.values->name)), "': "); };
  if (!checked_product(sparse.dense_shape.dims()))
    return invalid_model(name(), "shape ", sparse.dense_shape, " has no valid size");
  if (sparse.values.rank() != 1)
    return invalid_model(name(), "values have rank ", sparse.values.rank(), ", expected 1");
  const size_t rank = sparse.dense_shape.rank();
  const Shape flat{sparse.values.count()}, table{sparse.values.count(), static_cast<int64_t>(rank)};
  if (sparse.indices.dtype() != DType::kInt64 ||
      !(sparse.indices.shape() == flat || sparse.indices.shape() == table))
    return invalid_model(name(), "indices are ", sparse.indices.dtype(), sparse.indices.shape(),
                         ", expected int64", flat, " or ", table);
  return sparse;
}

// A small file may state a huge sparse tensor: its dense form may have this many bytes, and beyond them this
// many times the bytes of its values and indices.
constexpr int64_t kMaxFreeBytes = int64_t{64} << 20, kMaxDensifyGrowth = 1024;

Result<Tensor> densify(const SparseValue& sparse) {
  const auto bytes = storage_bytes(sparse.values.dtype(), sparse.dense_shape.count());
  const int64_t most = kMaxFreeBytes + kMaxDensifyGrowth * (sparse.values.bytes() + sparse.indices.bytes());
  if (!bytes || *bytes > most)
    return limit_exceeded("shape ", sparse.dense_shape, " takes over ", most, " bytes when dense, for ",
                          sparse.values.count(), " values");
  Tensor dense = ONWARD_TRY(Tensor::allocate(sparse.values.dtype(), sparse.dense_shape));
  if (is_sub_byte(dense.dtype()) || dense.dtype() == DType::kString)
    return unsupported("a sparse tensor of type ", dense.dtype());
  std::memset(dense.mutable_raw(), 0, static_cast<size_t>(dense.bytes()));
  const auto width = static_cast<size_t>(bit_width(dense.dtype()) / 8);
  const Shape strides = dense_strides(sparse.dense_shape);
  const auto indices = sparse.indices.span<int64_t>();
  const size_t columns = sparse.indices.rank() == 2 ? sparse.dense_shape.rank() : 1;
  int64_t before = -1;
  for (int64_t i = 0; i < sparse.values.count(); ++i) {
    int64_t at = 0;
    bool inside = true;
    for (size_t k = 0; k < columns; ++k) {
      const int64_t index = indices[static_cast<size_t>(i) * columns + k];
      const int64_t extent = sparse.indices.rank() == 2 ? sparse.dense_shape[k] : dense.count();
      inside &= index >= 0 && index < extent;
      at += inside ? index * (sparse.indices.rank() == 2 ? strides[k] : 1) : 0;
    }
    if (!inside) return invalid_model("index ", i, " lies outside the shape ", sparse.dense_shape);
    if (at <= before) return invalid_model("index ", i, " does not come after the one before it");
    before = at;
    std::memcpy(dense.mutable_raw() + static_cast<size_t>(at) * width,
                sparse.values.raw() + static_cast<size_t>(i) * width, width);
  }
  return dense;
}

Result<ir::Attribute> import_plain_attribute(const onnx::Attribute& a,
                                             const std::shared_ptr<onnx::ModelFile>& file) {
  using A = onnx::Attribute;
  switch (attribute_type(a)) {
    case A::FLOAT:
      return ir::Attribute(onnx::or_default(a.f));
    case A::INT:
      return ir::Attribute(onnx::or_default(a.i));
    case A::STRING:
      return ir::Attribute(std::string(onnx::or_default(a.s)));
    case A::FLOATS:
      return ir::Attribute(a.floats);
    case A::INTS:
      return ir::Attribute(a.ints);
    case A::STRINGS:
      return ir::Attribute(strings(a.strings));
    case A::TENSOR:
      if (!a.t) return invalid_model("is a TENSOR without a tensor");
      return ir::Attribute(Value(ONWARD_TRY(import_tensor(*a.t, file))));
    case A::SPARSE_TENSOR:
      if (!a.sparse_tensor) return invalid_model("is a SPARSE_TENSOR without one");
      return ir::Attribute(Value(ONWARD_TRY(import_sparse(*a.sparse_tensor, file))));
    case A::TENSORS: {
      std::vector<Value> values;
      for (const auto& t : a.tensors) values.emplace_back(ONWARD_TRY(import_tensor(t, file)));
      return ir::Attribute(std::move(values));
    }
    case A::TYPE_PROTO:
      if (!a.tp) return invalid_model("is a TYPE_PROTO without a type");
      return ir::Attribute(ONWARD_TRY(import_type(*a.tp)));
    default:
      return unsupported("has type ", attribute_type(a), ", which no operator uses");
  }
}

int32_t attribute_type(const onnx::Attribute& a) {
  using A = onnx::Attribute;
  if (a.type && *a.type != A::UNDEFINED) return *a.type;
  if (a.f) return A::FLOAT;
  if (a.i) return A::INT;
  if (a.s) return A::STRING;
  if (a.t) return A::TENSOR;
  if (a.g) return A::GRAPH;
  if (a.sparse_tensor) return A::SPARSE_TENSOR;
  if (a.tp) return A::TYPE_PROTO;
  if (!a.floats.empty()) return A::FLOATS;
  if (!a.ints.empty()) return A::INTS;
  if (!a.strings.empty()) return A::STRINGS;
  if (!a.tensors.empty()) return A::TENSORS;
  if (!a.graphs.empty()) return A::GRAPHS;
  return A::INTS;  // IR 1 files have no type tag; an empty list fits any list attribute that is read as
                   // integers
}

}  // namespace ow
