// The C interface (onward.h) over Model, Session and Value. Nothing throws through it: allocation failure and
// any other exception of the standard library become a status.
#include <cstring>
#include <mutex>
#include <new>

#include "base/log.h"
#include "base/out_of_memory.h"
#include "onward/onward.h"
#include "runtime/session.h"

struct onward_status {
  ow::Code code;
  std::string message;
};
struct onward_model {
  std::shared_ptr<ow::Model> model;
  struct Port {
    std::string type_text;
    std::vector<int64_t> dims;
    std::vector<std::string> names;
    std::vector<const char*> name_pointers;
  };
  std::vector<Port> inputs, outputs;
  std::vector<std::pair<std::string, std::string>> metadata, fields;
};
struct onward_session {
  std::shared_ptr<ow::Session> session;
  std::string placement, profile;
  std::mutex mutex;
};
struct onward_value {
  ow::Value value;
};
struct onward_cancel {
  std::shared_ptr<std::atomic<bool>> flag = std::make_shared<std::atomic<bool>>(false);
};

namespace {

using ow::Code;
using ow::Status;

// Needs no memory: its text fits into the string itself. Never destroyed.
onward_status* out_of_memory() {
  alignas(onward_status) static std::byte memory[sizeof(onward_status)];
  static auto* const status = new (memory) onward_status{Code::kOutOfMemory, "out of memory"};
  return status;
}

onward_status* wrap(Status s) {
  if (s.ok()) return nullptr;
  return new onward_status{s.code(), std::string(s.message())};
}

// Runs `body`, which returns a Status, and turns what it throws into one.
template <class F>
onward_status* guarded(F&& body) {
  const auto wrap_or = [](Code code, const char* text) {
    try {
      return wrap({code, text});
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    }
  };
  try {
    return wrap(body());
  } catch (const ow::OutOfMemory& e) {
    return wrap_or(Code::kOutOfMemory, e.what());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& e) {
    return wrap_or(Code::kInternal, e.what());
  }
}

// The same for functions that return text of their own: null where it could not be made.
template <class F>
const char* guarded_text(F&& body) {
  try {
    return body();
  } catch (const std::exception&) {
    return nullptr;
  }
}

Status null_argument(const char* what) { return ow::invalid_argument(what, " is null"); }

// Copies the caller's struct, of which an older program may know only the first part.
template <class T>
T read_options(const T* given) {
  T out{};
  if (given) std::memcpy(&out, given, std::min(sizeof(T), given->size));
  return out;
}

onward_code status_code(const onward_status* s) { return s ? static_cast<onward_code>(s->code) : ONWARD_OK; }
const char* status_message(const onward_status* s) { return s ? s->message.c_str() : ""; }
void status_free(onward_status* s) {
  if (s != out_of_memory()) delete s;
}
const char* library_version() { return ONWARD_VERSION; }
void set_log_level(int32_t level) { ow::set_log_level(static_cast<ow::LogLevel>(std::clamp(level, 0, 4))); }

struct Sink {
  onward_log_fn fn;
  void* user;
};
void set_log_sink(onward_log_fn fn, void* user) {
  static Sink sink;  // one per process, as the log itself
  sink = {fn, user};
  if (!fn) return ow::set_log_sink(nullptr, nullptr);
  ow::set_log_sink(
      [](void* s, ow::LogLevel level, std::string_view message) {
        auto* to = static_cast<Sink*>(s);
        to->fn(to->user, static_cast<int32_t>(level), std::string(message).c_str());
      },
      &sink);
}

std::vector<onward_model::Port> describe(const std::vector<ow::PortInfo>& ports) {
  std::vector<onward_model::Port> out;
  for (const ow::PortInfo& p : ports) {
    onward_model::Port d{p.type.text(), {}, {}, {}};
    if (p.type.shape)
      for (const ow::Dim& dim : *p.type.shape) {
        d.dims.push_back(dim.constant().value_or(-1));
        d.names.push_back(dim.is_constant() || dim.is_unknown() ? "" : dim.text());
      }
    out.push_back(std::move(d));
    for (const std::string& n : out.back().names) out.back().name_pointers.push_back(n.c_str());
  }
  return out;
}

Status finish_load(ow::Result<std::shared_ptr<ow::Model>> loaded, onward_model** out) {
  auto made = std::make_unique<onward_model>();
  made->model = ONWARD_TRY(std::move(loaded));
  made->inputs = describe(made->model->inputs());
  made->outputs = describe(made->model->outputs());
  const auto& proto = made->model->file().model;
  auto text = [](const std::optional<ow::onnx::Text>& t) { return std::string(ow::onnx::or_default(t)); };
  made->fields = {{"producer_name", text(proto.producer_name)},
                  {"producer_version", text(proto.producer_version)},
                  {"domain", text(proto.domain)},
                  {"doc_string", text(proto.doc_string)},
                  {"graph_name", text(proto.graph->name)},
                  {"graph_doc_string", text(proto.graph->doc_string)},
                  {"ir_version", ow::cat(ow::onnx::or_default(proto.ir_version))},
                  {"model_version", ow::cat(ow::onnx::or_default(proto.model_version))}};
  for (const auto& entry : proto.metadata_props)
    made->metadata.emplace_back(text(entry.key), text(entry.value));
  *out = made.release();
  return {};
}

onward_status* model_load(const char* path, const onward_model_options*, onward_model** out) {
  return guarded([&]() -> Status {
    if (!path || !out) return null_argument(path ? "model" : "path");
    return finish_load(ow::Model::load(path), out);
  });
}

onward_status* model_load_bytes(const void* data, size_t bytes, const onward_model_options* options,
                                onward_model** out) {
  return guarded([&]() -> Status {
    if (!data || !out) return null_argument(data ? "model" : "data");
    const auto o = read_options(options);
    return finish_load(ow::Model::load_bytes({static_cast<const std::byte*>(data), bytes},
                                             o.external_data_folder ? o.external_data_folder : ""),
                       out);
  });
}

void model_free(onward_model* m) { delete m; }
size_t model_input_count(const onward_model* m) { return m ? m->inputs.size() : 0; }
size_t model_output_count(const onward_model* m) { return m ? m->outputs.size() : 0; }

onward_kind kind_of(const ow::ir::Type& t) {
  switch (t.kind) {
    case ow::ir::Type::Kind::kTensor:
      return ONWARD_TENSOR;
    case ow::ir::Type::Kind::kSequence:
      return ONWARD_SEQUENCE;
    case ow::ir::Type::Kind::kMap:
      return ONWARD_MAP;
    case ow::ir::Type::Kind::kSparseTensor:
      return ONWARD_SPARSE_TENSOR;
    case ow::ir::Type::Kind::kOptional:
      return t.element ? kind_of(*t.element) : ONWARD_NOTHING;
    default:
      return ONWARD_NOTHING;
  }
}

Status fill_info(const std::vector<ow::PortInfo>& ports, const std::vector<onward_model::Port>& texts,
                 size_t i, onward_value_info* out) {
  if (!out) return null_argument("info");
  if (i >= ports.size()) return ow::invalid_argument("index ", i, " is outside ", ports.size(), " values");
  const ow::PortInfo& p = ports[i];
  const onward_model::Port& t = texts[i];
  onward_value_info info{};
  info.size = std::min(out->size ? out->size : sizeof info, sizeof info);
  info.name = p.name.c_str();
  info.type_text = t.type_text.c_str();
  info.kind = kind_of(p.type);
  info.dtype = static_cast<onward_dtype>(p.type.dtype);
  info.has_rank = p.type.shape.has_value();
  info.rank = t.dims.size();
  info.dims = t.dims.data();
  info.dim_names = t.name_pointers.data();
  info.is_optional = p.is_optional;
  std::memcpy(out, &info, info.size);
  return {};
}

onward_status* model_input(const onward_model* m, size_t i, onward_value_info* out) {
  return guarded(
      [&] { return m ? fill_info(m->model->inputs(), m->inputs, i, out) : null_argument("model"); });
}
onward_status* model_output(const onward_model* m, size_t i, onward_value_info* out) {
  return guarded(
      [&] { return m ? fill_info(m->model->outputs(), m->outputs, i, out) : null_argument("model"); });
}

const char* model_field(const onward_model* m, const char* name) {
  if (!m || !name) return nullptr;
  for (const auto& [key, value] : m->fields)
    if (key == name) return value.c_str();
  return nullptr;
}
size_t model_metadata_count(const onward_model* m) { return m ? m->metadata.size() : 0; }
const char* model_metadata_key(const onward_model* m, size_t i) {
  return m && i < m->metadata.size() ? m->metadata[i].first.c_str() : nullptr;
}
const char* model_metadata_value(const onward_model* m, size_t i) {
  return m && i < m->metadata.size() ? m->metadata[i].second.c_str() : nullptr;
}

onward_status* session_create(onward_model* m, const onward_session_options* options, onward_session** out) {
  return guarded([&]() -> Status {
    if (!m || !out) return null_argument(m ? "session" : "model");
    const auto o = read_options(options);
    ow::SessionOptions so;
    so.threads = o.threads;
    so.level = o.optimization == ONWARD_OPTIMIZE_OFF     ? ow::Level::kOff
               : o.optimization == ONWARD_OPTIMIZE_BASIC ? ow::Level::kBasic
                                                         : ow::Level::kFull;
    so.memory_limit_bytes = o.memory_limit_bytes;
    if (o.provider_count && !o.providers) return null_argument("providers");
    for (size_t i = 0; i < o.provider_count; ++i)
      so.providers.emplace_back(o.providers[i] ? o.providers[i] : "");
    so.strict_providers = o.strict_providers != 0;
    so.profile = o.profile != 0;
    if (o.profile_path) so.profile_path = o.profile_path;
    auto made = std::make_unique<onward_session>();
    made->session = ONWARD_TRY(ow::Session::create(m->model, so));
    *out = made.release();
    return {};
  });
}
void session_free(onward_session* s) { delete s; }

onward_status* session_run(onward_session* s, const onward_run_options* options,
                           const char* const* input_names, const onward_value* const* inputs,
                           size_t input_count, const char* const* output_names, size_t output_count,
                           onward_value** outputs) {
  return guarded([&]() -> Status {
    if (!s || !outputs) return null_argument(s ? "outputs" : "session");
    if (input_count && (!input_names || !inputs))
      return null_argument(input_names ? "inputs" : "input_names");
    const auto o = read_options(options);
    // The caller may free the handle while the run goes on.
    const auto cancel = o.cancel ? o.cancel->flag : nullptr;
    std::vector<std::pair<std::string_view, ow::Value>> fed;
    for (size_t i = 0; i < input_count; ++i) {
      if (!input_names[i]) return null_argument("an input name");
      fed.emplace_back(input_names[i], inputs[i] ? inputs[i]->value : ow::Value());
    }
    std::vector<std::string_view> wanted;
    for (size_t i = 0; i < output_count; ++i) {
      if (!output_names || !output_names[i]) return null_argument("an output name");
      wanted.emplace_back(output_names[i]);
    }
    ow::RunOptions ro{std::chrono::microseconds(o.timeout_us), cancel.get(), o.memory_limit_bytes};
    auto results = ONWARD_TRY(s->session->run(fed, wanted, ro));
    std::vector<std::unique_ptr<onward_value>> made;
    for (ow::Value& v : results)
      made.push_back(std::unique_ptr<onward_value>(new onward_value{std::move(v)}));
    for (size_t i = 0; i < made.size(); ++i) outputs[i] = made[i].release();
    return {};
  });
}

const char* session_placement_json(onward_session* s) {
  if (!s) return "";
  return guarded_text([&] {
    std::lock_guard lock(s->mutex);
    if (s->placement.empty()) s->placement = s->session->placement_json();
    return s->placement.c_str();
  });
}
const char* session_profile_json(onward_session* s) {
  if (!s || !s->session->profiler()) return "[]";
  return guarded_text([&] {
    std::lock_guard lock(s->mutex);
    s->profile = s->session->profiler()->summary_json();
    return s->profile.c_str();
  });
}
void session_trim(onward_session* s) {
  if (s) s->session->trim();
}

onward_kind value_kind(const onward_value* v) {
  if (!v || !v->value.has_value()) return ONWARD_NOTHING;
  if (v->value.tensor()) return ONWARD_TENSOR;
  if (v->value.sequence()) return ONWARD_SEQUENCE;
  return v->value.map() ? ONWARD_MAP : ONWARD_SPARSE_TENSOR;
}
void value_free(onward_value* v) { delete v; }

onward_status* tensor_create(onward_dtype dtype, const int64_t* dims, size_t rank, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (rank && !dims)) return null_argument("dims or value");
    auto t =
        ONWARD_TRY(ow::Tensor::allocate(static_cast<ow::DType>(dtype), ow::Shape(std::span(dims, rank))));
    *out = new onward_value{std::move(t)};
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
    const auto type = static_cast<ow::DType>(dtype);
    const ow::Shape shape(std::span(dims, rank));
    const int64_t count = shape.count();
    const auto needed = count < 0 || type == ow::DType::kString || !ow::is_valid(type)
                            ? std::nullopt
                            : ow::storage_bytes(type, count);
    if (!needed)
      return ow::invalid_argument("a tensor of type ", type, " and shape ", shape, " cannot be wrapped");
    if (static_cast<size_t>(*needed) != bytes || (bytes && !data))
      return ow::invalid_argument("a tensor of type ", type, " and shape ", shape, " has ", *needed,
                                  " bytes, the memory ", bytes);
    // Armed last: after an error the memory is still the caller's, and `release` is not called.
    const auto owner = release ? std::make_shared<Release>() : nullptr;
    *out = new onward_value{ow::Tensor::borrow(type, shape, data, owner)};
    if (owner) owner->user = user, owner->release = release;
    return {};
  });
}

const ow::Tensor* tensor_of(const onward_value* v) { return v ? v->value.tensor() : nullptr; }
onward_dtype tensor_dtype(const onward_value* v) {
  return tensor_of(v) ? static_cast<onward_dtype>(tensor_of(v)->dtype()) : ONWARD_UNDEFINED;
}
size_t tensor_rank(const onward_value* v) { return tensor_of(v) ? tensor_of(v)->rank() : 0; }
const int64_t* tensor_dims(const onward_value* v) {
  return tensor_of(v) ? tensor_of(v)->shape().data() : nullptr;
}
bool is_string(const ow::Tensor* t) { return t->dtype() == ow::DType::kString; }
size_t tensor_bytes(const onward_value* v) {
  return tensor_of(v) && !is_string(tensor_of(v)) ? static_cast<size_t>(tensor_of(v)->bytes()) : 0;
}
void* tensor_data(onward_value* v) {
  return tensor_of(v) && !is_string(tensor_of(v)) ? v->value.tensor()->mutable_raw() : nullptr;
}

const char* tensor_string(const onward_value* v, size_t i, size_t* bytes) {
  const ow::Tensor* t = tensor_of(v);
  if (!t || !is_string(t) || i >= static_cast<size_t>(t->count())) return nullptr;
  const std::string& s = t->data<std::string>()[i];
  if (bytes) *bytes = s.size();
  return s.c_str();
}
onward_status* tensor_set_string(onward_value* v, size_t i, const char* text, size_t bytes) {
  return guarded([&]() -> Status {
    ow::Tensor* t = v ? v->value.tensor() : nullptr;
    if (!t || !is_string(t)) return ow::invalid_argument("the value is not a tensor of strings");
    if (i >= static_cast<size_t>(t->count()))
      return ow::invalid_argument("index ", i, " is outside ", t->count(), " strings");
    t->mutable_data<std::string>()[i].assign(text ? text : "", text ? bytes : 0);
    return {};
  });
}

size_t sequence_count(const onward_value* v) {
  return v && v->value.sequence() ? v->value.sequence()->size() : 0;
}
onward_status* sequence_at(const onward_value* v, size_t i, onward_value** out) {
  return guarded([&]() -> Status {
    const ow::Sequence* s = v ? v->value.sequence() : nullptr;
    if (!s || !out) return ow::invalid_argument("the value is not a sequence");
    if (i >= s->size()) return ow::invalid_argument("index ", i, " is outside a sequence of ", s->size());
    *out = new onward_value{(*s)[i]};
    return {};
  });
}
onward_status* sequence_create(const onward_value* const* items, size_t count, onward_value** out) {
  return guarded([&]() -> Status {
    if (!out || (count && !items)) return null_argument("items or value");
    ow::Sequence s;
    for (size_t i = 0; i < count; ++i)
      s.push_back(items[i] ? ONWARD_TRY(items[i]->value.owned()) : ow::Value());
    *out = new onward_value{ow::Value(std::move(s))};
    return {};
  });
}
size_t map_count(const onward_value* v) { return v && v->value.map() ? v->value.map()->items.size() : 0; }
onward_status* map_at(const onward_value* v, size_t i, const char** key, size_t* bytes, int64_t* number,
                      onward_value** item) {
  return guarded([&]() -> Status {
    const ow::MapValue* m = v ? v->value.map() : nullptr;
    if (!m || i >= m->items.size()) return ow::invalid_argument("no entry ", i, " in this value");
    const auto& [k, value] = *std::next(m->items.begin(), static_cast<std::ptrdiff_t>(i));
    const auto* text = std::get_if<std::string>(&k);
    if (key) *key = text ? text->c_str() : nullptr;
    if (bytes) *bytes = text ? text->size() : 0;
    if (number) *number = text ? 0 : std::get<int64_t>(k);
    if (item) *item = new onward_value{value};
    return {};
  });
}

onward_cancel* cancel_create() {
  try {
    return new onward_cancel;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void cancel_trigger(onward_cancel* c) {
  if (c) c->flag->store(true);
}
void cancel_reset(onward_cancel* c) {
  if (c) c->flag->store(false);
}
void cancel_free(onward_cancel* c) { delete c; }

constexpr onward_api kApi = {
    sizeof(onward_api),
    ONWARD_ABI_VERSION,
    status_code,
    status_message,
    status_free,
    library_version,
    set_log_level,
    set_log_sink,
    model_load,
    model_load_bytes,
    model_free,
    model_input_count,
    model_output_count,
    model_input,
    model_output,
    model_field,
    model_metadata_count,
    model_metadata_key,
    model_metadata_value,
    session_create,
    session_free,
    session_run,
    session_placement_json,
    session_profile_json,
    session_trim,
    value_kind,
    value_free,
    tensor_create,
    tensor_wrap,
    tensor_dtype,
    tensor_rank,
    tensor_dims,
    tensor_bytes,
    tensor_data,
    tensor_string,
    tensor_set_string,
    sequence_count,
    sequence_at,
    sequence_create,
    map_count,
    map_at,
    cancel_create,
    cancel_trigger,
    cancel_reset,
    cancel_free,
};

}  // namespace

extern "C" const onward_api* onward_get_api(uint32_t version) {
  out_of_memory();
  return version <= ONWARD_ABI_VERSION ? &kApi : nullptr;
}
