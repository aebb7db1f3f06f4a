// The messages of onnx.proto (IR version 14) as plain structs, under their own names less "Proto".
//
// Presence is kept (std::optional, Box): a field that is absent and one that holds its default are different,
// and `or_default()` reads both the same way. Text and bytes are views: into the mapped file, or into the
// arena of the ModelFile that owns the message; a struct never owns characters. `unknown_fields` holds,
// verbatim and with their tags, the fields that this version of the format does not know; they are written
// back last. Members of a oneof are separate members here; the reader keeps at most one of them set.
//
// `fields` is the only description of a message: number, name and member in ascending order of number.
// Reader, writer and every walk over a model are made from it. `v.field` is an ordinary field, `v.packed` a
// repeated scalar that protobuf writes packed, `v.one_of` a member of the message's oneof.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "onnx/box.h"

namespace ow::onnx {

using Text = std::string_view;
using UnknownFields = std::vector<std::string_view>;

template <class T>
T or_default(const std::optional<T>& value, T fallback = T{}) {
  return value ? *value : fallback;
}

struct Graph;
struct Type;

struct StringStringEntry {
  std::optional<Text> key, value;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "key", m.key);
    v.field(2, "value", m.value);
  }
};

struct IntIntListEntry {
  std::optional<int64_t> key;
  std::vector<int64_t> value;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "key", m.key);
    v.field(2, "value", m.value);
  }
};

struct OperatorSetId {
  std::optional<Text> domain;
  std::optional<int64_t> version;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "domain", m.domain);
    v.field(2, "version", m.version);
  }
};

struct Tensor {
  enum DataType : int32_t {
    UNDEFINED = 0,
    FLOAT = 1,
    UINT8 = 2,
    INT8 = 3,
    UINT16 = 4,
    INT16 = 5,
    INT32 = 6,
    INT64 = 7,
    STRING = 8,
    BOOL = 9,
    FLOAT16 = 10,
    DOUBLE = 11,
    UINT32 = 12,
    UINT64 = 13,
    COMPLEX64 = 14,
    COMPLEX128 = 15,
    BFLOAT16 = 16,
    FLOAT8E4M3FN = 17,
    FLOAT8E4M3FNUZ = 18,
    FLOAT8E5M2 = 19,
    FLOAT8E5M2FNUZ = 20,
    UINT4 = 21,
    INT4 = 22,
    FLOAT4E2M1 = 23,
    FLOAT8E8M0 = 24,
    UINT2 = 25,
    INT2 = 26,
  };
  enum DataLocation : int32_t { DEFAULT = 0, EXTERNAL = 1 };

  struct Segment {
    std::optional<int64_t> begin, end;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.field(1, "begin", m.begin);
      v.field(2, "end", m.end);
    }
  };

  std::vector<int64_t> dims;
  std::optional<int32_t> data_type;
  Box<Segment> segment;
  std::vector<float> float_data;
  std::vector<int32_t> int32_data;
  std::vector<Text> string_data;
  std::vector<int64_t> int64_data;
  std::optional<Text> name;
  std::optional<Text> raw_data;
  std::vector<double> double_data;
  std::vector<uint64_t> uint64_data;
  std::optional<Text> doc_string;
  std::vector<StringStringEntry> external_data;
  std::optional<int32_t> data_location;
  std::vector<StringStringEntry> metadata_props;
  UnknownFields unknown_fields;

  bool is_external() const { return or_default(data_location) == EXTERNAL; }

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "dims", m.dims);
    v.field(2, "data_type", m.data_type);
    v.field(3, "segment", m.segment);
    v.packed(4, "float_data", m.float_data);
    v.packed(5, "int32_data", m.int32_data);
    v.field(6, "string_data", m.string_data);
    v.packed(7, "int64_data", m.int64_data);
    v.field(8, "name", m.name);
    v.field(9, "raw_data", m.raw_data);
    v.packed(10, "double_data", m.double_data);
    v.packed(11, "uint64_data", m.uint64_data);
    v.field(12, "doc_string", m.doc_string);
    v.field(13, "external_data", m.external_data);
    v.field(14, "data_location", m.data_location);
    v.field(16, "metadata_props", m.metadata_props);
  }
};

// `values` and `indices` of a sparse tensor; its name is the name of `values`.
struct SparseTensor {
  Box<Tensor> values, indices;
  std::vector<int64_t> dims;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "values", m.values);
    v.field(2, "indices", m.indices);
    v.field(3, "dims", m.dims);
  }
};

struct TensorShape {
  struct Dimension {
    std::optional<int64_t> dim_value;
    std::optional<Text> dim_param;
    std::optional<Text> denotation;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.one_of(1, "dim_value", m.dim_value);
      v.one_of(2, "dim_param", m.dim_param);
      v.field(3, "denotation", m.denotation);
    }
  };

  std::vector<Dimension> dim;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "dim", m.dim);
  }
};

struct Type {
  // An absent shape is an unknown rank; a shape without dimensions is a scalar.
  struct Tensor {
    std::optional<int32_t> elem_type;
    Box<TensorShape> shape;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.field(1, "elem_type", m.elem_type);
      v.field(2, "shape", m.shape);
    }
  };
  struct SparseTensor : Tensor {};
  struct Sequence {
    Box<Type> elem_type;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.field(1, "elem_type", m.elem_type);
    }
  };
  struct Optional : Sequence {};
  struct Map {
    std::optional<int32_t> key_type;
    Box<Type> value_type;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.field(1, "key_type", m.key_type);
      v.field(2, "value_type", m.value_type);
    }
  };
  struct Opaque {
    std::optional<Text> domain, name;
    UnknownFields unknown_fields;

    template <class Self, class V>
    static void fields(Self& m, V& v) {
      v.field(1, "domain", m.domain);
      v.field(2, "name", m.name);
    }
  };

  Box<Tensor> tensor_type;
  Box<Sequence> sequence_type;
  Box<Map> map_type;
  Box<Opaque> opaque_type;
  Box<SparseTensor> sparse_tensor_type;
  Box<Optional> optional_type;
  std::optional<Text> denotation;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.one_of(1, "tensor_type", m.tensor_type);
    v.one_of(4, "sequence_type", m.sequence_type);
    v.one_of(5, "map_type", m.map_type);
    v.field(6, "denotation", m.denotation);
    v.one_of(7, "opaque_type", m.opaque_type);
    v.one_of(8, "sparse_tensor_type", m.sparse_tensor_type);
    v.one_of(9, "optional_type", m.optional_type);
  }
};

struct ValueInfo {
  std::optional<Text> name;
  Box<Type> type;
  std::optional<Text> doc_string;
  std::vector<StringStringEntry> metadata_props;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "type", m.type);
    v.field(3, "doc_string", m.doc_string);
    v.field(4, "metadata_props", m.metadata_props);
  }
};

struct Attribute {
  enum AttributeType : int32_t {
    UNDEFINED = 0,
    FLOAT = 1,
    INT = 2,
    STRING = 3,
    TENSOR = 4,
    GRAPH = 5,
    FLOATS = 6,
    INTS = 7,
    STRINGS = 8,
    TENSORS = 9,
    GRAPHS = 10,
    SPARSE_TENSOR = 11,
    SPARSE_TENSORS = 12,
    TYPE_PROTO = 13,
    TYPE_PROTOS = 14,
  };

  std::optional<Text> name;
  std::optional<float> f;
  std::optional<int64_t> i;
  std::optional<Text> s;
  Box<Tensor> t;
  Box<Graph> g;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<Text> strings;
  std::vector<Tensor> tensors;
  std::vector<Graph> graphs;
  std::optional<Text> doc_string;
  Box<Type> tp;
  std::vector<Type> type_protos;
  std::optional<int32_t> type;  // an AttributeType; other values are kept
  std::optional<Text> ref_attr_name;
  Box<SparseTensor> sparse_tensor;
  std::vector<SparseTensor> sparse_tensors;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "f", m.f);
    v.field(3, "i", m.i);
    v.field(4, "s", m.s);
    v.field(5, "t", m.t);
    v.field(6, "g", m.g);
    v.field(7, "floats", m.floats);
    v.field(8, "ints", m.ints);
    v.field(9, "strings", m.strings);
    v.field(10, "tensors", m.tensors);
    v.field(11, "graphs", m.graphs);
    v.field(13, "doc_string", m.doc_string);
    v.field(14, "tp", m.tp);
    v.field(15, "type_protos", m.type_protos);
    v.field(20, "type", m.type);
    v.field(21, "ref_attr_name", m.ref_attr_name);
    v.field(22, "sparse_tensor", m.sparse_tensor);
    v.field(23, "sparse_tensors", m.sparse_tensors);
  }
};

// How one node runs on several devices: hints, kept through every transform.
struct SimpleShardedDim {
  std::optional<int64_t> dim_value;
  std::optional<Text> dim_param;
  std::optional<int64_t> num_shards;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.one_of(1, "dim_value", m.dim_value);
    v.one_of(2, "dim_param", m.dim_param);
    v.field(3, "num_shards", m.num_shards);
  }
};

struct ShardedDim {
  std::optional<int64_t> axis;
  std::vector<SimpleShardedDim> simple_sharding;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "axis", m.axis);
    v.field(2, "simple_sharding", m.simple_sharding);
  }
};

struct ShardingSpec {
  std::optional<Text> tensor_name;
  std::vector<int64_t> device;
  std::vector<IntIntListEntry> index_to_device_group_map;
  std::vector<ShardedDim> sharded_dim;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "tensor_name", m.tensor_name);
    v.field(2, "device", m.device);
    v.field(3, "index_to_device_group_map", m.index_to_device_group_map);
    v.field(4, "sharded_dim", m.sharded_dim);
  }
};

struct NodeDeviceConfiguration {
  std::optional<Text> configuration_id;
  std::vector<ShardingSpec> sharding_spec;
  std::optional<int32_t> pipeline_stage;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "configuration_id", m.configuration_id);
    v.field(2, "sharding_spec", m.sharding_spec);
    v.field(3, "pipeline_stage", m.pipeline_stage);
  }
};

struct Node {
  std::vector<Text> input, output;
  std::optional<Text> name, op_type;
  std::vector<Attribute> attribute;
  std::optional<Text> doc_string, domain, overload;
  std::vector<StringStringEntry> metadata_props;
  std::vector<NodeDeviceConfiguration> device_configurations;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "input", m.input);
    v.field(2, "output", m.output);
    v.field(3, "name", m.name);
    v.field(4, "op_type", m.op_type);
    v.field(5, "attribute", m.attribute);
    v.field(6, "doc_string", m.doc_string);
    v.field(7, "domain", m.domain);
    v.field(8, "overload", m.overload);
    v.field(9, "metadata_props", m.metadata_props);
    v.field(10, "device_configurations", m.device_configurations);
  }
};

struct TensorAnnotation {
  std::optional<Text> tensor_name;
  std::vector<StringStringEntry> quant_parameter_tensor_names;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "tensor_name", m.tensor_name);
    v.field(2, "quant_parameter_tensor_names", m.quant_parameter_tensor_names);
  }
};

struct Graph {
  std::vector<Node> node;
  std::optional<Text> name;
  std::vector<Tensor> initializer;
  std::optional<Text> doc_string;
  std::vector<ValueInfo> input, output, value_info;
  std::vector<TensorAnnotation> quantization_annotation;
  std::vector<SparseTensor> sparse_initializer;
  std::vector<StringStringEntry> metadata_props;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "node", m.node);
    v.field(2, "name", m.name);
    v.field(5, "initializer", m.initializer);
    v.field(10, "doc_string", m.doc_string);
    v.field(11, "input", m.input);
    v.field(12, "output", m.output);
    v.field(13, "value_info", m.value_info);
    v.field(14, "quantization_annotation", m.quantization_annotation);
    v.field(15, "sparse_initializer", m.sparse_initializer);
    v.field(16, "metadata_props", m.metadata_props);
  }
};

struct TrainingInfo {
  Box<Graph> initialization, algorithm;
  std::vector<StringStringEntry> initialization_binding, update_binding;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "initialization", m.initialization);
    v.field(2, "algorithm", m.algorithm);
    v.field(3, "initialization_binding", m.initialization_binding);
    v.field(4, "update_binding", m.update_binding);
  }
};

// Identified by (domain, name, overload). `attribute` are attributes without, `attribute_proto` with a
// default.
struct Function {
  std::optional<Text> name;
  std::vector<Text> input, output, attribute;
  std::vector<Node> node;
  std::optional<Text> doc_string;
  std::vector<OperatorSetId> opset_import;
  std::optional<Text> domain;
  std::vector<Attribute> attribute_proto;
  std::vector<ValueInfo> value_info;
  std::optional<Text> overload;
  std::vector<StringStringEntry> metadata_props;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(4, "input", m.input);
    v.field(5, "output", m.output);
    v.field(6, "attribute", m.attribute);
    v.field(7, "node", m.node);
    v.field(8, "doc_string", m.doc_string);
    v.field(9, "opset_import", m.opset_import);
    v.field(10, "domain", m.domain);
    v.field(11, "attribute_proto", m.attribute_proto);
    v.field(12, "value_info", m.value_info);
    v.field(13, "overload", m.overload);
    v.field(14, "metadata_props", m.metadata_props);
  }
};

struct DeviceConfiguration {
  std::optional<Text> name;
  std::optional<int32_t> num_devices;
  std::vector<Text> device;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "name", m.name);
    v.field(2, "num_devices", m.num_devices);
    v.field(3, "device", m.device);
  }
};

struct Model {
  std::optional<int64_t> ir_version;
  std::optional<Text> producer_name, producer_version, domain;
  std::optional<int64_t> model_version;
  std::optional<Text> doc_string;
  Box<Graph> graph;
  std::vector<OperatorSetId> opset_import;
  std::vector<StringStringEntry> metadata_props;
  std::vector<TrainingInfo> training_info;
  std::vector<Function> functions;
  std::vector<DeviceConfiguration> configuration;
  UnknownFields unknown_fields;

  template <class Self, class V>
  static void fields(Self& m, V& v) {
    v.field(1, "ir_version", m.ir_version);
    v.field(2, "producer_name", m.producer_name);
    v.field(3, "producer_version", m.producer_version);
    v.field(4, "domain", m.domain);
    v.field(5, "model_version", m.model_version);
    v.field(6, "doc_string", m.doc_string);
    v.field(7, "graph", m.graph);
    v.field(8, "opset_import", m.opset_import);
    v.field(14, "metadata_props", m.metadata_props);
    v.field(20, "training_info", m.training_info);
    v.field(25, "functions", m.functions);
    v.field(26, "configuration", m.configuration);
  }
};

}  // namespace ow::onnx
