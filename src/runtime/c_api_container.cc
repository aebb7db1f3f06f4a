// The C interface: sequences, maps, optionals and sparse tensors. What they hold shares memory that is owned,
// and copies what is only wrapped.
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

Result<Value> held(const onward_value* v) { return v ? v->value.owned() : Result<Value>(Value()); }

// Row-major positions, ascending and inside `shape`.
Status check_indices(const Tensor& indices, int64_t count, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.rank());
  const bool flat = indices.shape() == Shape{count}, table = indices.shape() == Shape{count, rank};
  if (indices.dtype() != DType::kInt64 || !(flat || table))
    return invalid_argument("indices are ", indices.dtype(), indices.shape(), ", expected int64[", count,
                            "] or int64[", count, ",", rank, "]");
  const Shape strides = dense_strides(shape);
  int64_t before = -1;
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = flat ? indices.data<int64_t>()[i] : 0;
    bool inside = !flat || (at >= 0 && at < shape.count());
    for (int64_t k = 0; !flat && k < rank; ++k) {
      const int64_t index = indices.data<int64_t>()[i * rank + k];
      const auto axis = static_cast<size_t>(k);
      inside = inside && index >= 0 && index < shape[axis];
      at += inside ? index * strides[axis] : 0;
    }
    if (!inside) return invalid_argument("index ", i, " lies outside the shape ", shape);
    if (at <= before) return invalid_argument("index ", i, " does not ascend");
    before = at;
  }
  return {};
}

}  // namespace

size_t sequence_count(const onward_value* v) {
  return v && v->value.sequence() ? v->value.sequence()->size() : 0;
}
onward_status* sequence_at(const onward_value* v, size_t i, onward_value** out) {
  return guarded([&]() -> Status {
    const Sequence* s = v ? v->value.sequence() : nullptr;
    if (!s || !out) return invalid_argument("the value is not a sequence");
    if (i >= s->size()) return invalid_argument("index ", i, " is outside a sequence of ", s->size());
    *out = new_value((*s)[i]);
    return {};
  });
}
onward_status* sequence_create(const onward_value* const* items, size_t count, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (count && !items)) return null_argument("items or value");
    Sequence s;
    for (size_t i = 0; i < count; ++i) s.push_back(ONWARD_TRY(held(items[i])));
    *out = new_value(Value(std::move(s)));
    return {};
  });
}

size_t map_count(const onward_value* v) { return v && v->value.map() ? v->value.map()->items.size() : 0; }
onward_status* map_at(const onward_value* v, size_t i, const char** key, size_t* bytes, int64_t* number,
                      onward_value** item) {
  return guarded([&]() -> Status {
    const MapValue* m = v ? v->value.map() : nullptr;
    if (!m || i >= m->items.size()) return invalid_argument("no entry ", i, " in this value");
    const auto& [k, value] = *std::next(m->items.begin(), static_cast<std::ptrdiff_t>(i));
    const auto* text = std::get_if<std::string>(&k);
    if (item) *item = new_value(value);
    if (key) *key = text ? text->c_str() : nullptr;
    if (bytes) *bytes = text ? text->size() : 0;
    if (number) *number = text ? 0 : std::get<int64_t>(k);
    return {};
  });
}
onward_status* map_create(onward_dtype key_type, const int64_t* keys, const onward_value* const* items,
                          size_t count, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (count && (!keys || !items))) return null_argument("keys, items or value");
    const auto type = static_cast<DType>(key_type);
    if (!is_valid(type) || !is_integer(type) || is_sub_byte(type))
      return invalid_argument("keys of a map cannot be of type ", static_cast<int>(key_type),
                              ", expected an integer type");
    MapValue m{type, {}};
    for (size_t i = 0; i < count; ++i)
      if (!m.items.emplace(keys[i], ONWARD_TRY(held(items[i]))).second)
        return invalid_argument("key ", keys[i], " is given twice");
    *out = new_value(Value(std::move(m)));
    return {};
  });
}
onward_status* map_create_strings(const char* const* keys, const size_t* key_bytes,
                                  const onward_value* const* items, size_t count, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (count && (!keys || !items))) return null_argument("keys, items or value");
    MapValue m{DType::kString, {}};
    for (size_t i = 0; i < count; ++i) {
      if (!keys[i]) return null_argument("a key");
      std::string key = key_bytes ? std::string(keys[i], key_bytes[i]) : std::string(keys[i]);
      if (!m.items.emplace(key, ONWARD_TRY(held(items[i]))).second)
        return invalid_argument("key '", printable(key), "' is given twice");
    }
    *out = new_value(Value(std::move(m)));
    return {};
  });
}
onward_dtype map_key_type(const onward_value* v) {
  return v && v->value.map() ? static_cast<onward_dtype>(v->value.map()->key_type) : ONWARD_UNDEFINED;
}

onward_status* optional_create(const onward_value* item, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out) return null_argument("value");
    *out = new_value(item ? item->value : Value());
    return {};
  });
}

onward_status* sparse_create(const onward_value* values, const onward_value* indices, const int64_t* dims,
                             size_t rank, onward_value** out) {
  return guarded([&]() -> Status {
    const Tensor *v = tensor_of(values), *at = tensor_of(indices);
    if (!v || !at || !out || (rank && !dims)) return null_argument("values, indices, dims or value");
    const Shape shape(std::span(dims, rank));
    if (!checked_product(shape.dims())) return invalid_argument("shape ", shape, " has no valid size");
    if (v->rank() != 1) return invalid_argument("values are ", v->dtype(), v->shape(), ", expected one axis");
    ONWARD_TRY(check_indices(*at, v->count(), shape));
    const Tensor own_values = ONWARD_TRY(v->owned()), own_indices = ONWARD_TRY(at->owned());
    *out = new_value(Value(SparseValue{own_values, own_indices, shape}));
    return {};
  });
}
size_t sparse_rank(const onward_value* v) {
  return v && v->value.sparse() ? v->value.sparse()->dense_shape.rank() : 0;
}
const int64_t* sparse_dims(const onward_value* v) {
  return v && v->value.sparse() ? v->value.sparse()->dense_shape.data() : nullptr;
}
onward_status* sparse_values(const onward_value* v, onward_value** out) {
  return guarded([&]() -> Status {
    if (!v || !out || !v->value.sparse()) return invalid_argument("the value is not a sparse tensor");
    *out = new_value(v->value.sparse()->values);
    return {};
  });
}
onward_status* sparse_indices(const onward_value* v, onward_value** out) {
  return guarded([&]() -> Status {
    if (!v || !out || !v->value.sparse()) return invalid_argument("the value is not a sparse tensor");
    *out = new_value(v->value.sparse()->indices);
    return {};
  });
}

}  // namespace ow::capi
