// The C interface (onward.h) over Model, Session and Value: the process, and the table of all functions.
#include "runtime/c_api.h"

#include <mutex>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/thread_spin.h"
#include "kernels/cpu.h"

namespace ow::capi {

onward_status* out_of_memory() {
  alignas(onward_status) static std::byte memory[sizeof(onward_status)];
  static auto* const status =
      new (memory) onward_status{Code::kOutOfMemory, "out of memory", ONWARD_DETAIL_NONE};
  return status;
}

onward_status* wrap(Status s) {
  if (s.ok()) return nullptr;
  return new onward_status{s.code(), std::string(s.message()), ONWARD_DETAIL_NONE};
}

Result<MemorySource> read_allocator(const onward_allocator* given) {
  const onward_allocator a = ONWARD_TRY(read_struct(given, "onward_allocator"));
  if (given && (!a.alloc || !a.free)) return null_argument(a.alloc ? "the allocator's free" : "its alloc");
  return MemorySource{a.alloc, a.free, a.user};
}

namespace {

onward_code status_code(const onward_status* s) { return s ? static_cast<onward_code>(s->code) : ONWARD_OK; }
const char* status_message(const onward_status* s) { return s ? s->message.c_str() : ""; }
void status_free(onward_status* s) {
  if (s != out_of_memory()) delete s;
}
onward_detail status_detail(const onward_status* s) { return s ? s->detail : ONWARD_DETAIL_NONE; }
const char* library_version() { return ONWARD_VERSION; }
void set_log_level(int32_t level) { ow::set_log_level(static_cast<LogLevel>(std::clamp(level, 0, 4))); }

struct Sink {
  onward_log_fn fn;
  void* user;
};
void set_log_sink(onward_log_fn fn, void* user) {
  static constinit std::mutex mutex;
  static Sink* current = nullptr;  // one per process, as the log itself
  std::lock_guard lock(mutex);
  Sink* const made = fn ? new (std::nothrow) Sink{fn, user} : nullptr;
  const LogSink call = [](void* s, LogLevel level, std::string_view message) {
    auto* to = static_cast<Sink*>(s);
    to->fn(to->user, static_cast<int32_t>(level), std::string(message).c_str());
  };
  ow::set_log_sink(made ? call : nullptr, made);
  delete std::exchange(current, made);  // nobody calls it any more
}

const char* code_name(onward_code code) {
  return code >= ONWARD_OK && code <= ONWARD_INTERNAL ? ow::code_name(static_cast<Code>(code)) : "Unknown";
}
bool is_dtype(onward_dtype t) { return is_valid(static_cast<DType>(t)); }
const char* dtype_name(onward_dtype t) {
  return is_dtype(t) ? ow::dtype_name(static_cast<DType>(t)) : "undefined";
}
int32_t dtype_bits(onward_dtype t) { return is_dtype(t) ? bit_width(static_cast<DType>(t)) : 0; }

const char* build_info() {
  static const std::string* const text = new std::string(cat("onward ", ONWARD_VERSION,
#if defined(__x86_64__)
                                                             ", x86-64, ",
#elif defined(__aarch64__)
                                                             ", arm64, ",
#elif defined(__wasm__)
                                                             ", wasm, ",
#else
                                                             ", ",
#endif
                                                             kernels::isa_name(kernels::best_isa()),
#if defined(__clang__)
                                                             ", clang ", __clang_major__, ".", __clang_minor__
#else
                                                             ", gcc ", __GNUC__, ".", __GNUC_MINOR__
#endif
                                                             ));
  return text->c_str();
}
size_t provider_count() { return 1; }
const char* provider_name(size_t i) { return i == 0 ? "cpu" : nullptr; }
void set_thread_spin_us(int64_t us) { ow::set_thread_spin_us(us); }
const char* text_data(const onward_text* t, size_t* bytes) {
  if (bytes) *bytes = t ? t->text.size() : 0;
  return t ? t->text.c_str() : "";
}
void text_free(onward_text* t) { delete t; }

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
int32_t cancel_triggered(const onward_cancel* c) { return c && c->flag->load(); }

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
    code_name,
    dtype_name,
    dtype_bits,
    build_info,
    provider_count,
    provider_name,
    set_thread_spin_us,
    text_data,
    text_free,
    cancel_triggered,
    model_opset_count,
    model_opset,
    type_describe,
    inspect_json,
    check_json,
    session_input_count,
    session_output_count,
    session_input,
    session_output,
    session_run_into,
    session_run_async,
    session_profile_start,
    session_profile_stop,
    session_trace_json,
    session_report_json,
    config_count,
    config_key,
    config_meaning,
    context_create,
    context_free,
    context_bind_input,
    context_bind_output,
    context_clear,
    context_run,
    context_output_count,
    context_output_name,
    context_output,
    value_share,
    value_copy,
    tensor_create_with,
    tensor_view,
    tensor_count,
    tensor_const_data,
    map_create,
    map_create_strings,
    map_key_type,
    optional_create,
    sparse_create,
    sparse_rank,
    sparse_dims,
    sparse_values,
    sparse_indices,
    status_detail,
    model_optimize,
    set_image_decoder,
    image_pixels,
    image_fail,
};

}  // namespace
}  // namespace ow::capi

extern "C" const onward_api* onward_get_api(uint32_t version) {
  ow::capi::out_of_memory();
  return version <= ONWARD_ABI_VERSION ? &ow::capi::kApi : nullptr;
}
