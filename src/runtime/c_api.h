// The objects behind the handles of onward.h, and what its functions share. One file for each group of
// functions: c_api.cc (process, the table), c_api_model.cc, c_api_report.cc, c_api_session.cc,
// c_api_options.cc, c_api_context.cc, c_api_value.cc, c_api_image.cc. Nothing throws through them.
#pragma once
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>

#include "base/out_of_memory.h"
#include "onward/onward.h"
#include "runtime/session.h"

struct onward_status {
  ow::Code code;
  std::string message;
  onward_detail detail = ONWARD_DETAIL_NONE;
};
struct onward_text {
  std::string text;
};
// One node of a type, with what type_describe hands out.
struct onward_type {
  ow::ir::Type type;
  std::string text, denotation;
  std::vector<int64_t> dims;
  std::vector<std::string> names, denotations;
  std::vector<const char*> name_pointers, denotation_pointers;
  std::unique_ptr<onward_type> element;
};

namespace ow::capi {

struct Port {
  std::string name, doc_string;
  bool is_optional = false;
  std::unique_ptr<onward_type> type;
};
// Descriptions for the ports of a model or session; denotations and texts are the file's.
std::vector<Port> describe(const std::vector<PortInfo>& ports, const std::vector<onnx::ValueInfo>& infos);
Status fill_info(const std::vector<Port>& ports, size_t i, onward_value_info* out);

}  // namespace ow::capi

struct onward_model {
  std::shared_ptr<ow::Model> model;
  std::vector<ow::capi::Port> inputs, outputs;
  std::vector<std::pair<std::string, std::string>> metadata, fields;
  std::vector<std::pair<std::string, int64_t>> opsets;
};
struct onward_session {
  std::shared_ptr<ow::Session> session;
  std::vector<ow::capi::Port> inputs, outputs;
  std::string placement, profile;
  std::mutex mutex;
};
struct onward_value {
  ow::Value value;
};
struct onward_cancel {
  std::shared_ptr<std::atomic<bool>> flag = std::make_shared<std::atomic<bool>>(false);
};

namespace ow::capi {

// Made before it is needed, and never freed.
onward_status* out_of_memory();
onward_status* wrap(Status s);

// Runs `body`, which returns a Status, and turns what it throws into one.
template <class F>
onward_status* guarded(F&& body) noexcept {
  try {
    return wrap(body());
  } catch (const OutOfMemory& e) {
    try {
      return wrap({Code::kOutOfMemory, e.what()});
    } catch (...) {
      return out_of_memory();
    }
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::length_error&) {  // a container beyond what can be addressed
    return out_of_memory();
  } catch (const std::exception& e) {
    try {
      return wrap(internal_error(e.what()));
    } catch (...) {
      return out_of_memory();
    }
  }
}

// The same for functions that return text of their own: null where it could not be made.
template <class F>
const char* guarded_text(F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return nullptr;
  }
}

inline Status null_argument(const char* what) { return invalid_argument(what, " is null"); }

// Copies the caller's struct. An older program knows only its first part; of a newer program's, only zeros
// may lie beyond what is known here.
template <class T>
Result<T> read_struct(const T* given, const char* what) {
  T out{};
  if (!given) return out;
  if (given->size < sizeof(size_t))
    return invalid_argument(what, ": size is ", given->size, ", expected sizeof the struct");
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(T); i < given->size; ++i)
    if (bytes[i])
      return unsupported(what, " has a field that this library (", ONWARD_VERSION, ") is too old to know");
  std::memcpy(static_cast<void*>(&out), given, std::min(sizeof(T), given->size));
  return out;
}

inline const Tensor* tensor_of(const onward_value* v) { return v ? v->value.tensor() : nullptr; }
inline Tensor* tensor_of(onward_value* v) { return v ? v->value.tensor() : nullptr; }
inline onward_value* new_value(Value v) { return new onward_value{std::move(v)}; }
inline onward_text* new_text(std::string s) { return new onward_text{std::move(s)}; }

Result<MemorySource> read_allocator(const onward_allocator* given);
Result<SessionOptions> read_session_options(const onward_session_options* given);
Result<LoadOptions> read_model_options(const onward_model_options* given);
// Tensors by name, as an option gives them.
Result<std::map<std::string, Tensor, std::less<>>> read_initializers(const char* const* names,
                                                                     const onward_value* const* values,
                                                                     size_t count);
Result<std::map<std::string, int64_t, std::less<>>> read_sizes(const char* const* names, const int64_t* sizes,
                                                               size_t count);

// What a run needs of its arguments; holds everything alive.
struct RunRequest {
  std::shared_ptr<Session> session;
  std::shared_ptr<std::atomic<bool>> cancel;
  RunOptions options;
  std::vector<std::string> input_names, output_names;  // no output names: all outputs
  std::vector<Value> inputs;
  std::vector<onward_value*> targets;  // none, or one for each output; may be null
};
Status read_run_options(const onward_run_options* given, RunRequest& request);
// The request's outputs in order; nullptr in the place of a target. Errors: those of Session::run.
Result<std::vector<std::unique_ptr<onward_value>>> run(const RunRequest& request);

// The functions of the table.
onward_status* model_load(const char*, const onward_model_options*, onward_model**);
onward_status* model_load_bytes(const void*, size_t, const onward_model_options*, onward_model**);
void model_free(onward_model*);
size_t model_input_count(const onward_model*);
size_t model_output_count(const onward_model*);
onward_status* model_input(const onward_model*, size_t, onward_value_info*);
onward_status* model_output(const onward_model*, size_t, onward_value_info*);
const char* model_field(const onward_model*, const char*);
size_t model_metadata_count(const onward_model*);
const char* model_metadata_key(const onward_model*, size_t);
const char* model_metadata_value(const onward_model*, size_t);
onward_status* model_optimize(onward_model*, const onward_session_options*, const onward_save_options*,
                              onward_text**);
size_t model_opset_count(const onward_model*);
onward_status* model_opset(const onward_model*, size_t, const char**, int64_t*);
onward_status* type_describe(const onward_type*, onward_type_info*);
onward_status* inspect_json(const onward_source*, const onward_inspect_options*, onward_text**);
onward_status* check_json(const onward_source*, const onward_check_options*, onward_text**);

onward_status* session_create(onward_model*, const onward_session_options*, onward_session**);
void session_free(onward_session*);
onward_status* session_run(onward_session*, const onward_run_options*, const char* const*,
                           const onward_value* const*, size_t, const char* const*, size_t, onward_value**);
const char* session_placement_json(onward_session*);
const char* session_profile_json(onward_session*);
void session_trim(onward_session*);
size_t session_input_count(const onward_session*);
size_t session_output_count(const onward_session*);
onward_status* session_input(const onward_session*, size_t, onward_value_info*);
onward_status* session_output(const onward_session*, size_t, onward_value_info*);
onward_status* session_run_into(onward_session*, const onward_run_options*, const char* const*,
                                const onward_value* const*, size_t, const char* const*, size_t,
                                onward_value**);
onward_status* session_run_async(onward_session*, const onward_run_options*, const char* const*,
                                 const onward_value* const*, size_t, const char* const*, size_t,
                                 onward_value* const*, onward_done_fn, void*);
onward_status* session_profile_start(onward_session*);
onward_status* session_profile_stop(onward_session*);
onward_status* session_trace_json(onward_session*, onward_text**);
onward_status* session_report_json(onward_session*, onward_text**);
size_t config_count();
const char* config_key(size_t);
const char* config_meaning(size_t);

onward_status* context_create(onward_session*, onward_context**);
void context_free(onward_context*);
onward_status* context_bind_input(onward_context*, const char*, const onward_value*);
onward_status* context_bind_output(onward_context*, const char*, onward_value*);
void context_clear(onward_context*, int32_t, int32_t);
onward_status* context_run(onward_context*, const onward_run_options*);
size_t context_output_count(const onward_context*);
const char* context_output_name(const onward_context*, size_t);
onward_status* context_output(const onward_context*, size_t, onward_value**);

onward_kind value_kind(const onward_value*);
void value_free(onward_value*);
onward_status* tensor_create(onward_dtype, const int64_t*, size_t, onward_value**);
onward_status* tensor_wrap(onward_dtype, const int64_t*, size_t, void*, size_t, onward_release_fn, void*,
                           onward_value**);
onward_dtype tensor_dtype(const onward_value*);
size_t tensor_rank(const onward_value*);
const int64_t* tensor_dims(const onward_value*);
size_t tensor_bytes(const onward_value*);
void* tensor_data(onward_value*);
const char* tensor_string(const onward_value*, size_t, size_t*);
onward_status* tensor_set_string(onward_value*, size_t, const char*, size_t);
onward_status* value_share(const onward_value*, onward_value**);
onward_status* value_copy(const onward_value*, onward_value**);
onward_status* tensor_create_with(const onward_allocator*, onward_dtype, const int64_t*, size_t,
                                  onward_value**);
onward_status* tensor_view(const onward_value*, size_t, const int64_t*, size_t, onward_value**);
size_t tensor_count(const onward_value*);
const void* tensor_const_data(const onward_value*);

size_t sequence_count(const onward_value*);
onward_status* sequence_at(const onward_value*, size_t, onward_value**);
onward_status* sequence_create(const onward_value* const*, size_t, onward_value**);
size_t map_count(const onward_value*);
onward_status* map_at(const onward_value*, size_t, const char**, size_t*, int64_t*, onward_value**);
onward_status* map_create(onward_dtype, const int64_t*, const onward_value* const*, size_t, onward_value**);
onward_status* map_create_strings(const char* const*, const size_t*, const onward_value* const*, size_t,
                                  onward_value**);
onward_dtype map_key_type(const onward_value*);
onward_status* optional_create(const onward_value*, onward_value**);
onward_status* sparse_create(const onward_value*, const onward_value*, const int64_t*, size_t,
                             onward_value**);
size_t sparse_rank(const onward_value*);
const int64_t* sparse_dims(const onward_value*);
onward_status* sparse_values(const onward_value*, onward_value**);
onward_status* sparse_indices(const onward_value*, onward_value**);

onward_status* set_image_decoder(onward_decode_image_fn, void*, onward_release_fn);
uint8_t* image_pixels(onward_image*, int64_t, int64_t);
void image_fail(onward_image*, onward_code, const char*);

}  // namespace ow::capi
