// For the tests of the C interface: calls that must succeed or fail as said, and small models.
#pragma once
#include <gmock/gmock.h>

#include <cstring>
#include <string>
#include <vector>

#include "onward/onward.h"
#include "passes/test_support.h"

namespace ow::test {

constexpr int32_t kFloat = onnx::Tensor::FLOAT;

inline const onward_api& api() { return *onward_get_api(ONWARD_ABI_VERSION); }

// Frees the status; "" on success.
inline std::string taken(onward_status* s, onward_code expected = ONWARD_OK) {
  std::string text = api().status_message(s);
  EXPECT_EQ(api().status_code(s), expected) << text;
  api().status_free(s);
  return text;
}

inline std::string taken(onward_text* t) {
  size_t size = 0;
  const char* data = api().text_data(t, &size);
  std::string text(data, size);
  api().text_free(t);
  return text;
}

// y[N,2] = Relu(x[N,2] * w), and x itself; w is an input with a default.
inline onnx::Model relu_model() {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "2"}), value("w", kFloat, {"2"})};
  g.output = {value("y", kFloat, {"N", "2"}), value("x", kFloat)};
  g.initializer = {floats("w", {2}, {1, 2})};
  g.node = {node("Mul", {"x", "w"}, {"m"}), node("Relu", {"m"}, {"y"})};
  auto m = model(g);
  m.producer_name = "tests";
  onnx::StringStringEntry entry;
  entry.key = "k";
  entry.value = "v";
  m.metadata_props = {entry};
  return m;
}

inline onward_model* load(const onnx::Model& m, const onward_model_options* options = nullptr) {
  const std::string text = bytes(m);
  onward_model* out = nullptr;
  EXPECT_EQ(taken(api().model_load_bytes(text.data(), text.size(), options, &out)), "");
  return out;
}
inline onward_model* load() { return load(relu_model()); }

inline onward_session* session(onward_model* m, const onward_session_options* options = nullptr) {
  onward_session* s = nullptr;
  EXPECT_EQ(taken(api().session_create(m, options, &s)), "");
  return s;
}
// Of a model that nobody else needs.
inline onward_session* session(const onnx::Model& m, const onward_session_options* options = nullptr) {
  onward_model* loaded = load(m);
  onward_session* s = session(loaded, options);
  api().model_free(loaded);
  return s;
}

template <class T>
T sized() {
  T out{};
  out.size = sizeof out;
  return out;
}

inline onward_value* floats_value(std::vector<int64_t> dims, const std::vector<float>& v) {
  onward_value* out = nullptr;
  EXPECT_EQ(taken(api().tensor_create(ONWARD_FLOAT32, dims.data(), dims.size(), &out)), "");
  std::memcpy(api().tensor_data(out), v.data(), v.size() * sizeof(float));
  return out;
}
inline onward_value* ints_value(std::vector<int64_t> dims, const std::vector<int64_t>& v) {
  onward_value* out = nullptr;
  EXPECT_EQ(taken(api().tensor_create(ONWARD_INT64, dims.data(), dims.size(), &out)), "");
  std::memcpy(api().tensor_data(out), v.data(), v.size() * sizeof(int64_t));
  return out;
}
inline std::vector<float> floats_of(const onward_value* v) {
  const auto* data = static_cast<const float*>(api().tensor_const_data(v));
  return {data, data + api().tensor_count(v)};
}
// Takes the value.
inline std::vector<float> floats_taken(onward_value* v) {
  auto out = floats_of(v);
  api().value_free(v);
  return out;
}

}  // namespace ow::test
