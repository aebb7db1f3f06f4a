#include "faults/request.h"

#include <cstring>

namespace ow::faults {
namespace {

constexpr int64_t kMaxElements = 65536;
constexpr int64_t kMemoryLimitBytes = 16 << 20;

const onward_api& api() {
  static const onward_api* const table = onward_get_api(ONWARD_ABI_VERSION);
  return *table;
}

uint64_t mix(uint64_t hash, const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ p[i]) * 0x100000001b3u;
  return hash;
}

uint64_t digest(uint64_t hash, const onward_value* v) {
  const onward_kind kind = api().value_kind(v);
  hash = mix(hash, &kind, sizeof kind);
  if (kind == ONWARD_TENSOR) {
    const onward_dtype dtype = api().tensor_dtype(v);
    hash = mix(hash, &dtype, sizeof dtype);
    hash = mix(hash, api().tensor_dims(v), api().tensor_rank(v) * sizeof(int64_t));
    size_t bytes = 0;
    if (dtype == ONWARD_STRING)
      for (size_t i = 0; const char* text = api().tensor_string(v, i, &bytes); ++i)
        hash = mix(hash, text, bytes);
    else
      hash = mix(hash, api().tensor_data(const_cast<onward_value*>(v)), api().tensor_bytes(v));
  }
  for (size_t i = 0; i < api().sequence_count(v) + api().map_count(v); ++i) {
    onward_value* item = nullptr;
    onward_status* status = kind == ONWARD_SEQUENCE ? api().sequence_at(v, i, &item)
                                                    : api().map_at(v, i, nullptr, nullptr, nullptr, &item);
    hash = digest(mix(hash, &i, sizeof i), item);
    api().value_free(item);
    api().status_free(status);
  }
  return hash;
}

void fill(onward_value* v, int64_t count) {
  auto* bytes = static_cast<unsigned char*>(api().tensor_data(v));
  const size_t size = api().tensor_bytes(v);
  if (api().tensor_dtype(v) == ONWARD_FLOAT32) {
    for (int64_t i = 0; i < count; ++i)
      reinterpret_cast<float*>(bytes)[i] = static_cast<float>(i % 5) * 0.5f - 1;
  } else {
    for (size_t i = 0; i < size; ++i) bytes[i] = i % 8 == 0;
  }
}

}  // namespace

Request::~Request() {
  for (onward_value* v : outputs_) api().value_free(v);
  for (onward_value* v : inputs_) api().value_free(v);
  api().session_free(session_);
  api().model_free(model_);
}

onward_code Request::done(onward_status* status) {
  const onward_code code = api().status_code(status);
  if (status) {
    std::strncpy(error_, api().status_message(status), sizeof error_ - 1);
    api().status_free(status);
  }
  return code;
}

onward_code Request::go_on() {
  onward_code code = ONWARD_OK;
  if (!model_) code = load();
  if (code == ONWARD_OK && !session_) code = open();
  if (code == ONWARD_OK) code = feed();
  if (code == ONWARD_OK && !ran_) code = run();
  return code;
}

onward_code Request::load() {
  onward_model_options options{};
  options.size = sizeof options;
  options.external_data_folder = folder_;
  return done(api().model_load_bytes(model_bytes_.data(), model_bytes_.size(), &options, &model_));
}

onward_code Request::open() {
  onward_session_options options{};
  options.size = sizeof options;
  options.threads = 1;
  options.memory_limit_bytes = kMemoryLimitBytes;
  return done(api().session_create(model_, &options, &session_));
}

onward_status* Request::make_input(const onward_value_info& info, onward_value** made) {
  int64_t dims[16] = {}, count = 1;
  for (size_t i = 0; i < info.rank; ++i) {
    dims[i] = info.dims[i] < 0 ? 2 : info.dims[i];
    count *= dims[i];
  }
  const onward_dtype dtype = info.dtype == ONWARD_UNDEFINED ? ONWARD_FLOAT32 : info.dtype;
  onward_value* tensor = nullptr;
  onward_status* status = api().tensor_create(dtype, dims, info.rank, &tensor);
  if (!status && dtype != ONWARD_STRING) fill(tensor, count);
  for (int64_t i = 0; i < count && !status && dtype == ONWARD_STRING; ++i)
    status = api().tensor_set_string(tensor, static_cast<size_t>(i), "ab-ba", 5);
  if (!status && info.kind == ONWARD_SEQUENCE) {
    status = api().sequence_create(&tensor, 1, made);
  } else if (!status) {
    *made = tensor;
    tensor = nullptr;
  }
  api().value_free(tensor);
  return status;
}

onward_code Request::feed() {
  const size_t count = api().model_input_count(model_);
  if (count > kMaxPorts || api().model_output_count(model_) > kMaxPorts) return ONWARD_UNSUPPORTED;
  for (; input_count_ < count; ++input_count_) {
    onward_value_info info{};
    info.size = sizeof info;
    if (onward_status* status = api().model_input(model_, input_count_, &info)) return done(status);
    if (info.rank > 8) return ONWARD_UNSUPPORTED;
    int64_t elements = 1;
    for (size_t i = 0; i < info.rank && elements <= kMaxElements; ++i) {
      if (info.dims[i] > kMaxElements) return ONWARD_UNSUPPORTED;
      elements *= info.dims[i] < 0 ? 2 : info.dims[i];
    }
    if (elements > kMaxElements) return ONWARD_UNSUPPORTED;
    input_names_[input_count_] = info.name;
    if (onward_status* status = make_input(info, &inputs_[input_count_])) return done(status);
  }
  return ONWARD_OK;
}

onward_code Request::run() {
  onward_run_options options{};
  options.size = sizeof options;
  options.timeout_us = timeout_us_;
  const onward_code code =
      done(api().session_run(session_, &options, input_names_, inputs_, input_count_, nullptr, 0, outputs_));
  ran_ = code == ONWARD_OK;
  return code;
}

uint64_t Request::output_digest() const {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const onward_value* v : outputs_) hash = digest(hash, v);
  return hash;
}

}  // namespace ow::faults
