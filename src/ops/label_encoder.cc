// LabelEncoder (ai.onnx.ml): y[i] = values[j] for the last j with keys[j] == x[i], else the default. Keys and
// values are one list attribute each, or one tensor each. A NaN key matches every NaN; -0 is 0.
//
// Version 1 has one list of strings that maps both ways, `classes_strings`: `upgrade` writes it as keys and
// values.
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  Tensor keys, values, fallback;
  std::unordered_map<uint64_t, int64_t> by_bits;  // numbers: see key_bits
  std::unordered_map<std::string, int64_t> by_text;
};

template <class T>
uint64_t key_bits(T v) {
  if constexpr (std::is_floating_point_v<T>) {
    const double d = std::isnan(v) ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(v) + 0.0;
    uint64_t bits;
    std::memcpy(&bits, &d, sizeof bits);
    return bits;
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(v));
  }
}

// Calls fn(T{}) for the operator's element type `t`; false for another type.
template <class F>
bool with_type(DType t, F fn) {
  if (t == DType::kInt64) return fn(int64_t{}), true;
  if (t == DType::kInt32) return fn(int32_t{}), true;
  if (t == DType::kInt16) return fn(int16_t{}), true;
  if (t == DType::kFloat32) return fn(float{}), true;
  if (t == DType::kFloat64) return fn(double{}), true;
  if (t == DType::kString) return fn(std::string()), true;
  return false;
}

template <class T>
Tensor tensor_of(const std::vector<T>& values) {
  return Tensor::of<T>({static_cast<int64_t>(values.size())}, std::span<const T>(values));
}

// The one of `stem`_tensor, _strings, _int64s, _floats that is present.
Tensor read_list(const AttrReader& a, const std::string& stem) {
  std::vector<Tensor> found;
  if (auto t = a.tensor(stem + "_tensor")) found.push_back(*t);
  if (a.has(stem + "_strings")) found.push_back(tensor_of(a.texts(stem + "_strings")));
  if (a.has(stem + "_int64s")) found.push_back(tensor_of(a.integers(stem + "_int64s")));
  if (a.has(stem + "_floats")) found.push_back(tensor_of(a.reals(stem + "_floats")));
  if (found.size() != 1) {
    a.fail(stem + "_*",
           cat("is given ", found.size(), " times, expected one of tensor, strings, int64s and floats"));
    return Tensor::of<int64_t>({0}, {});
  }
  if (found[0].rank() > 1 || !with_type(found[0].dtype(), [](auto) {}))
    a.fail(stem + "_tensor", cat("is ", found[0].dtype(), found[0].shape(),
                                 ", expected one axis of string, int64, int32, int16, float or double"));
  return found[0];
}

Tensor read_default(const AttrReader& a, DType type) {
  if (auto t = a.tensor("default_tensor")) {
    if (t->count() != 1 || t->dtype() != type)
      a.fail("default_tensor", cat("is ", t->dtype(), t->shape(), ", expected one element of type ", type));
    return *t;
  }
  if (type == DType::kString) return Tensor::scalar(a.text("default_string", "_Unused"));
  if (type == DType::kFloat32) return Tensor::scalar(a.real("default_float", -0.0f));
  if (type == DType::kFloat64) return Tensor::scalar(static_cast<double>(a.real("default_float", -0.0f)));
  const int64_t value = a.integer("default_int64", -1);
  if (type == DType::kInt32) return Tensor::scalar(static_cast<int32_t>(value));
  if (type == DType::kInt16) return Tensor::scalar(static_cast<int16_t>(value));
  return Tensor::scalar(value);
}

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.keys = read_list(a, "keys"), .values = read_list(a, "values")};
  if (!a.error().ok()) return a.error().clone();
  out.fallback = read_default(a, out.values.dtype());
  if (out.keys.count() != out.values.count())
    a.fail("keys_*", cat("has ", out.keys.count(), " elements, expected as many as values_*, which has ",
                         out.values.count()));
  if (!a.error().ok()) return a.error().clone();
  with_type(out.keys.dtype(), [&]<class T>(T) {
    for (int64_t i = 0; i < out.keys.count(); ++i)
      if constexpr (std::is_same_v<T, std::string>)
        out.by_text[out.keys.data<T>()[i]] = i;
      else
        out.by_bits[key_bits(out.keys.data<T>()[i])] = i;
  });
  return out;
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 2) return {};
  const AttrReader a(c.node());
  const ir::Strings classes = a.texts("classes_strings");
  const DType type = c.in(0) ? c.in(0)->type().dtype : DType::kUndefined;
  if (type == DType::kUndefined) return c.cannot("version 1 needs the type of its input, which is unknown");
  ir::Ints numbers;
  for (size_t i = 0; i < classes.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
  c.remove_attribute("classes_strings");
  c.set_attribute(type == DType::kString ? "keys_strings" : "values_strings", classes);
  c.set_attribute(type == DType::kString ? "values_int64s" : "keys_int64s", numbers);
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.dtype(0) != DType::kUndefined && c.dtype(0) != a.keys.dtype())
    return c.error("input is of type ", c.dtype(0), ", but the keys are of type ", a.keys.dtype());
  c.set(0, a.values.dtype(), c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

template <class K, class V>
void encode(const Attrs& a, const K* x, V* y, int64_t n) {
  const V *values = a.values.data<V>(), *fallback = a.fallback.data<V>();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t* found = nullptr;
    if constexpr (std::is_same_v<K, std::string>) {
      if (auto it = a.by_text.find(x[i]); it != a.by_text.end()) found = &it->second;
    } else {
      if (auto it = a.by_bits.find(key_bits(x[i])); it != a.by_bits.end()) found = &it->second;
    }
    y[i] = found ? values[*found] : *fallback;
  }
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.dtype() != a.keys.dtype())
    return c.error("input is of type ", x.dtype(), ", but the keys are of type ", a.keys.dtype());
  Tensor y = ONWARD_TRY(c.out(0, a.values.dtype(), x.shape()));
  with_type(x.dtype(), [&]<class K>(K) {
    with_type(y.dtype(), [&]<class V>(V) {
      c.parallel_for(x.count(), 4096, [&](int64_t begin, int64_t end) {
        encode(a, x.data<K>() + begin, y.mutable_data<V>() + begin, end - begin);
      });
    });
  });
  return {};
}

}  // namespace

ONWARD_OPS(label_encoder) {
  return {op<Attrs>({.name = "LabelEncoder",
                     .domain = "ai.onnx.ml",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run})};
}

}  // namespace ow
