// onward.hpp: run ONNX models from C++. Start here.
//
//   #include <onward/onward.hpp>
//
//   onward::Session session("resnet50.onnx");
//   auto image = onward::Tensor::zeros<float>({1, 3, 224, 224});
//   auto outputs = session.run({{"input", image}});
//   std::span<const float> scores = outputs[0].data<float>();
//
// Header-only over onward.h, whose comments hold here, too; link with -lonward. Every function throws
// onward::Error on failure. Models, sessions and values are handles: cheap to copy, shared. Models and
// sessions may be used from several threads at once. docs/api.md is a guide with more examples.
#pragma once
#include <chrono>
#include <complex>
#include <cstring>
#include <functional>
#include <future>
#include <initializer_list>
#include <map>
#include <memory>
#include <new>
#include <optional>
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
  if (!table || table->size < sizeof(onward_api))
    throw std::runtime_error("the onward library is older than this program");
  return *table;
}

// What went wrong: code() and detail() to decide by, what() to show.
class Error : public std::runtime_error {
 public:
  Error(onward_code code, const std::string& message, onward_detail detail = ONWARD_DETAIL_NONE)
      : std::runtime_error(message), code_(code), detail_(detail) {}
  onward_code code() const { return code_; }
  onward_detail detail() const { return detail_; }

 private:
  onward_code code_;
  onward_detail detail_;
};

namespace detail {
// Takes the status.
inline Error to_error(onward_status* status) {
  Error error(api().status_code(status), api().status_message(status), api().status_detail(status));
  api().status_free(status);
  return error;
}
inline void check(onward_status* status) {
  if (status) throw to_error(status);
}
// What a call that makes a text made.
template <class Call>
std::string text_of(Call&& call) {
  onward_text* made = nullptr;
  check(call(&made));
  size_t bytes = 0;
  const char* data = api().text_data(made, &bytes);
  std::string out(data, bytes);
  api().text_free(made);
  return out;
}
// The names of pairs, and what belongs to them, as the C interface wants them: pointers into `pairs`.
template <class Pairs>
std::vector<const char*> names_of(const Pairs& pairs) {
  std::vector<const char*> out;
  for (const auto& [name, value] : pairs) out.push_back(name.c_str());
  return out;
}
template <class Pairs>
std::vector<int64_t> sizes_of(const Pairs& pairs) {
  std::vector<int64_t> out;
  for (const auto& [name, size] : pairs) out.push_back(size);
  return out;
}
inline std::vector<const char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  for (const auto& text : texts) out.push_back(text.c_str());
  return out;
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

// Where memory comes from; what it points to must outlive every value made with it.
using Allocator = onward_allocator;

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
  size_t bytes() const { return api().tensor_bytes(get()); }  // 0 for strings
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
    return made([&](onward_value** item) { return api().sequence_at(get(), i, item); });
  }
  static Value sequence(std::span<const Value> items) {
    const auto handles = handles_of(items);
    return made([&](onward_value** v) { return api().sequence_create(handles.data(), handles.size(), v); });
  }

  // Maps. Keys are integers or strings.
  onward_dtype key_type() const { return api().map_key_type(get()); }
  std::map<int64_t, Value> integer_entries() const {
    std::map<int64_t, Value> out;
    if (key_type() != ONWARD_STRING)
      each_entry([&](const char*, size_t, int64_t key, Value item) { out.emplace(key, std::move(item)); });
    return out;
  }
  std::map<std::string, Value> string_entries() const {
    std::map<std::string, Value> out;
    if (key_type() == ONWARD_STRING)
      each_entry([&](const char* key, size_t bytes, int64_t, Value item) {
        out.emplace(std::string(key, bytes), std::move(item));
      });
    return out;
  }
  static Value map(const std::map<int64_t, Value>& entries, onward_dtype key_type = ONWARD_INT64) {
    std::vector<int64_t> keys;
    std::vector<const onward_value*> items;
    for (const auto& [key, item] : entries) keys.push_back(key), items.push_back(item.get());
    return made([&](onward_value** v) {
      return api().map_create(key_type, keys.data(), items.data(), keys.size(), v);
    });
  }
  static Value map(const std::map<std::string, Value>& entries) {
    std::vector<const char*> keys;
    std::vector<size_t> bytes;
    std::vector<const onward_value*> items;
    for (const auto& [key, item] : entries)
      keys.push_back(key.data()), bytes.push_back(key.size()), items.push_back(item.get());
    return made([&](onward_value** v) {
      return api().map_create_strings(keys.data(), bytes.data(), items.data(), keys.size(), v);
    });
  }

  // Optionals: a value is what the optional holds, and kind() is ONWARD_NOTHING for one that holds nothing.
  bool has_value() const { return kind() != ONWARD_NOTHING; }
  static Value nothing() {
    return made([](onward_value** v) { return api().optional_create(nullptr, v); });
  }

  // Sparse tensors: values [n]; indices int64 [n] or [n, rank], ascending.
  static Value sparse(const Value& values, const Value& indices, std::span<const int64_t> shape) {
    return made([&](onward_value** v) {
      return api().sparse_create(values.get(), indices.get(), shape.data(), shape.size(), v);
    });
  }
  std::span<const int64_t> sparse_shape() const {
    return {api().sparse_dims(get()), api().sparse_rank(get())};
  }
  Value sparse_values() const {
    return made([&](onward_value** v) { return api().sparse_values(get(), v); });
  }
  Value sparse_indices() const {
    return made([&](onward_value** v) { return api().sparse_indices(get(), v); });
  }

  // A value with memory of its own.
  Value copy() const {
    return made([&](onward_value** v) { return api().value_copy(get(), v); });
  }
  // Elements [first, first + product of the shape) of a tensor, under that shape, in the same memory.
  Value view(size_t first, std::span<const int64_t> shape) const {
    return made(
        [&](onward_value** v) { return api().tensor_view(get(), first, shape.data(), shape.size(), v); });
  }
  Value view(size_t first, std::initializer_list<int64_t> shape) const {
    return view(first, std::span(shape.begin(), shape.size()));
  }

  // For bindings: the value that `call(onward_value**)` makes.
  template <class Call>
  static Value made(Call&& call) {
    onward_value* out = nullptr;
    detail::check(call(&out));
    return Value(out);
  }
  static std::vector<const onward_value*> handles_of(std::span<const Value> values) {
    std::vector<const onward_value*> out;
    for (const Value& v : values) out.push_back(v.get());
    return out;
  }

 private:
  template <class Entry>
  void each_entry(Entry&& entry) const {
    for (size_t i = 0; i < api().map_count(get()); ++i) {
      const char* key = nullptr;
      size_t bytes = 0;
      int64_t number = 0;
      Value item = made([&](onward_value** v) { return api().map_at(get(), i, &key, &bytes, &number, v); });
      entry(key, bytes, number, std::move(item));
    }
  }
  std::shared_ptr<onward_value> handle_;
};

// Makers of tensors.
class Tensor : public Value {
 public:
  // Uninitialised (strings: empty).
  Tensor(onward_dtype dtype, std::span<const int64_t> shape, const Allocator* allocator = nullptr)
      : Value(made([&](onward_value** v) {
          return api().tensor_create_with(allocator, dtype, shape.data(), shape.size(), v);
        })) {}
  Tensor(onward_dtype dtype, std::initializer_list<int64_t> shape)
      : Tensor(dtype, std::span(shape.begin(), shape.size())) {}

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
  // Borrows the caller's memory, which must outlive every use of the tensor; with `owner` the tensor keeps
  // that alive instead.
  template <class T>
  static Tensor wrap(std::span<const int64_t> shape, std::span<T> memory,
                     std::shared_ptr<const void> owner = nullptr) {
    return wrap(detail::dtype_of<std::remove_const_t<T>>, shape,
                const_cast<void*>(static_cast<const void*>(memory.data())), memory.size_bytes(),
                std::move(owner));
  }
  template <class T>
  static Tensor wrap(std::initializer_list<int64_t> shape, std::span<T> memory,
                     std::shared_ptr<const void> owner = nullptr) {
    return wrap(std::span(shape.begin(), shape.size()), memory, std::move(owner));
  }
  // Of any type but strings.
  static Tensor wrap(onward_dtype dtype, std::span<const int64_t> shape, void* memory, size_t bytes,
                     std::shared_ptr<const void> owner = nullptr) {
    using Owner = std::shared_ptr<const void>;
    auto kept = owner ? std::make_unique<Owner>(std::move(owner)) : nullptr;
    const onward_release_fn release = [](void* user) { delete static_cast<Owner*>(user); };
    Tensor out(made([&](onward_value** v) {
      return api().tensor_wrap(dtype, shape.data(), shape.size(), memory, bytes, kept ? release : nullptr,
                               kept.get(), v);
    }));
    (void)kept.release();
    return out;
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
  explicit Tensor(Value v) : Value(std::move(v)) {}
};

// A type with all that the model says of it.
struct Type {
  onward_kind kind = ONWARD_NOTHING;
  onward_dtype dtype = ONWARD_UNDEFINED;  // elements of a (sparse) tensor; keys of a map
  bool has_rank = false;
  std::vector<int64_t> shape;                     // -1 where not fixed
  std::vector<std::string> symbols, denotations;  // of the dimensions; "" where there is none
  std::string denotation, text;                   // "IMAGE", "float[N,3,224,224]"
  std::shared_ptr<const Type> element;            // of a sequence or optional; values of a map

  static Type of(const onward_type* handle) {
    onward_type_info info{};
    info.size = sizeof info;
    detail::check(api().type_describe(handle, &info));
    Type t{info.kind, info.dtype, info.has_rank != 0, {}, {}, {}, info.denotation, info.text, nullptr};
    for (size_t i = 0; i < info.rank; ++i) {
      t.shape.push_back(info.dims[i]);
      t.symbols.emplace_back(info.dim_names[i]);
      t.denotations.emplace_back(info.dim_denotations[i]);
    }
    if (info.element) t.element = std::make_shared<const Type>(of(info.element));
    return t;
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
  bool is_optional = false;          // an input with a default
  std::string doc_string;
  Type full_type;

  static ValueInfo of(const onward_value_info& info) {
    ValueInfo v{info.name, info.type_text,        info.kind,       info.dtype,         info.has_rank != 0, {},
                {},        info.is_optional != 0, info.doc_string, Type::of(info.type)};
    for (size_t d = 0; v.has_rank && d < info.rank; ++d) {
      v.shape.push_back(info.dims[d]);
      v.symbols.emplace_back(info.dim_names[d]);
    }
    return v;
  }
  // For bindings: all of what `get` describes by index.
  template <class Handle, class Get>
  static std::vector<ValueInfo> list(const Handle* handle, size_t count, Get get) {
    std::vector<ValueInfo> out;
    for (size_t i = 0; i < count; ++i) {
      onward_value_info info{};
      info.size = sizeof info;
      detail::check(get(handle, i, &info));
      out.push_back(of(info));
    }
    return out;
  }
};

using NamedValues = std::vector<std::pair<std::string, Value>>;

using LogSink = std::function<void(int32_t level, const char* message)>;  // must not throw

struct SessionOptions {
  int threads = 0;  // 0: as many as the process may use
  onward_optimization optimization = ONWARD_OPTIMIZE_FULL;
  int64_t memory_limit_bytes = 0;
  std::vector<std::string> providers;  // in order of preference; the CPU is always last
  bool strict_providers = false;
  std::string profile_path;  // Chrome trace
  bool profile = false;
  std::string log_id;
  std::optional<int32_t> log_level;  // 0 verbose to 4 off; else the process's
  LogSink log_sink;                  // of this session's messages; else the process's
  // Sizes for open dimensions, by symbol and by denotation.
  std::vector<std::pair<std::string, int64_t>> dims, denotations;
  NamedValues initializers;                                 // tensors for these, and not those of the model
  const Allocator* allocator = nullptr;                     // memory of runs
  std::vector<std::pair<std::string, std::string>> config;  // options as text; see config_keys()
};

namespace detail {
// Session options as the C interface wants them: pointers into the options, which must stay, and into this.
class SessionArguments {
 public:
  explicit SessionArguments(const SessionOptions& options)
      : providers_(pointers_to(options.providers)),
        dims_(names_of(options.dims)),
        denotations_(names_of(options.denotations)),
        names_(names_of(options.initializers)),
        keys_(names_of(options.config)),
        dim_sizes_(sizes_of(options.dims)),
        denoted_(sizes_of(options.denotations)),
        sink_(options.log_sink ? std::make_shared<LogSink>(options.log_sink) : nullptr) {
    for (const auto& [name, value] : options.initializers) tensors_.push_back(value.get());
    for (const auto& [key, value] : options.config) texts_.push_back(value.c_str());
    c_.size = sizeof c_;
    c_.threads = options.threads;
    c_.optimization = options.optimization;
    c_.memory_limit_bytes = options.memory_limit_bytes;
    c_.providers = providers_.data();
    c_.provider_count = providers_.size();
    c_.strict_providers = options.strict_providers;
    c_.profile_path = options.profile_path.empty() ? nullptr : options.profile_path.c_str();
    c_.profile = options.profile;
    c_.log_id = options.log_id.empty() ? nullptr : options.log_id.c_str();
    c_.has_log_level = options.log_level.has_value();
    c_.log_level = options.log_level.value_or(0);
    if (sink_)
      c_.log_sink = [](void* user, int32_t level, const char* message) {
        (*static_cast<LogSink*>(user))(level, message);
      };
    c_.log_user = sink_.get();
    c_.dim_names = dims_.data();
    c_.dim_sizes = dim_sizes_.data();
    c_.dim_count = dims_.size();
    c_.denotation_names = denotations_.data();
    c_.denotation_sizes = denoted_.data();
    c_.denotation_count = denotations_.size();
    c_.initializer_names = names_.data();
    c_.initializers = tensors_.data();
    c_.initializer_count = tensors_.size();
    c_.allocator = options.allocator;
    c_.config_keys = keys_.data();
    c_.config_values = texts_.data();
    c_.config_count = keys_.size();
  }
  SessionArguments(const SessionArguments&) = delete;
  SessionArguments& operator=(const SessionArguments&) = delete;
  const onward_session_options* c() const { return &c_; }
  const std::shared_ptr<LogSink>& sink() const { return sink_; }

 private:
  std::vector<const char*> providers_, dims_, denotations_, names_, keys_, texts_;
  std::vector<int64_t> dim_sizes_, denoted_;
  std::vector<const onward_value*> tensors_;
  std::shared_ptr<LogSink> sink_;
  onward_session_options c_{};
};
}  // namespace detail

struct ModelOptions {
  std::string external_data_folder;  // "": beside the file; for bytes nowhere
  NamedValues initializers;          // tensors for these, and not those of the model
  // External data files in memory: location and bytes, which must outlive the model.
  std::vector<std::pair<std::string, std::span<const std::byte>>> files;
};

class Model {
 public:
  explicit Model(const std::string& path, const ModelOptions& options = {}) {
    load(options, [&](const onward_model_options* o, onward_model** m) {
      return api().model_load(path.c_str(), o, m);
    });
  }
  // The bytes are copied.
  explicit Model(std::span<const std::byte> bytes, const ModelOptions& options = {}) {
    load(options, [&](const onward_model_options* o, onward_model** m) {
      return api().model_load_bytes(bytes.data(), bytes.size(), o, m);
    });
  }

  std::vector<ValueInfo> inputs() const {
    return ValueInfo::list(get(), api().model_input_count(get()), api().model_input);
  }
  std::vector<ValueInfo> outputs() const {
    return ValueInfo::list(get(), api().model_output_count(get()), api().model_output);
  }
  // Domain ("" is ai.onnx) and version, as the file states them.
  std::vector<std::pair<std::string, int64_t>> opsets() const {
    std::vector<std::pair<std::string, int64_t>> out;
    for (size_t i = 0; i < api().model_opset_count(get()); ++i) {
      const char* domain = nullptr;
      int64_t version = 0;
      detail::check(api().model_opset(get(), i, &domain, &version));
      out.emplace_back(domain, version);
    }
    return out;
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
  // Writes the model as a session with these options has it before it fuses for this engine: simplified, in
  // standard operators. `data_file`: a file beside it for initializers of at least `threshold_bytes`.
  void optimize(const std::string& path, const SessionOptions& options = {},
                const std::string& data_file = {}, int64_t threshold_bytes = 1024) const {
    const onward_save_options save{
        sizeof save,     path.c_str(), data_file.empty() ? nullptr : data_file.c_str(),
        threshold_bytes, nullptr,      nullptr};
    detail::check(api().model_optimize(get(), detail::SessionArguments(options).c(), &save, nullptr));
  }
  // The same as the bytes of a file.
  std::string optimized_bytes(const SessionOptions& options = {}) const {
    const detail::SessionArguments arguments(options);
    return detail::text_of(
        [&](onward_text** t) { return api().model_optimize(get(), arguments.c(), nullptr, t); });
  }
  onward_model* get() const { return handle_.get(); }

 private:
  template <class Load>
  void load(const ModelOptions& options, Load&& call) {
    const auto names = detail::names_of(options.initializers), files = detail::names_of(options.files);
    std::vector<const onward_value*> values;
    std::vector<const void*> data;
    std::vector<size_t> bytes;
    for (const auto& [name, value] : options.initializers) values.push_back(value.get());
    for (const auto& [name, file] : options.files) data.push_back(file.data()), bytes.push_back(file.size());
    onward_model_options o{};
    o.size = sizeof o;
    o.external_data_folder =
        options.external_data_folder.empty() ? nullptr : options.external_data_folder.c_str();
    o.initializer_names = names.data();
    o.initializers = values.data();
    o.initializer_count = values.size();
    o.file_names = files.data();
    o.file_data = data.data();
    o.file_bytes = bytes.data();
    o.file_count = files.size();
    onward_model* made = nullptr;
    detail::check(call(&o, &made));
    handle_ = {made, [](onward_model* p) { api().model_free(p); }};
  }
  std::shared_ptr<onward_model> handle_;
};

// The report of `onward inspect --json`; `sizes` gives symbols of the inputs a size.
inline std::string inspect_json(const std::string& path,
                                const std::vector<std::pair<std::string, int64_t>>& sizes = {}) {
  const auto names = detail::names_of(sizes);
  const auto numbers = detail::sizes_of(sizes);
  onward_source source{};
  source.size = sizeof source;
  source.path = path.c_str();
  const onward_inspect_options o{sizeof o, names.data(), numbers.data(), names.size()};
  return detail::text_of([&](onward_text** t) { return api().inspect_json(&source, &o, t); });
}
// The report of `onward check --json`: everything that is wrong with a model.
inline std::string check_json(const std::string& path, bool full = false) {
  onward_source source{};
  source.size = sizeof source;
  source.path = path.c_str();
  const onward_check_options o{sizeof o, full};
  return detail::text_of([&](onward_text** t) { return api().check_json(&source, &o, t); });
}

// Stops runs from another thread: pass it in RunOptions, call trigger().
class CancelToken {
 public:
  CancelToken() : handle_(api().cancel_create(), [](onward_cancel* c) { api().cancel_free(c); }) {
    if (!handle_) throw std::bad_alloc();
  }
  void trigger() { api().cancel_trigger(handle_.get()); }
  void reset() { api().cancel_reset(handle_.get()); }
  bool triggered() const { return api().cancel_triggered(handle_.get()) != 0; }
  onward_cancel* get() const { return handle_.get(); }

 private:
  std::shared_ptr<onward_cancel> handle_;
};

// The keys of SessionOptions::config and what each means.
inline std::vector<std::pair<std::string, std::string>> config_keys() {
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t i = 0; i < api().config_count(); ++i)
    out.emplace_back(api().config_key(i), api().config_meaning(i));
  return out;
}

struct RunOptions {
  std::chrono::microseconds timeout{0};
  const CancelToken* cancel = nullptr;
  int64_t memory_limit_bytes = 0;
  bool trim_after = false;  // as if trim() were called after the run

  onward_run_options to_c() const {
    return {sizeof(onward_run_options), timeout.count(), cancel ? cancel->get() : nullptr, memory_limit_bytes,
            trim_after};
  }
};

using Inputs = NamedValues;

class Session {
 public:
  explicit Session(const std::string& path, const SessionOptions& options = {})
      : Session(Model(path), options) {}
  explicit Session(Model model, const SessionOptions& options = {}) : model_(std::move(model)) {
    const detail::SessionArguments arguments(options);
    onward_session* made = nullptr;
    detail::check(api().session_create(model_.get(), arguments.c(), &made));
    handle_ = {made, [sink = arguments.sink()](onward_session* s) { api().session_free(s); }};
  }

  const Model& model() const { return model_; }
  // The model's, with the sizes that the options give to open dimensions.
  std::vector<ValueInfo> inputs() const {
    return ValueInfo::list(get(), api().session_input_count(get()), api().session_input);
  }
  std::vector<ValueInfo> outputs() const {
    return ValueInfo::list(get(), api().session_output_count(get()), api().session_output);
  }

  // Outputs in the model's order, or those named.
  std::vector<Value> run(const Inputs& inputs, const std::vector<std::string>& outputs = {},
                         const RunOptions& options = {}) const {
    const Arguments a(*this, inputs, outputs);
    std::vector<onward_value*> made(a.output_count);
    const auto o = options.to_c();
    detail::check(api().session_run(get(), &o, a.input_names.data(), a.inputs.data(), a.inputs.size(),
                                    a.output_names.data(), a.output_names.size(), made.data()));
    std::vector<Value> results;
    for (onward_value* v : made) results.emplace_back(v);
    return results;
  }

  // Writes these outputs to tensors of the caller's, which have their type and shape.
  void run_into(const Inputs& inputs, const NamedValues& outputs, const RunOptions& options = {}) const {
    std::vector<onward_value*> targets;
    std::vector<std::string> names;
    for (const auto& [name, value] : outputs) {
      if (!value.get()) throw Error(ONWARD_INVALID_ARGUMENT, "no tensor is given for output '" + name + "'");
      names.push_back(name);
      targets.push_back(value.get());
    }
    if (names.empty()) throw Error(ONWARD_INVALID_ARGUMENT, "no output is given to run_into");
    const Arguments a(*this, inputs, names);
    const auto o = options.to_c();
    detail::check(api().session_run_into(get(), &o, a.input_names.data(), a.inputs.data(), a.inputs.size(),
                                         a.output_names.data(), a.output_names.size(), targets.data()));
  }

  // As run, on a thread of the library's. The future throws what run would throw.
  std::future<std::vector<Value>> run_async(const Inputs& inputs,
                                            const std::vector<std::string>& outputs = {},
                                            const RunOptions& options = {}) const {
    struct Pending {
      Session session;  // and with it what its log goes to
      std::promise<std::vector<Value>> promise;
    };
    const Arguments a(*this, inputs, outputs);
    const auto o = options.to_c();
    auto pending = std::make_unique<Pending>(Pending{*this, {}});
    auto future = pending->promise.get_future();
    const onward_done_fn done = [](void* user, onward_status* status, onward_value** made, size_t count) {
      const std::unique_ptr<Pending> p(static_cast<Pending*>(user));
      std::vector<Value> results;
      for (size_t i = 0; i < count; ++i) results.emplace_back(made[i]);
      if (status)
        p->promise.set_exception(std::make_exception_ptr(detail::to_error(status)));
      else
        p->promise.set_value(std::move(results));
    };
    detail::check(api().session_run_async(get(), &o, a.input_names.data(), a.inputs.data(), a.inputs.size(),
                                          a.output_names.data(), a.output_names.size(), nullptr, done,
                                          pending.get()));
    (void)pending.release();
    return future;
  }

  std::string placement_json() const { return detail::text(api().session_placement_json(get())); }
  std::string report_json() const {
    return detail::text_of([&](onward_text** t) { return api().session_report_json(get(), t); });
  }
  void start_profile() const { detail::check(api().session_profile_start(get())); }
  void stop_profile() const { detail::check(api().session_profile_stop(get())); }
  std::string profile_json() const {
    return detail::text(api().session_profile_json(get()));
  }                                 // times by node
  std::string trace_json() const {  // for chrome://tracing
    return detail::text_of([&](onward_text** t) { return api().session_trace_json(get(), t); });
  }
  void trim() const { api().session_trim(get()); }
  onward_session* get() const { return handle_.get(); }

 private:
  // A run's arguments as the C interface wants them: pointers into what they are made from.
  struct Arguments {
    Arguments(const Session& s, const Inputs& given, const std::vector<std::string>& outputs)
        : input_names(detail::names_of(given)), output_names(detail::pointers_to(outputs)) {
      for (const auto& [name, value] : given) inputs.push_back(value.get());
      output_count = outputs.empty() ? api().session_output_count(s.get()) : outputs.size();
    }
    std::vector<const char*> input_names, output_names;
    std::vector<const onward_value*> inputs;
    size_t output_count = 0;
  };
  Model model_;
  std::shared_ptr<onward_session> handle_;
};

// Inputs and outputs that stay bound from run to run. For one thread at a time; moves, does not copy.
class Context {
 public:
  explicit Context(Session session) : session_(std::move(session)) {
    onward_context* made = nullptr;
    detail::check(api().context_create(session_.get(), &made));
    handle_.reset(made);
  }
  void bind_input(const std::string& name, const Value& value) {
    detail::check(api().context_bind_input(get(), name.c_str(), value.get()));
  }
  // Each run writes to the tensor, or, without one, makes a value.
  void bind_output(const std::string& name, const Value& tensor = {}) {
    detail::check(api().context_bind_output(get(), name.c_str(), tensor.get()));
  }
  void clear_inputs() { api().context_clear(get(), 1, 0); }
  void clear_outputs() { api().context_clear(get(), 0, 1); }
  // The bound outputs, or all, with their names.
  NamedValues run(const RunOptions& options = {}) {
    const auto o = options.to_c();
    detail::check(api().context_run(get(), &o));
    NamedValues out;
    for (size_t i = 0; i < api().context_output_count(get()); ++i)
      out.emplace_back(api().context_output_name(get(), i),
                       Value::made([&](onward_value** v) { return api().context_output(get(), i, v); }));
    return out;
  }
  onward_context* get() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(onward_context* c) const { api().context_free(c); }
  };
  Session session_;
  std::unique_ptr<onward_context, Free> handle_;
};

// The process.
inline std::vector<std::string> available_providers() {
  std::vector<std::string> out;
  for (size_t i = 0; i < api().provider_count(); ++i) out.emplace_back(api().provider_name(i));
  return out;
}
inline std::string version() { return api().library_version(); }
inline std::string build_info() { return api().build_info(); }
inline void set_log_level(int32_t level) { api().set_log_level(level); }  // 0 verbose to 4 off
inline void set_thread_spin(std::chrono::microseconds time) { api().set_thread_spin_us(time.count()); }

}  // namespace onward
