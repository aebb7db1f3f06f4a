// The messages of onnx-data.proto as plain structs: values that are no tensors, as the official test data
// stores them (input_0.pb of a sequence or an optional). Same conventions as model.h.
#pragma once
#include "onnx/model.h"

namespace ow::onnx {

struct Map;
struct Optional;

// `elem_type` of Sequence and Optional.
enum class ElementKind : int32_t {
  kUndefined = 0,
  kTensor = 1,
  kSparseTensor = 2,
  kSequence = 3,
  kMap = 4,
  kOptional = 5,
};

struct Sequence {
  std::optional<Text> name;
  std::optional<int32_t> elem_type;  // an ElementKind
  std::vector<Tensor> tensor_values;
  std::vector<SparseTensor> sparse_tensor_values;
  std::vector<Sequence> sequence_values;
  std::vector<Map> map_values;
  std::vector<Optional> optional_values;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "elem_type", m.elem_type);
    v.field(3, "tensor_values", m.tensor_values);
    v.field(4, "sparse_tensor_values", m.sparse_tensor_values);
    v.field(5, "sequence_values", m.sequence_values);
    v.field(6, "map_values", m.map_values);
    v.field(7, "optional_values", m.optional_values);
  }
};

struct Map {
  std::optional<Text> name;
  std::optional<int32_t> key_type;
  std::vector<int64_t> keys;
  std::vector<Text> string_keys;
  Box<Sequence> values;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "key_type", m.key_type);
    v.field(3, "keys", m.keys);
    v.field(4, "string_keys", m.string_keys);
    v.field(5, "values", m.values);
  }
};

struct Optional {
  std::optional<Text> name;
  std::optional<int32_t> elem_type;  // an ElementKind
  Box<Tensor> tensor_value;
  Box<SparseTensor> sparse_tensor_value;
  Box<Sequence> sequence_value;
  Box<Map> map_value;
  Box<Optional> optional_value;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "elem_type", m.elem_type);
    v.field(3, "tensor_value", m.tensor_value);
    v.field(4, "sparse_tensor_value", m.sparse_tensor_value);
    v.field(5, "sequence_value", m.sequence_value);
    v.field(6, "map_value", m.map_value);
    v.field(7, "optional_value", m.optional_value);
  }
};

}  // namespace ow::onnx
