// Types and facts: what is known of a value before anything runs.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/dim.h"
#include "tensor/tensor.h"

namespace ow::ir {

struct Type {
  enum class Kind { kUnknown, kTensor, kSparseTensor, kSequence, kOptional, kMap, kOpaque };
  Kind kind = Kind::kUnknown;
  DType dtype = DType::kUndefined;      // element type of a (sparse) tensor; key type of a map
  std::optional<SymShape> shape;        // of a (sparse) tensor; nullopt: unknown rank
  std::shared_ptr<const Type> element;  // of a sequence or optional; value type of a map

  static Type tensor(DType dtype, std::optional<SymShape> shape = std::nullopt) {
    return {Kind::kTensor, dtype, std::move(shape), nullptr};
  }
  static Type sequence(Type of) {
    return {Kind::kSequence, {}, {}, std::make_shared<const Type>(std::move(of))};
  }
  static Type optional(Type of) {
    return {Kind::kOptional, {}, {}, std::make_shared<const Type>(std::move(of))};
  }
  static Type map(DType key, Type of) {
    return {Kind::kMap, key, {}, std::make_shared<const Type>(std::move(of))};
  }

  bool is_tensor() const { return kind == Kind::kTensor; }
  std::string text() const;  // "float[N,3,224,224]", "seq(int64[?])"
};
inline void append(std::string& out, const Type& t) { out += t.text(); }

// Everything known of one value. `elements`: the contents of an integer or bool tensor of rank 0 or 1, flat,
// each possibly symbolic (a shape computation). `constant`: the contents, whatever the type.
struct Fact {
  Type type;
  std::optional<std::vector<Dim>> elements;
  std::optional<Tensor> constant;

  static Fact of(const Tensor& constant);  // type, constant and, for small integer tensors, elements
};

// Joins what two sources say of the same value (declared and inferred): the more precise of each dim and
// type. Where they contradict each other, `primary` wins and `*conflict`, if given, is set to a description.
Type merge(const Type& primary, const Type& secondary, std::string* conflict = nullptr);

}  // namespace ow::ir
