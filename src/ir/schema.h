// The schema facts of every operator version: names, arity, types, attributes and defaults, since-version.
//
// The facts are data (schema_data.inc), generated from the `onnx` Python package by
// scripts/generate_schemas.py and held there by its --check. They are one constant table, addressed by 16-bit
// offsets: nothing runs at start, nothing is relocated, and everything handed out here lives for ever.
// What an operator *means* is in src/ops; this page only says how a node of it must look.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace ow {

// The types that a parameter may have. Bit i of a mask: element type with DType code i.
struct TypeSet {
  uint32_t tensor = 0;             // tensor(t)
  uint32_t sequence = 0;           // seq(tensor(t))
  uint32_t optional = 0;           // optional(tensor(t))
  uint32_t optional_sequence = 0;  // optional(seq(tensor(t)))
  uint32_t other = 0;              // maps and sequences of maps; bit i: other_type_name(i)

  static constexpr uint32_t bit(DType t) { return uint32_t{1} << static_cast<int>(t); }
  bool allows(DType t) const { return tensor & bit(t); }
  bool allows_sequence(DType t) const { return sequence & bit(t); }
  bool allows_optional(DType t) const { return optional & bit(t); }
  bool allows_optional_sequence(DType t) const { return optional_sequence & bit(t); }
  bool any_tensor() const { return tensor != 0; }
  bool any_sequence() const { return sequence != 0; }
  bool any_optional() const { return (optional | optional_sequence) != 0; }
  bool any_other() const { return other != 0; }
  // By ONNX type string, as in "seq(tensor(int64))"; spaces do not matter, and the two spellings
  // "map(string,float)" and "map(string,tensor(float))" are one type. False for text that is no type.
  bool allows(std::string_view type) const;
  // All type strings, in the order of the masks above, by DType code.
  std::vector<std::string> names() const;
  friend bool operator==(const TypeSet&, const TypeSet&) = default;
};

// Name of bit i of TypeSet::other, as in "map(int64,tensor(float))"; "" past the last one.
std::string_view other_type_name(int i);

enum class ParamOption : uint8_t { kSingle = 0, kOptional = 1, kVariadic = 2 };

// A formal input or output.
class SchemaParam {
 public:
  std::string_view name() const;
  ParamOption option() const { return option_; }
  // Variadic only: all actual values have one type; false: each may have its own type of the set.
  bool homogeneous() const { return homogeneous_; }
  // Variadic only: the fewest actual values.
  int min_arity() const { return min_arity_; }
  // The type variable ("T"), or the type itself ("tensor(int64)") where there is none.
  std::string_view type_name() const;
  // Index into Schema::type_constraints(), -1 if the type is spelled out.
  int type_variable() const { return type_variable_; }
  const TypeSet& types() const;
  bool allows(DType t) const { return types().allows(t); }

 private:
  friend struct SchemaData;
  constexpr SchemaParam(uint16_t name, uint16_t type_name, uint16_t types, int8_t type_variable,
                        uint8_t option, uint8_t homogeneous, uint8_t min_arity)
      : name_(name),
        type_name_(type_name),
        types_(types),
        type_variable_(type_variable),
        option_(static_cast<ParamOption>(option)),
        homogeneous_(homogeneous != 0),
        min_arity_(min_arity) {}
  uint16_t name_, type_name_, types_;
  int8_t type_variable_;
  ParamOption option_;
  bool homogeneous_;
  uint8_t min_arity_;
};

// A type variable and what it ranges over.
class TypeConstraint {
 public:
  std::string_view name() const;
  const TypeSet& types() const;

 private:
  friend struct SchemaData;
  constexpr TypeConstraint(uint16_t name, uint16_t types) : name_(name), types_(types) {}
  uint16_t name_, types_;
};

// Codes of AttributeProto.AttributeType.
enum class AttributeType : uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kTypeProto = 13,
  kTypeProtos = 14,
};
const char* attribute_type_name(AttributeType t);  // "FLOAT", "SPARSE_TENSOR"; "UNDEFINED" for any other code

class SchemaAttribute {
 public:
  std::string_view name() const;
  AttributeType type() const { return type_; }
  bool required() const { return required_; }
  bool has_default() const { return has_default_; }
  // The default, by type; nullopt if there is none or the attribute has another type.
  std::optional<int64_t> default_int() const;
  std::optional<float> default_float() const;
  std::optional<std::string_view> default_string() const;
  std::optional<std::vector<int64_t>> default_ints() const;
  std::optional<std::vector<std::string_view>> default_strings() const;

 private:
  friend struct SchemaData;
  constexpr SchemaAttribute(uint16_t name, uint8_t type, uint8_t required, uint8_t has_default,
                            uint16_t first, uint8_t count)
      : name_(name),
        type_(static_cast<AttributeType>(type)),
        required_(required != 0),
        has_default_(has_default != 0),
        count_(count),
        first_(first) {}
  bool has_default(AttributeType t) const { return has_default_ && type_ == t; }
  uint16_t name_;
  AttributeType type_;
  bool required_, has_default_;
  uint8_t count_;   // values of the default
  uint16_t first_;  // where they start in the pool of their type
};

// One version of one operator.
class Schema {
 public:
  static constexpr int kUnbounded = std::numeric_limits<int>::max();

  std::string_view domain() const;  // "" for ai.onnx
  std::string_view name() const;
  int since_version() const { return since_version_; }
  bool deprecated() const { return flags_ & 1; }
  // A function of other operators, in its own right or once its types and attributes are known.
  bool has_function() const { return flags_ & 6; }
  bool has_context_dependent_function() const { return flags_ & 4; }
  // May answer differently for the same inputs, itself or through a subgraph (If, Loop, Scan).
  bool deterministic() const { return !(flags_ & 8); }

  int min_inputs() const { return min_inputs_; }
  int max_inputs() const { return max_inputs_ == kMany ? kUnbounded : max_inputs_; }  // or kUnbounded
  int min_outputs() const { return min_outputs_; }
  int max_outputs() const { return max_outputs_ == kMany ? kUnbounded : max_outputs_; }

  std::span<const SchemaParam> inputs() const;
  std::span<const SchemaParam> outputs() const;
  std::span<const TypeConstraint> type_constraints() const;
  std::span<const SchemaAttribute> attributes() const;  // by name

  // The formal parameter of actual input or output `i`: a last, variadic one takes all that follow. nullptr
  // past the end.
  const SchemaParam* input(size_t i) const;
  const SchemaParam* output(size_t i) const;
  const SchemaAttribute* attribute(std::string_view name) const;  // nullptr: no such attribute

 private:
  friend struct SchemaData;
  static constexpr uint16_t kMany = 0xffff;
  constexpr Schema(uint16_t domain, uint16_t name, uint16_t since_version, uint16_t flags,
                   uint16_t min_inputs, uint16_t max_inputs, uint16_t min_outputs, uint16_t max_outputs,
                   uint16_t inputs, uint16_t input_count, uint16_t outputs, uint16_t output_count,
                   uint16_t constraints, uint16_t constraint_count, uint16_t attributes,
                   uint16_t attribute_count)
      : domain_(domain),
        name_(name),
        since_version_(since_version),
        flags_(flags),
        min_inputs_(min_inputs),
        max_inputs_(max_inputs),
        min_outputs_(min_outputs),
        max_outputs_(max_outputs),
        inputs_(inputs),
        input_count_(input_count),
        outputs_(outputs),
        output_count_(output_count),
        constraints_(constraints),
        constraint_count_(constraint_count),
        attributes_(attributes),
        attribute_count_(attribute_count) {}
  uint16_t domain_, name_, since_version_, flags_;
  uint16_t min_inputs_, max_inputs_, min_outputs_, max_outputs_;
  uint16_t inputs_, input_count_, outputs_, output_count_;
  uint16_t constraints_, constraint_count_, attributes_, attribute_count_;
};

// Every version of every operator, by domain, name, since-version.
std::span<const Schema> all_schemas();

// The version of an operator that a model with this opset means: the newest with since_version() <= opset (it
// may be deprecated). nullptr: unknown domain or name, or not there yet. "" and "ai.onnx" are one domain.
const Schema* find_schema(std::string_view domain, std::string_view name, int64_t opset);

// All versions of one operator, oldest first; empty if unknown.
std::span<const Schema> schema_versions(std::string_view domain, std::string_view name);

// The newest opset of a domain that these facts cover; 0 for an unknown domain.
int64_t newest_opset(std::string_view domain);

// Every fact of one schema as text, one line a parameter, constraint and attribute.
void append(std::string& out, const Schema& schema);

}  // namespace ow
