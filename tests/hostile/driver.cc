// One hostile case in one process: loads a model, runs it at each optimization level, and then answers a good
// request, because a bad model must not harm the next one. run.py starts it under limits and judges what it
// prints.
//
//   hostile_driver CASE.txt
//
// CASE.txt, one setting a line; `load` reads through a path, `bytes` from memory:
//
//   load PATH | bytes PATH          the hostile model
//   input NAME DTYPE 2x3 HEX        a tensor; strings are pieces of hex, each ended by ','
//   timeout_us N | memory_limit N | cancel_us N | threads N
//   truncate PATH BYTES             cut this file to so many bytes between load and run
//   good PATH                       a model that computes y = 2 x over float[3]
//
// Prints one JSON object a line: {"stage":"load","code":1,"message":".."}, then one a level for "session" or
// "run" with the outputs' bytes, then {"stage":"good","code":0}.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "onward/onward.h"

namespace {

const onward_api* ow = nullptr;

struct Input {
  std::string name;
  onward_value* value = nullptr;
};

struct Case {
  std::string model, good;
  bool from_memory = false;
  std::vector<Input> inputs;
  std::vector<std::pair<std::string, long>> truncations;
  int64_t timeout_us = 0, memory_limit = 0, cancel_us = 0;
  int32_t threads = 0;
};

[[noreturn]] void broken(const std::string& what) {
  std::fprintf(stderr, "hostile_driver: %s\n", what.c_str());
  std::exit(3);
}

std::string json_text(const char* text) {
  std::string out = "\"";
  for (const char* c = text; *c; ++c) {
    const auto byte = static_cast<unsigned char>(*c);
    char escaped[8];
    if (byte < 0x20 || byte == '"' || byte == '\\') {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += *c;
    }
  }
  return out + "\"";
}

// Prints the outcome of a stage; takes the status.
onward_code report(const char* stage, const char* level, onward_status* status,
                   const std::string& more = "") {
  const onward_code code = ow->status_code(status);
  std::printf("{\"stage\":\"%s\",\"level\":\"%s\",\"code\":%d,\"message\":%s%s}\n", stage, level, code,
              json_text(ow->status_message(status)).c_str(), more.c_str());
  std::fflush(stdout);
  ow->status_free(status);
  return code;
}

std::vector<char> from_hex(const std::string& hex) {
  std::vector<char> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::strtol(hex.substr(i, 2).c_str(), nullptr, 16)));
  return out;
}

onward_value* make_input(onward_dtype dtype, const std::string& dims_text, const std::string& hex) {
  std::vector<int64_t> dims;
  std::stringstream stream(dims_text);
  for (std::string d; std::getline(stream, d, 'x');)
    if (!d.empty()) dims.push_back(std::stoll(d));
  onward_value* value = nullptr;
  if (onward_status* s = ow->tensor_create(dtype, dims.data(), dims.size(), &value))
    broken(ow->status_message(s));
  if (dtype == ONWARD_STRING) {
    std::stringstream pieces(hex);
    size_t i = 0;
    for (std::string piece; std::getline(pieces, piece, ','); ++i) {
      const auto bytes = from_hex(piece);
      if (onward_status* s = ow->tensor_set_string(value, i, bytes.data(), bytes.size()))
        broken(ow->status_message(s));
    }
  } else {
    const auto bytes = from_hex(hex);
    if (bytes.size() != ow->tensor_bytes(value)) broken("an input's bytes do not fit its shape");
    if (!bytes.empty()) std::memcpy(ow->tensor_data(value), bytes.data(), bytes.size());
  }
  return value;
}

Case read_case(const char* path) {
  Case c;
  std::ifstream file(path);
  if (!file) broken(std::string("cannot read ") + path);
  for (std::string line; std::getline(file, line);) {
    std::stringstream words(line);
    std::string key;
    words >> key;
    if (key == "load" || key == "bytes") {
      words >> c.model;
      c.from_memory = key == "bytes";
    } else if (key == "input") {
      std::string name, dims, hex;
      int dtype = 0;
      words >> name >> dtype >> dims >> hex;
      c.inputs.push_back({name, make_input(static_cast<onward_dtype>(dtype), dims == "-" ? "" : dims, hex)});
    } else if (key == "timeout_us") {
      words >> c.timeout_us;
    } else if (key == "memory_limit") {
      words >> c.memory_limit;
    } else if (key == "cancel_us") {
      words >> c.cancel_us;
    } else if (key == "threads") {
      words >> c.threads;
    } else if (key == "truncate") {
      auto& t = c.truncations.emplace_back();
      words >> t.first >> t.second;
    } else if (key == "good") {
      words >> c.good;
    } else {
      broken("unknown setting " + key);
    }
  }
  return c;
}

onward_status* load(const std::string& path, bool from_memory, onward_model** out) {
  if (!from_memory) return ow->model_load(path.c_str(), nullptr, out);
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return ow->model_load_bytes(bytes.data(), bytes.size(), nullptr, out);
}

// The first bytes of an output, as hex, or its strings.
std::string output_json(const onward_value* v) {
  if (ow->value_kind(v) != ONWARD_TENSOR) return "{\"kind\":" + std::to_string(ow->value_kind(v)) + "}";
  std::string out = "{\"dtype\":" + std::to_string(ow->tensor_dtype(v)) + ",\"dims\":[";
  for (size_t i = 0; i < ow->tensor_rank(v); ++i)
    out += (i ? "," : "") + std::to_string(ow->tensor_dims(v)[i]);
  out += "],\"hex\":\"";
  const auto* data = static_cast<const unsigned char*>(ow->tensor_data(const_cast<onward_value*>(v)));
  for (size_t i = 0; i < ow->tensor_bytes(v) && i < 256; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", data[i]);
    out += two;
  }
  return out + "\"}";
}

void run_level(const Case& c, onward_model* model, onward_optimization level, const char* level_name) {
  onward_session_options options{};
  options.size = sizeof options;
  options.optimization = level;
  options.memory_limit_bytes = c.memory_limit;
  options.threads = c.threads;
  onward_session* session = nullptr;
  if (onward_status* s = ow->session_create(model, &options, &session)) {
    report("session", level_name, s);
    return;
  }
  onward_run_options run{};
  run.size = sizeof run;
  run.timeout_us = c.timeout_us;
  std::thread canceller;
  if (c.cancel_us) {
    run.cancel = ow->cancel_create();
    canceller = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(c.cancel_us));
      ow->cancel_trigger(run.cancel);
    });
  }
  std::vector<const char*> names;
  std::vector<const onward_value*> values;
  for (const Input& i : c.inputs) {
    names.push_back(i.name.c_str());
    values.push_back(i.value);
  }
  std::vector<onward_value*> outputs(ow->model_output_count(model), nullptr);
  const auto start = std::chrono::steady_clock::now();
  onward_status* s =
      ow->session_run(session, &run, names.data(), values.data(), names.size(), nullptr, 0, outputs.data());
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  std::string more = ",\"ms\":" + std::to_string(ms.count()) + ",\"outputs\":[";
  if (!s)
    for (size_t i = 0; i < outputs.size(); ++i) more += (i ? "," : "") + output_json(outputs[i]);
  report("run", level_name, s, more + "]");
  for (onward_value* v : outputs) ow->value_free(v);
  ow->session_free(session);
  if (canceller.joinable()) canceller.join();
  ow->cancel_free(run.cancel);
}

// y = 2 x, from file to result.
onward_status* good_request(const std::string& path, bool& right) {
  onward_model* model = nullptr;
  onward_session* session = nullptr;
  onward_value *x = nullptr, *y = nullptr;
  const int64_t dims[] = {3};
  const char* name = "x";
  onward_status* s = load(path, false, &model);
  if (!s) s = ow->session_create(model, nullptr, &session);
  if (!s) s = ow->tensor_create(ONWARD_FLOAT32, dims, 1, &x);
  if (!s) {
    const float values[] = {1, -2, 0.5f};
    std::memcpy(ow->tensor_data(x), values, sizeof values);
    const onward_value* inputs[] = {x};
    s = ow->session_run(session, nullptr, &name, inputs, 1, nullptr, 0, &y);
  }
  const float expected[] = {2, -4, 1};
  right = y && ow->tensor_bytes(y) == sizeof expected &&
          !std::memcmp(ow->tensor_data(y), expected, sizeof expected);
  ow->value_free(x);
  ow->value_free(y);
  ow->session_free(session);
  ow->model_free(model);
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  ow = onward_get_api(ONWARD_ABI_VERSION);
  if (argc != 2 || !ow) broken("usage: hostile_driver CASE.txt");
  Case c = read_case(argv[1]);
  onward_model* model = nullptr;
  const onward_code loaded = report("load", "", load(c.model, c.from_memory, &model));
  for (const auto& [path, bytes] : c.truncations)
    if (::truncate(path.c_str(), bytes) != 0) broken("cannot truncate " + path);
  if (loaded == ONWARD_OK) {
    run_level(c, model, ONWARD_OPTIMIZE_FULL, "full");
    run_level(c, model, ONWARD_OPTIMIZE_OFF, "off");
  }
  ow->model_free(model);
  for (Input& i : c.inputs) ow->value_free(i.value);
  bool right = false;
  onward_status* s = good_request(c.good, right);
  report("good", "", s, right ? ",\"right\":true" : ",\"right\":false");
  return 0;
}
