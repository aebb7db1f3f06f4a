// Constant: a tensor given by exactly one of the attributes value, value_int(s), value_float(s),
// value_string(s) and sparse_value, which becomes a dense tensor.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  Tensor value;
};

// The elements of `values` at the linear or per-axis `indices`, zero elsewhere.
Result<Tensor> densify(const AttrReader& a, const SparseValue& s) {
  // A few values in a huge shape are refused here as they are for initializers.
  constexpr int64_t kMaxFreeBytes = int64_t{64} << 20, kMaxGrowth = 1024;
  const auto bytes = storage_bytes(s.values.dtype(), s.dense_shape.count());
  if (!bytes || *bytes > kMaxFreeBytes + kMaxGrowth * (s.values.bytes() + s.indices.bytes()))
    return a.fail("sparse_value", cat("of shape ", s.dense_shape, " is too large to be made dense")),
           Tensor();
  Tensor dense = ONWARD_TRY(Tensor::allocate(s.values.dtype(), s.dense_shape));
  const int64_t count = s.values.count();
  const auto rank = static_cast<int64_t>(s.dense_shape.rank());
  const bool linear = s.indices.rank() == 1;
  if (s.indices.dtype() != DType::kInt64 || s.indices.count() != (linear ? count : count * rank) ||
      is_sub_byte(s.values.dtype()))
    return a.fail("sparse_value",
                  cat("has ", s.values.dtype(), s.values.shape(), " values and ", s.indices.dtype(),
                      s.indices.shape(), " indices, expected int64 [n] or [n,", rank, "]")),
           dense;
  const bool strings = s.values.dtype() == DType::kString;
  const size_t size = static_cast<size_t>(bit_width(s.values.dtype())) / 8;
  if (!strings) std::fill_n(dense.mutable_raw(), dense.bytes(), std::byte{});
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = 0;
    bool inside = true;
    for (int64_t d = 0; d < (linear ? 1 : rank) && inside; ++d) {
      const int64_t extent = linear ? dense.count() : s.dense_shape[static_cast<size_t>(d)];
      const int64_t index = s.indices.data<int64_t>()[linear ? i : i * rank + d];
      inside = index >= 0 && index < extent;
      at = inside ? at * extent + index : 0;
    }
    if (!inside || at >= dense.count())
      return a.fail("sparse_value", cat("has index ", i, " outside the shape ", s.dense_shape)), dense;
    if (strings)
      dense.mutable_data<std::string>()[at] = s.values.data<std::string>()[i];
    else
      std::copy_n(s.values.raw() + static_cast<size_t>(i) * size, size,
                  dense.mutable_raw() + static_cast<size_t>(at) * size);
  }
  return dense;
}

template <class T>
Tensor vector_of(const std::vector<T>& v) {
  return Tensor::of<T>({static_cast<int64_t>(v.size())}, v);
}

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs;
  int found = 0;
  auto take = [&](std::string_view name, auto make) {
    if (!a.has(name)) return;
    ++found;
    attrs.value = make(name);
  };
  take("value", [&](auto name) { return a.tensor(name).value_or(Tensor()); });
  take("value_int", [&](auto name) { return Tensor::scalar(a.integer(name, 0)); });
  take("value_ints", [&](auto name) { return vector_of<int64_t>(a.integers(name)); });
  take("value_float", [&](auto name) { return Tensor::scalar(a.real(name, 0)); });
  take("value_floats", [&](auto name) { return vector_of<float>(a.reals(name)); });
  take("value_string", [&](auto name) { return Tensor::scalar(a.text(name, "")); });
  take("value_strings", [&](auto name) { return vector_of<std::string>(a.texts(name)); });
  if (auto it = a.node().attributes.find("sparse_value"); it != a.node().attributes.end()) {
    ++found;
    const auto* value = std::get_if<Value>(&it->second);
    if (value && value->sparse())
      attrs.value = ONWARD_TRY(densify(a, *value->sparse()));
    else
      a.fail("sparse_value", "is no sparse tensor");
  }
  if (!a.error().ok()) return attrs;
  if (found != 1)
    return invalid_model(a.node().label(), ": has ", found,
                         " of the attributes that give its value, expected one");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  c.set(0, a.value.dtype(), symbolic(a.value.shape()));
  if (c.outputs()) c.results()[0] = ir::Fact::of(a.value);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  c.set(0, a.value);
  return {};
}

}  // namespace

ONWARD_OPS(constant) { return {op<Attrs>({.name = "Constant", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
