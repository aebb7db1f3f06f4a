// A runtime value: a tensor, a sequence, a map, a sparse tensor, or nothing (an empty optional, an omitted
// input). An optional that holds something is represented by what it holds.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace ow {

class Value;
using Sequence = std::vector<Value>;

// Keys are int64 (all integral key types) or strings; `key_type` keeps the declared one.
struct MapValue {
  DType key_type = DType::kInt64;
  std::map<std::variant<int64_t, std::string>, Value> items;
};

// values: [nnz]; indices: int64 [nnz] (linear) or [nnz, rank], ascending; dense_shape: the whole.
struct SparseValue {
  Tensor values, indices;
  Shape dense_shape;
};

class Value {
 public:
  Value() = default;
  Value(Tensor t) : v_(std::move(t)) {}
  Value(Sequence s) : v_(std::make_shared<const Sequence>(std::move(s))) {}
  Value(MapValue m) : v_(std::make_shared<const MapValue>(std::move(m))) {}
  Value(SparseValue s) : v_(std::make_shared<const SparseValue>(std::move(s))) {}

  bool has_value() const { return !std::holds_alternative<std::monostate>(v_); }
  bool is_tensor() const { return std::holds_alternative<Tensor>(v_); }
  const Tensor* tensor() const { return std::get_if<Tensor>(&v_); }
  Tensor* tensor() { return std::get_if<Tensor>(&v_); }
  const Sequence* sequence() const { return get<Sequence>(); }
  const MapValue* map() const { return get<MapValue>(); }
  const SparseValue* sparse() const { return get<SparseValue>(); }

  // A value that shares nothing with an arena or a caller's buffer.
  Result<Value> owned(const std::shared_ptr<Budget>& budget = nullptr) const {
    const Tensor* t = tensor();
    if (!t) return *this;  // containers hold owned tensors only
    return Value(ONWARD_TRY(t->owned(budget)));
  }

 private:
  template <class T>
  const T* get() const {
    auto p = std::get_if<std::shared_ptr<const T>>(&v_);
    return p ? p->get() : nullptr;
  }
  std::variant<std::monostate, Tensor, std::shared_ptr<const Sequence>, std::shared_ptr<const MapValue>,
               std::shared_ptr<const SparseValue>>
      v_;
};

}  // namespace ow
