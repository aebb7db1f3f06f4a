// The C interface: tensors.
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

bool is_string(const Tensor* t) { return t->dtype() == DType::kString; }

size_t alignment_bytes(DType t) {
  return static_cast<size_t>(std::max(1, bit_width(t) / (is_complex(t) ? 16 : 8)));
}

Result<Value> deep_copy(const Value& v) {
  if (const Tensor* t = v.tensor()) {
    Tensor copy = ONWARD_TRY(Tensor::allocate(t->dtype(), t->shape()));
    copy_elements(*t, copy);
    return Value(std::move(copy));
  }
  if (const Sequence* s = v.sequence()) {
    Sequence out;
    for (const Value& item : *s) out.push_back(ONWARD_TRY(deep_copy(item)));
    return Value(std::move(out));
  }
  if (const MapValue* m = v.map()) {
    MapValue out{m->key_type, {}};
    for (const auto& [key, item] : m->items) out.items.emplace(key, ONWARD_TRY(deep_copy(item)));
    return Value(std::move(out));
  }
  if (const SparseValue* s = v.sparse()) {
    const Value values = ONWARD_TRY(deep_copy(Value(s->values)));
    const Value indices = ONWARD_TRY(deep_copy(Value(s->indices)));
    return Value(SparseValue{*values.tensor(), *indices.tensor(), s->dense_shape});
  }
  return Value();
}

}  // namespace

onward_kind value_kind(const onward_value* v) {
  if (!v || !v->value.has_value()) return ONWARD_NOTHING;
  if (v->value.tensor()) return ONWARD_TENSOR;
  if (v->value.sequence()) return ONWARD_SEQUENCE;
  return v->value.map() ? ONWARD_MAP : ONWARD_SPARSE_TENSOR;
}
void value_free(onward_value* v) { delete v; }

onward_status* value_share(const onward_value* v, onward_value** out) {
  return guarded([&]() -> Status {
    if (!v || !out) return null_argument("value");
    *out = new_value(v->value);
    return {};
  });
}
onward_status* value_copy(const onward_value* v, onward_value** out) {
  return guarded([&]() -> Status {
    if (!v || !out) return null_argument("value");
    *out = new_value(ONWARD_TRY(deep_copy(v->value)));
    return {};
  });
}

onward_status* tensor_create(onward_dtype dtype, const int64_t* dims, size_t rank, onward_value** out) {
  return tensor_create_with(nullptr, dtype, dims, rank, out);
}

onward_status* tensor_create_with(const onward_allocator* allocator, onward_dtype dtype, const int64_t* dims,
                                  size_t rank, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (rank && !dims)) return null_argument("dims or value");
    std::shared_ptr<Budget> budget;
    if (allocator) budget = make_budget(ONWARD_TRY(read_allocator(allocator)));
    *out = new_value(
        ONWARD_TRY(Tensor::allocate(static_cast<DType>(dtype), Shape(std::span(dims, rank)), budget)));
    return {};
  });
}

struct Release {
  onward_release_fn release = nullptr;
  void* user = nullptr;
  ~Release() {
    if (release) release(user);
  }
};

onward_status* tensor_wrap(onward_dtype dtype, const int64_t* dims, size_t rank, void* data, size_t bytes,
                           onward_release_fn release, void* user, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (rank && !dims)) return null_argument("dims or value");
    const auto type = static_cast<DType>(dtype);
    const Shape shape(std::span(dims, rank));
    const int64_t count = shape.count();
    const auto needed =
        count < 0 || type == DType::kString || !is_valid(type) ? std::nullopt : storage_bytes(type, count);
    if (!needed)
      return invalid_argument("a tensor of type ", type, " and shape ", shape, " cannot be wrapped");
    if (static_cast<size_t>(*needed) != bytes || (bytes && !data))
      return invalid_argument("a tensor of type ", type, " and shape ", shape, " has ", *needed,
                              " bytes, the memory ", bytes);
    if (reinterpret_cast<uintptr_t>(data) % alignment_bytes(type) != 0)
      return invalid_argument("memory of type ", type, " must begin at a multiple of ", alignment_bytes(type),
                              " bytes");
    // Armed last: after an error the memory is still the caller's, and `release` is not called.
    const auto owner = release ? std::make_shared<Release>() : nullptr;
    *out = new_value(Tensor::borrow(type, shape, data, owner));
    if (owner) owner->user = user, owner->release = release;
    return {};
  });
}

onward_status* tensor_view(const onward_value* v, size_t first, const int64_t* dims, size_t rank,
                           onward_value** out) {
  return guarded([&]() -> Status {
    const Tensor* t = tensor_of(v);
    if (!t || !out || (rank && !dims)) return t ? null_argument("dims or value") : null_argument("tensor");
    const Shape shape(std::span(dims, rank));
    const auto count = checked_product(shape.dims());
    const auto all = static_cast<size_t>(t->count());
    if (!count || first > all || static_cast<size_t>(*count) > all - first)
      return invalid_argument("a view of shape ", shape, " from element ", first, " on lies outside ",
                              t->dtype(), t->shape());
    const size_t bits = is_string(t) ? 8 * sizeof(std::string) : static_cast<size_t>(bit_width(t->dtype()));
    if (first * bits % 8)
      return invalid_argument("a view of ", t->dtype(), " from element ", first, " on begins inside a byte");
    *out = new_value(Tensor::borrow(t->dtype(), shape, t->raw() + first * bits / 8, t->owner()));
    return {};
  });
}

onward_dtype tensor_dtype(const onward_value* v) {
  return tensor_of(v) ? static_cast<onward_dtype>(tensor_of(v)->dtype()) : ONWARD_UNDEFINED;
}
size_t tensor_rank(const onward_value* v) { return tensor_of(v) ? tensor_of(v)->rank() : 0; }
const int64_t* tensor_dims(const onward_value* v) {
  return tensor_of(v) ? tensor_of(v)->shape().data() : nullptr;
}
size_t tensor_count(const onward_value* v) {
  return tensor_of(v) ? static_cast<size_t>(tensor_of(v)->count()) : 0;
}
size_t tensor_bytes(const onward_value* v) {
  return tensor_of(v) && !is_string(tensor_of(v)) ? static_cast<size_t>(tensor_of(v)->bytes()) : 0;
}
void* tensor_data(onward_value* v) {
  return tensor_of(v) && !is_string(tensor_of(v)) ? tensor_of(v)->mutable_raw() : nullptr;
}
const void* tensor_const_data(const onward_value* v) {
  return tensor_of(v) && !is_string(tensor_of(v)) ? tensor_of(v)->raw() : nullptr;
}

const char* tensor_string(const onward_value* v, size_t i, size_t* bytes) {
  const Tensor* t = tensor_of(v);
  if (!t || !is_string(t) || i >= static_cast<size_t>(t->count())) return nullptr;
  const std::string& s = t->data<std::string>()[i];
  if (bytes) *bytes = s.size();
  return s.c_str();
}
onward_status* tensor_set_string(onward_value* v, size_t i, const char* text, size_t bytes) {
  return guarded([&]() -> Status {
    Tensor* t = tensor_of(v);
    if (!t || !is_string(t)) return invalid_argument("the value is not a tensor of strings");
    if (i >= static_cast<size_t>(t->count()))
      return invalid_argument("index ", i, " is outside ", t->count(), " strings");
    t->mutable_data<std::string>()[i].assign(text ? text : "", text ? bytes : 0);
    return {};
  });
}

}  // namespace ow::capi
