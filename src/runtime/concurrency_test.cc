// The C interface used from many threads at once: what `./dev tsan` is for. Each test stresses one promise of
// onward.h; a failure here, or a report of the thread sanitizer, is a broken promise.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "base/log.h"
#include "onward/onward.h"
#include "passes/test_support.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64, kBool = onnx::Tensor::BOOL;
constexpr int64_t kRows = 2000, kColumns = 16;  // large enough that a run goes through the pool

// The thread sanitizer cannot follow threads that a child starts while its parent had others.
#ifdef __SANITIZE_THREAD__
constexpr int32_t kThreadsOfChild = 1;
#else
constexpr int32_t kThreadsOfChild = 2;
#endif

const onward_api& api() { return *onward_get_api(ONWARD_ABI_VERSION); }

// Not EXPECT_..: these are called from many threads, and one line a failure is enough.
bool fine(onward_status* s) {
  const bool ok = s == nullptr;
  if (!ok) ADD_FAILURE() << api().status_message(s);
  api().status_free(s);
  return ok;
}

// y = relu(x) + x over float[N, 16].
std::string small_model() {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "16"})};
  g.output = {value("y", kFloat, {"N", "16"})};
  g.node = {node("Relu", {"x"}, {"r"}), node("Add", {"r", "x"}, {"y"})};
  return bytes(model(g));
}

// y = -(-(..x)) for ever.
std::string endless_model() {
  onnx::Graph body;
  body.input = {value("i", kInt64, {}), value("go", kBool, {}), value("a", kFloat)};
  body.output = {value("go2", kBool), value("b", kFloat)};
  body.node = {node("Identity", {"go"}, {"go2"}), node("Neg", {"a"}, {"b"})};
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N", "16"})};
  g.output = {value("y", kFloat)};
  g.initializer = {tensor("m", kInt64, {}, std::vector<int64_t>{INT64_MAX})};
  g.node = {node("Loop", {"m", "", "x"}, {"y"}, {attr("body", body)})};
  return bytes(model(g));
}

onward_model* load(const std::string& text) {
  onward_model* m = nullptr;
  fine(api().model_load_bytes(text.data(), text.size(), nullptr, &m));
  return m;
}

onward_session* session(onward_model* m, int32_t threads = 2) {
  onward_session_options options{};
  options.size = sizeof options;
  options.threads = threads;
  onward_session* s = nullptr;
  fine(api().session_create(m, &options, &s));
  return s;
}

onward_value* input(float start, int64_t rows = kRows) {
  const int64_t dims[] = {rows, kColumns};
  onward_value* x = nullptr;
  fine(api().tensor_create(ONWARD_FLOAT32, dims, 2, &x));
  auto* data = static_cast<float*>(api().tensor_data(x));
  for (int64_t i = 0; i < rows * kColumns; ++i) data[i] = start + static_cast<float>(i % 7);
  return x;
}

// Runs on positive numbers, so that y = 2 x.
bool runs_right(onward_session* s, const onward_value* x) {
  const char* name = "x";
  onward_value* y = nullptr;
  if (!fine(api().session_run(s, nullptr, &name, &x, 1, nullptr, 0, &y))) return false;
  const auto* from = static_cast<const float*>(api().tensor_data(const_cast<onward_value*>(x)));
  const auto* to = static_cast<const float*>(api().tensor_data(y));
  bool right = api().tensor_bytes(y) == api().tensor_bytes(x);
  for (size_t i = 0; right && i < api().tensor_bytes(x) / sizeof(float); ++i) right = to[i] == 2 * from[i];
  api().value_free(y);
  return right;
}

template <class F>
void on_threads(int count, F f) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back([&f, t] { f(t); });
  for (std::thread& t : threads) t.join();
}

TEST(Concurrency, ManySessionsOfOneModelAndManyRunsOfEach) {
  onward_model* m = load(small_model());
  onward_session* shared = session(m);
  std::atomic<int> wrong{0};
  on_threads(4, [&](int t) {
    onward_value* x = input(static_cast<float>(t), 100 + 700 * t);
    for (int i = 0; i < 8; ++i) {
      onward_session* own = session(m);
      wrong += !runs_right(own, x) + !runs_right(shared, x);
      api().session_free(own);
      if (i == 5) api().session_trim(shared);
      wrong += std::strstr(api().session_placement_json(shared), "Elementwise") == nullptr;
    }
    api().value_free(x);
  });
  EXPECT_EQ(wrong, 0);
  api().session_free(shared);
  api().model_free(m);
}

TEST(Concurrency, AnInputMayBeReadBySeveralRuns) {
  onward_model* m = load(small_model());
  onward_session* s = session(m);
  onward_value* x = input(3);
  std::atomic<int> wrong{0};
  on_threads(4, [&](int) {
    for (int i = 0; i < 10; ++i) wrong += !runs_right(s, x);
  });
  EXPECT_EQ(wrong, 0);
  api().value_free(x);
  api().session_free(s);
  api().model_free(m);
}

// A session keeps its model; an output keeps what it needs. Whoever runs goes on.
TEST(Concurrency, ObjectsAreFreedInAnyOrderWhileOthersRun) {
  std::atomic<int> wrong{0};
  for (int round = 0; round < 5; ++round) {
    onward_model* m = load(small_model());
    std::vector<onward_session*> sessions;
    for (int i = 0; i < 3; ++i) sessions.push_back(session(m));
    on_threads(4, [&](int t) {
      if (t == 3) return api().model_free(m);
      onward_session* s = sessions[static_cast<size_t>(t)];
      onward_value* x = input(static_cast<float>(t));
      for (int i = 0; i < 3 + t; ++i) wrong += !runs_right(s, x);
      const char* name = "x";
      onward_value* y = nullptr;
      fine(api().session_run(s, nullptr, &name, &x, 1, nullptr, 0, &y));
      api().session_free(s);
      api().value_free(x);
      wrong += static_cast<const float*>(api().tensor_data(y))[1] != 2 * (static_cast<float>(t) + 1);
      api().value_free(y);
    });
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Concurrency, ARunIsCancelledFromAnotherThreadAndTheHandleFreed) {
  onward_model* m = load(endless_model());
  onward_session* s = session(m);
  on_threads(3, [&](int) {
    for (int i = 0; i < 3; ++i) {
      onward_run_options options{};
      options.size = sizeof options;
      options.cancel = api().cancel_create();
      std::atomic<bool> begun{false};
      std::thread canceller([&, cancel = options.cancel] {
        while (!begun) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        api().cancel_trigger(cancel);
      });
      onward_value* x = input(1, 10);
      const char* name = "x";
      onward_value* y = nullptr;
      begun = true;
      onward_status* status = api().session_run(s, &options, &name, &x, 1, nullptr, 0, &y);
      EXPECT_EQ(api().status_code(status), ONWARD_CANCELLED);
      api().status_free(status);
      canceller.join();
      api().cancel_free(options.cancel);
      api().value_free(x);
    }
  });
  api().session_free(s);
  api().model_free(m);
}

TEST(Concurrency, LogSinksAreReplacedWhileOthersLog) {
  struct Counter {
    std::atomic<int> messages{0};
    int magic = 0;
  };
  std::vector<Counter> counters(2);
  counters[0].magic = counters[1].magic = 42;
  std::atomic<bool> done{false};
  auto count = [](void* user, int32_t, const char* text) {
    auto* c = static_cast<Counter*>(user);
    c->messages += c->magic == 42 && std::strcmp(text, "message 1") == 0;
  };
  api().set_log_sink(count, &counters[0]);
  std::thread writer([&] {
    while (!done) log(LogLevel::kError, "message ", 1);
  });
  for (int i = 0; i < 200; ++i) {
    Counter fresh;  // gone after the next set_log_sink
    fresh.magic = 42;
    api().set_log_sink(count, &fresh);
    api().set_log_level(i % 2 + 2);
    api().set_log_sink(count, &counters[static_cast<size_t>(i % 2)]);
  }
  while (counters[0].messages + counters[1].messages == 0) std::this_thread::yield();
  done = true;
  writer.join();
  api().set_log_sink(nullptr, nullptr);
  api().set_log_level(2);
}

// In a fresh process, because the pool is made once: two threads come to it at the same moment.
TEST(Concurrency, TheFirstUseOfThePoolMayBeTwoAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      onward_model* m = load(small_model());
      std::atomic<int> waiting{2}, wrong{0};
      on_threads(2, [&](int t) {
        onward_session* s = session(m);
        onward_value* x = input(static_cast<float>(t));
        --waiting;
        while (waiting > 0) {
        }
        wrong += !runs_right(s, x);
        api().value_free(x);
        api().session_free(s);
      });
      api().model_free(m);
      _exit(wrong == 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
}

TEST(Concurrency, ForkWhileOthersRun) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP()
      << "AddressSanitizer's allocator does not mind fork: where the runner holds its lock, the child "
         "waits for it for ever (the C library's lets a child allocate)";
#endif
  onward_model* m = load(small_model());
  onward_session* s = session(m);
  onward_value* x = input(1);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::thread runner([&] {
    while (!done) wrong += !runs_right(s, x);
  });
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      // The session's own lock may be held by the runner, which is not here: a child makes its own.
      onward_model* mine = load(small_model());
      onward_session* own = session(mine, kThreadsOfChild);
      _exit(runs_right(own, x) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  done = true;
  runner.join();
  EXPECT_EQ(wrong, 0);
  api().value_free(x);
  api().session_free(s);
  api().model_free(m);
}

}  // namespace
}  // namespace ow
