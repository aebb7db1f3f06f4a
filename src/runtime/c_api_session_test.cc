// Sessions through the C interface: options, given buffers, asynchronous runs, contexts, profiles.
#include <atomic>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/c_api_test_support.h"
#include "tensor/shape.h"

namespace ow {
namespace {

using namespace test;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kX = "x";
constexpr const char* kY = "y";

// y = Relu(x), z = y reshaped, both outputs; y's memory is z's.
onnx::Model two_views() {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2", "2"})};
  g.output = {value("y", kFloat, {"2", "2"}), value("z", kFloat, {"4"})};
  g.initializer = {ints("s", {4})};
  g.node = {node("Relu", {"x"}, {"y"}), node("Reshape", {"y", "s"}, {"z"})};
  return model(g);
}

// A Loop that only a deadline or a cancel ends within a day.
onnx::Model endless() {
  onnx::Graph body;
  body.name = "body";
  body.input = {value("i", onnx::Tensor::INT64, {}), value("c", onnx::Tensor::BOOL, {}),
                value("a", kFloat, {"2"})};
  body.output = {value("d", onnx::Tensor::BOOL, {}), value("b", kFloat, {"2"})};
  body.node = {node("Identity", {"c"}, {"d"}), node("Sin", {"a"}, {"b"})};
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2"})};
  g.output = {value("y", kFloat, {"2"})};
  g.initializer = {tensor<int64_t>("n", onnx::Tensor::INT64, {}, {int64_t{1} << 60})};
  g.node = {node("Loop", {"n", "", "x"}, {"y"}, {attr("body", body)})};
  return model(g);
}

TEST(CApiSession, WritesToTheCallersBuffers) {
  const auto& a = api();
  onward_session* s = session(relu_model());
  onward_value* x = floats_value({2, 2}, {-1, 2, 3, -4});
  float memory[5] = {9, 9, 9, 9, 9};
  const int64_t dims[] = {2, 2};
  onward_value* y = nullptr;
  EXPECT_EQ(taken(a.tensor_wrap(ONWARD_FLOAT32, dims, 2, memory, 16, nullptr, nullptr, &y)), "");
  const onward_value* in = x;
  onward_value* out[2] = {y, nullptr};
  EXPECT_EQ(taken(a.session_run_into(s, nullptr, &kX, &in, 1, nullptr, 0, out)), "");
  EXPECT_THAT(memory, ElementsAre(0, 4, 3, 0, 9));
  EXPECT_EQ(out[0], y);
  EXPECT_THAT(floats_taken(out[1]), ElementsAre(-1, 2, 3, -4));
  // An output that passes an input on is copied, and so is one whose buffer is the input's own memory.
  onward_value* same = nullptr;
  EXPECT_EQ(taken(a.value_share(x, &same)), "");
  EXPECT_EQ(taken(a.session_run_into(s, nullptr, &kX, &in, 1, &kY, 1, &same)), "");
  EXPECT_THAT(floats_of(x), ElementsAre(0, 4, 3, 0));
  onward_value* both[2] = {y, y};
  EXPECT_THAT(taken(a.session_run_into(s, nullptr, &kX, &in, 1, nullptr, 0, both), ONWARD_INVALID_ARGUMENT),
              HasSubstr("overlaps"));
  a.value_free(same);
  a.value_free(y);
  a.value_free(x);
  a.session_free(s);
}

TEST(CApiSession, BuffersOfViewsOfOneAnother) {
  const auto& a = api();
  for (const bool swapped : {false, true}) {
    onward_session* s = session(two_views());
    onward_value *x = floats_value({2, 2}, {1, -2, 3, 4}), *y = floats_value({2, 2}, {7, 7, 7, 7}),
                 *z = floats_value({4}, {8, 8, 8, 8});
    const char* names[2] = {swapped ? "z" : "y", swapped ? "y" : "z"};
    onward_value* out[2] = {swapped ? z : y, swapped ? y : z};
    const onward_value* in = x;
    for (int i = 0; i < 2; ++i)
      EXPECT_EQ(taken(a.session_run_into(s, nullptr, &kX, &in, 1, names, 2, out)), "");
    EXPECT_THAT(floats_taken(y), ElementsAre(1, 0, 3, 4));
    EXPECT_THAT(floats_taken(z), ElementsAre(1, 0, 3, 4));
    EXPECT_THAT(floats_taken(x), ElementsAre(1, -2, 3, 4));
    a.session_free(s);
  }
}

// Given buffers of the exact size, so that a sanitizer sees a kernel read or write past them; at the end the
// bits must be those of a run with memory of the library's.
TEST(CApiSession, BuffersEndWhereTheTensorEnds) {
  const auto& a = api();
  struct Case {
    std::vector<onnx::Node> nodes;
    std::vector<int64_t> in, out;
    std::vector<onnx::Tensor> weights = {};
  };
  const std::vector<float> many(3 * 5 * 9, 0.25f);
  const std::vector<Case> cases = {
      {{node("Conv", {"x", "w"}, {"y"}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})})},
       {1, 3, 7, 5},
       {1, 5, 7, 5},
       {floats("w", {5, 3, 3, 3}, many)}},
      {{node("Conv", {"x", "w"}, {"c"}), node("Relu", {"c"}, {"y"})},
       {2, 3, 7, 5},
       {2, 5, 5, 3},
       {floats("w", {5, 3, 3, 3}, many)}},
      {{node("MatMul", {"x", "w"}, {"y"})}, {3, 15}, {3, 9}, {floats("w", {15, 9}, many)}},
      {{node("Softmax", {"x"}, {"y"})}, {3, 7}, {3, 7}},
      {{node("Sigmoid", {"x"}, {"s"}), node("Add", {"s", "x"}, {"y"})}, {13}, {13}},
      {{node("Transpose", {"x"}, {"y"})}, {3, 5}, {5, 3}},
      {{node("MaxPool", {"x"}, {"y"}, {attr("kernel_shape", std::vector<int64_t>{2, 2})})},
       {1, 3, 5, 7},
       {1, 3, 4, 6}},
      {{node("ReduceMean", {"x", "w"}, {"y"})}, {5, 7}, {5, 1}, {ints("w", {1})}},
      {{node("Concat", {"x", "x"}, {"y"}, {attr("axis", int64_t{1})})}, {3, 3}, {3, 6}},
      {{node("Relu", {"x"}, {"r"}), node("Reshape", {"r", "w"}, {"y"})}, {3, 5}, {15}, {ints("w", {-1})}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(*c.nodes[0].op_type));
    auto dims = [](const std::vector<int64_t>& shape) {
      std::vector<std::string> out;
      for (int64_t d : shape) out.push_back(cat(d));
      return out;
    };
    onnx::Graph g;
    g.input = {value("x", kFloat, dims(c.in))};
    g.output = {value("y", kFloat, dims(c.out))};
    g.initializer = c.weights;
    g.node = c.nodes;
    onward_session* s = session(model(g));
    const auto size = [](const std::vector<int64_t>& shape) {
      return static_cast<size_t>(Shape(shape).count());
    };
    std::vector<float> from(size(c.in)), to(size(c.out), -7.f);
    for (size_t i = 0; i < from.size(); ++i) from[i] = float(i % 11) - 5;
    onward_value *x = nullptr, *y = nullptr, *plain = nullptr;
    EXPECT_EQ(taken(a.tensor_wrap(ONWARD_FLOAT32, c.in.data(), c.in.size(), from.data(), 4 * from.size(),
                                  nullptr, nullptr, &x)),
              "");
    EXPECT_EQ(taken(a.tensor_wrap(ONWARD_FLOAT32, c.out.data(), c.out.size(), to.data(), 4 * to.size(),
                                  nullptr, nullptr, &y)),
              "");
    const onward_value* in = x;
    EXPECT_EQ(taken(a.session_run_into(s, nullptr, &kX, &in, 1, nullptr, 0, &y)), "");
    EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, nullptr, 0, &plain)), "");
    EXPECT_EQ(to, floats_taken(plain));
    a.value_free(x);
    a.value_free(y);
    a.session_free(s);
  }
}

TEST(CApiSession, RefusesBuffersThatDoNotFit) {
  const auto& a = api();
  onward_session* s = session(relu_model());
  onward_value* x = floats_value({1, 2}, {1, 2});
  onward_value *wide = floats_value({1, 3}, {0, 0, 0}), *flat = floats_value({2}, {0, 0}),
               *ints = ints_value({1, 2}, {0, 0}), *list = nullptr;
  EXPECT_EQ(taken(a.sequence_create(nullptr, 0, &list)), "");
  const onward_value* in = x;
  for (onward_value* bad : {wide, flat, ints, list}) {
    onward_value* out = bad;
    taken(a.session_run_into(s, nullptr, &kX, &in, 1, &kY, 1, &out), ONWARD_INVALID_ARGUMENT);
    EXPECT_EQ(out, bad);
    a.value_free(bad);
  }
  taken(a.session_run_into(s, nullptr, &kX, &in, 1, &kY, 1, nullptr), ONWARD_INVALID_ARGUMENT);
  onward_value* none = nullptr;
  taken(a.session_run_into(nullptr, nullptr, &kX, &in, 1, &kY, 1, &none), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  a.value_free(x);
  a.session_free(s);
}

struct Done {
  std::promise<onward_code> code;
  std::vector<onward_value*> outputs;
  std::thread::id thread;
  static void call(void* user, onward_status* status, onward_value** outputs, size_t count) {
    auto* d = static_cast<Done*>(user);
    d->outputs.assign(outputs, outputs + count);
    d->thread = std::this_thread::get_id();
    const onward_code code = api().status_code(status);
    api().status_free(status);
    d->code.set_value(code);
  }
};

TEST(CApiSession, RunsLater) {
  const auto& a = api();
  onward_session* s = session(relu_model());
  onward_value* given = floats_value({1, 2}, {9, 9});
  std::vector<Done> done(20);
  for (size_t i = 0; i < done.size(); ++i) {
    onward_value* x = floats_value({1, 2}, {float(i), -1});
    const onward_value* in = x;
    EXPECT_EQ(taken(a.session_run_async(s, nullptr, &kX, &in, 1, &kY, 1, i == 3 ? &given : nullptr,
                                        Done::call, &done[i])),
              "");
    a.value_free(x);
  }
  a.session_free(s);  // the runs keep what they need
  for (size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(done[i].code.get_future().get(), ONWARD_OK);
    EXPECT_NE(done[i].thread, std::this_thread::get_id());
    ASSERT_EQ(done[i].outputs.size(), 1u);
    if (i == 3) EXPECT_EQ(done[i].outputs[0], given);
    EXPECT_THAT(floats_taken(done[i].outputs[0]), ElementsAre(float(i), 0));
  }
}

TEST(CApiSession, ARunLaterFailsInItsCallbackOrAtOnce) {
  const auto& a = api();
  onward_session* s = session(endless());
  onward_value* x = floats_value({2}, {1, 2});
  const onward_value* in = x;
  Done unknown, late, cancelled, never;
  const char* q = "q";
  EXPECT_EQ(taken(a.session_run_async(s, nullptr, &q, &in, 1, nullptr, 0, nullptr, Done::call, &unknown)),
            "");
  EXPECT_EQ(unknown.code.get_future().get(), ONWARD_INVALID_ARGUMENT);
  EXPECT_TRUE(unknown.outputs.empty());
  auto options = sized<onward_run_options>();
  options.timeout_us = 20000;
  EXPECT_EQ(taken(a.session_run_async(s, &options, &kX, &in, 1, nullptr, 0, nullptr, Done::call, &late)), "");
  EXPECT_EQ(late.code.get_future().get(), ONWARD_DEADLINE_EXCEEDED);
  options = sized<onward_run_options>();
  options.cancel = a.cancel_create();
  EXPECT_EQ(taken(a.session_run_async(s, &options, &kX, &in, 1, nullptr, 0, nullptr, Done::call, &cancelled)),
            "");
  EXPECT_FALSE(a.cancel_triggered(options.cancel));
  a.cancel_trigger(options.cancel);
  EXPECT_TRUE(a.cancel_triggered(options.cancel));
  a.cancel_free(options.cancel);
  EXPECT_EQ(cancelled.code.get_future().get(), ONWARD_CANCELLED);
  taken(a.session_run_async(s, nullptr, &kX, &in, 1, nullptr, 0, nullptr, nullptr, &never),
        ONWARD_INVALID_ARGUMENT);
  taken(a.session_run_async(nullptr, nullptr, &kX, &in, 1, nullptr, 0, nullptr, Done::call, &never),
        ONWARD_INVALID_ARGUMENT);
  EXPECT_FALSE(a.cancel_triggered(nullptr));
  a.value_free(x);
  a.session_free(s);
}

TEST(CApiSession, OpenDimensionsGetSizes) {
  const auto& a = api();
  auto m = relu_model();
  m.graph->input[0].type->tensor_type->shape->dim[0].denotation = "DATA_BATCH";
  for (const bool denoted : {false, true}) {
    auto o = sized<onward_session_options>();
    const char* name = denoted ? "DATA_BATCH" : "N";
    const int64_t three = 3;
    (denoted ? o.denotation_names : o.dim_names) = &name;
    (denoted ? o.denotation_sizes : o.dim_sizes) = &three;
    (denoted ? o.denotation_count : o.dim_count) = 1;
    onward_session* s = session(m, &o);
    auto info = sized<onward_value_info>();
    ASSERT_EQ(a.session_input_count(s), 2u);
    EXPECT_EQ(taken(a.session_input(s, 0, &info)), "");
    EXPECT_STREQ(info.type_text, "float[3,2]");
    EXPECT_EQ(taken(a.session_output(s, 0, &info)), "");
    EXPECT_STREQ(info.type_text, "float[3,2]");
    taken(a.session_output(s, a.session_output_count(s), &info), ONWARD_INVALID_ARGUMENT);
    onward_value *x = floats_value({1, 2}, {1, 2}), *y = nullptr;
    const onward_value* in = x;
    EXPECT_THAT(taken(a.session_run(s, nullptr, &kX, &in, 1, &kY, 1, &y), ONWARD_INVALID_ARGUMENT),
                HasSubstr("float[3,2]"));
    a.value_free(x);
    a.session_free(s);
  }
  onward_model* loaded = load(m);
  onward_session* none = nullptr;
  auto o = sized<onward_session_options>();
  const char* unknown = "M";
  int64_t size = 3;
  o.dim_names = &unknown;
  o.dim_sizes = &size;
  o.dim_count = 1;
  EXPECT_THAT(taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT),
              HasSubstr("'M'; it has N"));
  unknown = "N";
  size = -2;
  taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT);
  o.dim_sizes = nullptr;
  taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  a.model_free(loaded);
}

TEST(CApiSession, InitializersByValue) {
  const auto& a = api();
  auto m = relu_model();
  m.graph->input.pop_back();  // w is a constant
  onward_model* loaded = load(m);
  onward_value *w = floats_value({2}, {10, 100}), *x = floats_value({1, 2}, {1, 2}),
               *bad = floats_value({3}, {1, 2, 3});
  const onward_value *given = w, *in = x, *misfit = bad;
  const char* name = "w";
  auto o = sized<onward_session_options>();
  o.initializer_names = &name;
  o.initializers = &given;
  o.initializer_count = 1;
  onward_session *s = session(loaded, &o), *plain = session(loaded), *none = nullptr;
  a.value_free(w);
  onward_value* y = nullptr;
  EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
  EXPECT_THAT(floats_taken(y), ElementsAre(10, 200));
  EXPECT_EQ(taken(a.session_run(plain, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
  EXPECT_THAT(floats_taken(y), ElementsAre(1, 4));
  o.initializers = &misfit;
  EXPECT_THAT(taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT),
              HasSubstr("expected float[2]"));
  name = "v";
  EXPECT_THAT(taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT),
              HasSubstr("no initializer 'v'"));
  const onward_value* nothing = nullptr;
  o.initializers = &nothing;
  taken(a.session_create(loaded, &o, &none), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  for (onward_value* v : {x, bad}) a.value_free(v);
  a.session_free(s);
  a.session_free(plain);
  a.model_free(loaded);
}

struct Counted {
  std::atomic<int64_t> live{0}, calls{0};
  int64_t refuse_above = INT64_MAX;
  onward_allocator allocator() {
    return {sizeof(onward_allocator),
            [](void* user, size_t bytes, size_t alignment) -> void* {
              auto* c = static_cast<Counted*>(user);
              if (static_cast<int64_t>(bytes) > c->refuse_above) return nullptr;
              c->live += static_cast<int64_t>(bytes);
              ++c->calls;
              return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
            },
            [](void* user, void* memory, size_t bytes) {
              static_cast<Counted*>(user)->live -= static_cast<int64_t>(bytes);
              std::free(memory);
            },
            this};
  }
};

TEST(CApiSession, MemoryFromTheCallersAllocator) {
  const auto& a = api();
  Counted counted;
  const onward_allocator allocator = counted.allocator();
  auto o = sized<onward_session_options>();
  o.allocator = &allocator;
  o.optimization = ONWARD_OPTIMIZE_BASIC;  // both nodes stay, and so there is an arena
  onward_session* s = session(relu_model(), &o);
  const int64_t dims[] = {100, 2};
  onward_value *x = nullptr, *y = nullptr;
  EXPECT_EQ(taken(a.tensor_create_with(&allocator, ONWARD_FLOAT32, dims, 2, &x)), "");
  EXPECT_EQ(counted.calls, 1);
  std::memset(a.tensor_data(x), 0, a.tensor_bytes(x));
  const onward_value* in = x;
  EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
  EXPECT_GE(counted.calls, 3);  // the arena, and the output
  const int64_t before = counted.calls;
  EXPECT_EQ(taken(a.session_run_into(s, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
  EXPECT_EQ(counted.calls, before);  // computed in place: no memory of its own, and so no copy
  a.session_free(s);
  EXPECT_GT(counted.live, 0);
  a.value_free(x);
  a.value_free(y);
  EXPECT_EQ(counted.live, 0);
  counted.refuse_above = 0;
  taken(a.tensor_create_with(&allocator, ONWARD_FLOAT32, dims, 2, &x), ONWARD_OUT_OF_MEMORY);
  onward_allocator bad = allocator;
  bad.free = nullptr;
  taken(a.tensor_create_with(&bad, ONWARD_FLOAT32, dims, 2, &x), ONWARD_INVALID_ARGUMENT);
  bad = allocator;
  bad.alloc = [](void*, size_t, size_t) -> void* { return reinterpret_cast<void*>(8); };
  bad.free = [](void*, void*, size_t) {};
  EXPECT_THAT(taken(a.tensor_create_with(&bad, ONWARD_FLOAT32, dims, 2, &x), ONWARD_INVALID_ARGUMENT),
              HasSubstr("multiple of 64"));
}

TEST(CApiSession, OptionsAsText) {
  const auto& a = api();
  onward_model* m = load();
  onward_session* s = nullptr;
  auto create = [&](const char* key, const char* value, onward_code expected) {
    auto o = sized<onward_session_options>();
    o.config_keys = &key;
    o.config_values = &value;
    o.config_count = 1;
    std::string text = taken(a.session_create(m, &o, &s), expected);
    if (expected != ONWARD_OK) EXPECT_EQ(s, nullptr) << key;
    return text;
  };
  EXPECT_THAT(create("thread", "1", ONWARD_INVALID_ARGUMENT),
              HasSubstr("no config 'thread'; there are threads"));
  for (auto [key, value] : {std::pair("threads", "two"),
                            {"threads", "-1"},
                            {"threads", "1 "},
                            {"optimization", "all"},
                            {"profile", "yes"},
                            {"log_level", "3"},
                            {"disabled_passes", "fold,nothing"},
                            {"disabled_passes", "lower"},
                            {"memory_limit_bytes", "99999999999999999999"}})
    EXPECT_THAT(create(key, value, ONWARD_INVALID_ARGUMENT), HasSubstr("'")) << key;
  create("threads", nullptr, ONWARD_INVALID_ARGUMENT);
  create(nullptr, "1", ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(create("optimization", "basic", ONWARD_OK), "");
  onward_text* text = nullptr;
  EXPECT_EQ(taken(a.session_report_json(s, &text)), "");
  EXPECT_EQ(json::parse(taken(text))["optimization"], "basic");
  a.session_free(std::exchange(s, nullptr));
  EXPECT_EQ(create("disabled_passes", "activation,fold,elementwise", ONWARD_OK), "");
  EXPECT_EQ(taken(a.session_report_json(s, &text)), "");
  const json report = json::parse(taken(text));
  for (const json& pass : report["passes"]) EXPECT_NE(pass["name"], "activation");
  EXPECT_EQ(report["nodes"], 2);
  a.session_free(s);
  taken(a.session_report_json(nullptr, &text), ONWARD_INVALID_ARGUMENT);
  for (size_t i = 0; i < a.config_count(); ++i) EXPECT_NE(a.config_meaning(i), nullptr) << a.config_key(i);
  EXPECT_EQ(a.config_key(a.config_count()), nullptr);
  EXPECT_EQ(a.config_meaning(a.config_count()), nullptr);
  a.model_free(m);
}

TEST(CApiSession, LogsUnderItsOwnNameAndLevel) {
  const auto& a = api();
  std::vector<std::string> lines;
  auto o = sized<onward_session_options>();
  o.log_id = "nine";
  o.has_log_level = 1;
  o.log_level = 0;
  o.log_sink = [](void* user, int32_t, const char* message) {
    static_cast<std::vector<std::string>*>(user)->emplace_back(message);
  };
  o.log_user = &lines;
  onward_session* s = session(relu_model(), &o);
  onward_value *x = floats_value({1, 2}, {1, 2}), *y = nullptr;
  const onward_value* in = x;
  EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
  ASSERT_GE(lines.size(), 2u);
  for (const auto& line : lines) EXPECT_THAT(line, HasSubstr("[nine] "));
  EXPECT_THAT(lines.back(), HasSubstr("ran in"));
  a.session_free(s);
  lines.clear();
  o.log_level = 4;
  a.session_free(session(relu_model(), &o));
  EXPECT_TRUE(lines.empty());
  a.value_free(x);
  a.value_free(y);
}

TEST(CApiSession, ProfileOnAndOff) {
  const auto& a = api();
  onward_session* s = session(relu_model());
  onward_value *x = floats_value({1, 2}, {1, 2}), *y = nullptr;
  const onward_value* in = x;
  auto run = [&] {
    EXPECT_EQ(taken(a.session_run(s, nullptr, &kX, &in, 1, &kY, 1, &y)), "");
    a.value_free(y);
  };
  auto calls = [&] {
    int64_t n = 0;
    for (const json& row : json::parse(a.session_profile_json(s))) n += row["calls"].get<int64_t>();
    return n;
  };
  run();
  EXPECT_EQ(calls(), 0);
  EXPECT_EQ(taken(a.session_profile_start(s)), "");
  run();
  const int64_t once = calls();
  EXPECT_GT(once, 0);
  run();
  EXPECT_EQ(calls(), 2 * once);
  EXPECT_EQ(taken(a.session_profile_stop(s)), "");
  run();
  EXPECT_EQ(calls(), 2 * once);
  onward_text* text = nullptr;
  EXPECT_EQ(taken(a.session_trace_json(s, &text)), "");
  const json trace = json::parse(taken(text));
  EXPECT_EQ(trace.size(), static_cast<size_t>(2 * once));
  EXPECT_EQ(trace[0]["ph"], "X");
  EXPECT_EQ(taken(a.session_profile_start(s)), "");
  EXPECT_EQ(calls(), 0);
  taken(a.session_profile_start(nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.session_profile_stop(nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.session_trace_json(s, nullptr), ONWARD_INVALID_ARGUMENT);
  auto options = sized<onward_run_options>();
  options.trim_after = 1;
  EXPECT_EQ(taken(a.session_run(s, &options, &kX, &in, 1, &kY, 1, &y)), "");
  a.value_free(y);
  a.value_free(x);
  a.session_free(s);
}

TEST(CApiSession, AContextKeepsItsBindings) {
  const auto& a = api();
  onward_session* s = session(relu_model());
  onward_context* c = nullptr;
  EXPECT_EQ(taken(a.context_create(s, &c)), "");
  a.session_free(s);
  onward_value *x = floats_value({1, 2}, {-1, 2}), *y = floats_value({1, 2}, {0, 0}), *out = nullptr;
  taken(a.context_run(c, nullptr), ONWARD_INVALID_ARGUMENT);  // nothing is bound
  taken(a.context_bind_input(c, "q", x), ONWARD_INVALID_ARGUMENT);
  taken(a.context_bind_output(c, "q", y), ONWARD_INVALID_ARGUMENT);
  taken(a.context_bind_input(c, nullptr, x), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(taken(a.context_bind_input(c, "x", x)), "");
  EXPECT_EQ(taken(a.context_run(c, nullptr)), "");
  ASSERT_EQ(a.context_output_count(c), 2u);
  EXPECT_STREQ(a.context_output_name(c, 1), "x");
  EXPECT_EQ(a.context_output_name(c, 2), nullptr);
  EXPECT_EQ(taken(a.context_bind_output(c, "y", y)), "");
  for (float step : {3.f, 4.f}) {
    static_cast<float*>(a.tensor_data(x))[0] = step;
    EXPECT_EQ(taken(a.context_run(c, nullptr)), "");
    ASSERT_EQ(a.context_output_count(c), 1u);
    EXPECT_THAT(floats_of(y), ElementsAre(step, 4));
    EXPECT_EQ(taken(a.context_output(c, 0, &out)), "");
    EXPECT_EQ(a.tensor_data(out), a.tensor_data(y));
    a.value_free(out);
  }
  EXPECT_EQ(taken(a.context_bind_output(c, "y", nullptr)), "");
  EXPECT_EQ(taken(a.context_run(c, nullptr)), "");
  EXPECT_EQ(taken(a.context_output(c, 0, &out)), "");
  EXPECT_NE(a.tensor_data(out), a.tensor_data(y));
  taken(a.context_output(c, 1, &out), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(taken(a.context_bind_input(c, "x", nullptr)), "");
  taken(a.context_run(c, nullptr), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(a.context_output_count(c), 0u);
  a.context_clear(c, 1, 1);
  a.context_clear(nullptr, 1, 1);
  a.context_free(c);
  a.context_free(nullptr);
  taken(a.context_run(nullptr, nullptr), ONWARD_INVALID_ARGUMENT);
  taken(a.context_create(nullptr, &c), ONWARD_INVALID_ARGUMENT);
  for (onward_value* v : {x, y, out}) a.value_free(v);
}

TEST(CApiSession, StructsOfOtherVersions) {
  const auto& a = api();
  onward_model* m = load();
  onward_session* s = nullptr;
  onward_session_options zero{};
  EXPECT_THAT(taken(a.session_create(m, &zero, &s), ONWARD_INVALID_ARGUMENT), HasSubstr("size is 0"));
  struct {
    onward_session_options known;
    int64_t later;
  } newer{};
  newer.known.size = sizeof newer;
  newer.later = 1;
  EXPECT_THAT(taken(a.session_create(m, &newer.known, &s), ONWARD_UNSUPPORTED), HasSubstr("too old"));
  EXPECT_EQ(s, nullptr);
  newer.later = 0;
  EXPECT_EQ(taken(a.session_create(m, &newer.known, &s)), "");
  a.session_free(s);
  a.model_free(m);
}

}  // namespace
}  // namespace ow
