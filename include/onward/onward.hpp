// onward.hpp: run ONNX models from C++. Start here.
//
//   #include <onward/onward.hpp>
//
//   onward::Session session("resnet50.onnx");
//   auto image = onward::Tensor::zeros<float>({1, 3, 224, 224});
//   auto outputs = session.run({{"input", image}});
//   std::span<const float> scores = outputs[0].data<float>();
//
// Header-only over onward.h; link with -lonward. Every function throws onward::Error on failure. Models and
// sessions are cheap to copy (shared) and may be used from several threads at once.
#pragma once
#include <chrono>
#include <complex>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onward/onward.h"

namespace onward {

inline const onward_api& api() {
  static const onward_api* const table = onward_get_api(ONWARD_ABI_VERSION);
  if (!table) throw std::runtime_error("the onward library is older than this program");
  return *table;
}

// What went wrong: code() to decide by, what() to show.
class Error : public std::runtime_error {
 public:
  Error(onward_code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  onward_code code() const { return code_; }

 private:
  onward_code code_;
};

namespace detail {
inline void check(onward_status* status) {
  if (!status) return;
  Error error(api().status_code(status), api().status_message(status));
  api().status_free(status);
  throw error;
}
inline std::string text(const char* made) {
  if (!made) throw std::bad_alloc();
  return made;
}
template <class T>
inline constexpr onward_dtype dtype_of = ONWARD_UNDEFINED;
template <>
inline constexpr onward_dtype dtype_of<float> = ONWARD_FLOAT32;
template <>
inline constexpr onward_dtype dtype_of<double> = ONWARD_FLOAT64;
template <>
inline constexpr onward_dtype dtype_of<uint8_t> = ONWARD_UINT8;
template <>
inline constexpr onward_dtype dtype_of<int8_t> = ONWARD_INT8;
template <>
inline constexpr onward_dtype dtype_of<uint16_t> = ONWARD_UINT16;
template <>
inline constexpr onward_dtype dtype_of<int16_t> = ONWARD_INT16;
template <>
inline constexpr onward_dtype dtype_of<uint32_t> = ONWARD_UINT32;
template <>
inline constexpr onward_dtype dtype_of<int32_t> = ONWARD_INT32;
template <>
inline constexpr onward_dtype dtype_of<uint64_t> = ONWARD_UINT64;
template <>
inline constexpr onward_dtype dtype_of<int64_t> = ONWARD_INT64;
template <>
inline constexpr onward_dtype dtype_of<bool> = ONWARD_BOOL;
template <>
inline constexpr onward_dtype dtype_of<std::complex<float>> = ONWARD_COMPLEX64;
template <>
inline constexpr onward_dtype dtype_of<std::complex<double>> = ONWARD_COMPLEX128;
}  // namespace detail

// A value that goes into or comes out of a model; copies share it. Tensors are row-major.
class Value {
 public:
  Value() = default;
  explicit Value(onward_value* owned) : handle_(owned, [](onward_value* v) { api().value_free(v); }) {}

  onward_kind kind() const { return handle_ ? api().value_kind(handle_.get()) : ONWARD_NOTHING; }
  onward_value* get() const { return handle_.get(); }

  // Tensors.
  onward_dtype dtype() const { return api().tensor_dtype(get()); }
  std::span<const int64_t> shape() const { return {api().tensor_dims(get()), api().tensor_rank(get())}; }
  size_t count() const {
    size_t n = 1;
    for (int64_t d : shape()) n *= static_cast<size_t>(d);
    return n;
  }
  size_t bytes() const { return api().tensor_bytes(get()); }
  void* raw() const { return api().tensor_data(get()); }
  // All elements. Throws where T is not the tensor's type.
  template <class T>
  std::span<T> data() const {
    using Element = std::remove_const_t<T>;
    if (kind() != ONWARD_TENSOR || dtype() != detail::dtype_of<Element>)
      throw Error(ONWARD_INVALID_ARGUMENT, "the value is not a tensor of the element type asked for");
    return {static_cast<T*>(raw()), count()};
  }
  std::string string(size_t i) const {
    size_t n = 0;
    const char* text = api().tensor_string(get(), i, &n);
    return text ? std::string(text, n) : std::string();
  }

  // Sequences.
  size_t size() const { return api().sequence_count(get()); }
  Value at(size_t i) const {
    onward_value* item = nullptr;
    detail::check(api().sequence_at(get(), i, &item));
    return Value(item);
  }

 private:
  std::shared_ptr<onward_value> handle_;
};

// Makers of tensors.
class Tensor : public Value {
 public:
  Tensor(onward_dtype dtype, std::span<const int64_t> shape) : Value(create(dtype, shape)) {}

  template <class T>
  static Tensor zeros(std::initializer_list<int64_t> shape) {
    return zeros<T>(std::span(shape.begin(), shape.size()));
  }
  template <class T>
  static Tensor zeros(std::span<const int64_t> shape) {
    Tensor t(detail::dtype_of<T>, shape);
    if (t.bytes()) std::memset(t.raw(), 0, t.bytes());
    return t;
  }
  template <class T>
  static Tensor from(std::initializer_list<int64_t> shape, std::span<const T> values) {
    return from(std::span(shape.begin(), shape.size()), values);
  }
  template <class T>
  static Tensor from(std::span<const int64_t> shape, std::span<const T> values) {
    Tensor t(detail::dtype_of<T>, shape);
    if (t.bytes() != values.size_bytes())
      throw Error(ONWARD_INVALID_ARGUMENT, "the number of values does not fit the shape");
    if (!values.empty()) std::memcpy(t.raw(), values.data(), values.size_bytes());
    return t;
  }
  // Borrows the caller's memory, which must outlive every use of the tensor.
  template <class T>
  static Tensor wrap(std::span<const int64_t> shape, std::span<T> memory) {
    onward_value* made = nullptr;
    detail::check(api().tensor_wrap(detail::dtype_of<std::remove_const_t<T>>, shape.data(), shape.size(),
                                    const_cast<void*>(static_cast<const void*>(memory.data())),
                                    memory.size_bytes(), nullptr, nullptr, &made));
    return Tensor(made);
  }
  static Tensor strings(std::span<const int64_t> shape, std::span<const std::string> texts) {
    Tensor t(ONWARD_STRING, shape);
    if (t.count() != texts.size())
      throw Error(ONWARD_INVALID_ARGUMENT, "the number of strings does not fit the shape");
    for (size_t i = 0; i < texts.size(); ++i)
      detail::check(api().tensor_set_string(t.get(), i, texts[i].data(), texts[i].size()));
    return t;
  }

 private:
  explicit Tensor(onward_value* owned) : Value(owned) {}
  static onward_value* create(onward_dtype dtype, std::span<const int64_t> shape) {
    onward_value* made = nullptr;
    detail::check(api().tensor_create(dtype, shape.data(), shape.size(), &made));
    return made;
  }
};

// An input or output of a model.
struct ValueInfo {
  std::string name, type;  // type: "float[N,3,224,224]"
  onward_kind kind = ONWARD_TENSOR;
  onward_dtype dtype = ONWARD_UNDEFINED;
  bool has_rank = false;
  std::vector<int64_t> shape;        // -1 where not fixed
  std::vector<std::string> symbols;  // the dimension's symbol or expression, "" where fixed
  bool is_optional = false;
};

class Model {
 public:
  explicit Model(const std::string& path) {
    onward_model* made = nullptr;
    detail::check(api().model_load(path.c_str(), nullptr, &made));
    reset(made);
  }
  explicit Model(std::span<const std::byte> bytes) {
    onward_model* made = nullptr;
    detail::check(api().model_load_bytes(bytes.data(), bytes.size(), nullptr, &made));
    reset(made);
  }

  std::vector<ValueInfo> inputs() const { return infos(api().model_input_count(get()), api().model_input); }
  std::vector<ValueInfo> outputs() const {
    return infos(api().model_output_count(get()), api().model_output);
  }
  std::string field(const std::string& name) const {
    const char* text = api().model_field(get(), name.c_str());
    return text ? text : "";
  }
  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> out;
    for (size_t i = 0; i < api().model_metadata_count(get()); ++i)
      out[api().model_metadata_key(get(), i)] = api().model_metadata_value(get(), i);
    return out;
  }
  onward_model* get() const { return handle_.get(); }

 private:
  void reset(onward_model* m) {
    handle_ = {m, [](onward_model* p) { api().model_free(p); }};
  }
  template <class Get>
  std::vector<ValueInfo> infos(size_t count, Get get_info) const {
    std::vector<ValueInfo> out;
    for (size_t i = 0; i < count; ++i) {
      onward_value_info info{};
      info.size = sizeof info;
      detail::check(get_info(get(), i, &info));
      ValueInfo v{info.name, info.type_text,       info.kind, info.dtype, info.has_rank != 0, {},
                  {},        info.is_optional != 0};
      for (size_t d = 0; v.has_rank && d < info.rank; ++d) {
        v.shape.push_back(info.dims[d]);
        v.symbols.emplace_back(info.dim_names[d]);
      }
      out.push_back(std::move(v));
    }
    return out;
  }
  std::shared_ptr<onward_model> handle_;
};

// Stops runs from another thread: pass it in RunOptions, call trigger().
class CancelToken {
 public:
  CancelToken() : handle_(api().cancel_create(), [](onward_cancel* c) { api().cancel_free(c); }) {
    if (!handle_) throw std::bad_alloc();
  }
  void trigger() { api().cancel_trigger(handle_.get()); }
  void reset() { api().cancel_reset(handle_.get()); }
  onward_cancel* get() const { return handle_.get(); }

 private:
  std::shared_ptr<onward_cancel> handle_;
};

struct SessionOptions {
  int threads = 0;  // 0: as many as the process may use
  onward_optimization optimization = ONWARD_OPTIMIZE_FULL;
  int64_t memory_limit_bytes = 0;
  std::vector<std::string> providers;  // in order of preference; the CPU is always last
  bool strict_providers = false;
  std::string profile_path;  // Chrome trace
  bool profile = false;
};

struct RunOptions {
  std::chrono::microseconds timeout{0};
  const CancelToken* cancel = nullptr;
  int64_t memory_limit_bytes = 0;
};

using Inputs = std::vector<std::pair<std::string, Value>>;

class Session {
 public:
  explicit Session(const std::string& path, const SessionOptions& options = {})
      : Session(Model(path), options) {}
  explicit Session(Model model, const SessionOptions& options = {}) : model_(std::move(model)) {
    std::vector<const char*> providers;
    for (const auto& p : options.providers) providers.push_back(p.c_str());
    onward_session_options o{};
    o.size = sizeof o;
    o.threads = options.threads;
    o.optimization = options.optimization;
    o.memory_limit_bytes = options.memory_limit_bytes;
    o.providers = providers.data();
    o.provider_count = providers.size();
    o.strict_providers = options.strict_providers;
    o.profile_path = options.profile_path.empty() ? nullptr : options.profile_path.c_str();
    o.profile = options.profile;
    onward_session* made = nullptr;
    detail::check(api().session_create(model_.get(), &o, &made));
    handle_ = {made, [](onward_session* s) { api().session_free(s); }};
  }

  const Model& model() const { return model_; }

  // Outputs in the model's order, or those named.
  std::vector<Value> run(const Inputs& inputs, const std::vector<std::string>& outputs = {},
                         const RunOptions& options = {}) const {
    std::vector<const char*> in_names, out_names;
    std::vector<const onward_value*> values;
    for (const auto& [name, value] : inputs) {
      in_names.push_back(name.c_str());
      values.push_back(value.get());
    }
    for (const auto& name : outputs) out_names.push_back(name.c_str());
    onward_run_options o{};
    o.size = sizeof o;
    o.timeout_us = options.timeout.count();
    o.cancel = options.cancel ? options.cancel->get() : nullptr;
    o.memory_limit_bytes = options.memory_limit_bytes;
    std::vector<onward_value*> made(outputs.empty() ? api().model_output_count(model_.get())
                                                    : outputs.size());
    std::vector<Value> results;
    results.reserve(made.size());
    detail::check(api().session_run(handle_.get(), &o, in_names.data(), values.data(), values.size(),
                                    outputs.empty() ? nullptr : out_names.data(), outputs.size(),
                                    made.data()));
    for (onward_value* v : made) results.emplace_back(v);
    return results;
  }

  std::string placement_json() const { return detail::text(api().session_placement_json(handle_.get())); }
  std::string profile_json() const { return detail::text(api().session_profile_json(handle_.get())); }
  void trim() const { api().session_trim(handle_.get()); }

 private:
  Model model_;
  std::shared_ptr<onward_session> handle_;
};

}  // namespace onward
