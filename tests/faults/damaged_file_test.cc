// Every prefix of a model file, and the file with any one bit turned over, is refused with a typed error or
// runs: no crash, no hang, no more than 64 MiB of memory, nothing leaked.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "faults/allocations.h"
#include "faults/models.h"
#include "faults/request.h"
#include "onnx/file.h"

namespace ow::faults {
namespace {

constexpr int64_t kMaxBytes = 64 << 20;
constexpr int64_t kTimeoutUs = 100'000;
constexpr double kMaxSeconds = 1;
constexpr unsigned kHangSeconds = 60;

// What a crash or a hang leaves on the screen.
char g_case[128];
void report(int signal) {
  const char* what = signal == SIGALRM ? "hang: " : "crash: ";
  if (::write(STDERR_FILENO, what, std::strlen(what)) < 0 ||
      ::write(STDERR_FILENO, g_case, std::strlen(g_case)) < 0)
    ::_exit(3);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class DamagedFile : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    for (int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGALRM}) ::signal(signal, report);
    model_ = small_models()[GetParam()];
    Request request(model_.bytes, data_folder(), 0);
    const onward_code code = request.go_on();
    if (code != ONWARD_OK && is_extra(GetParam())) GTEST_SKIP() << request.error();
    ASSERT_EQ(code, ONWARD_OK) << request.error();
  }
  void TearDown() override {
    ::alarm(0);
    if (cases_ == 0) return;
    RecordProperty("cases", static_cast<int>(cases_));
    std::printf("  %-20s %7lld cases, %6lld loaded, %6lld ran, slowest %.1f ms, most memory %.1f MiB\n",
                model_.name.c_str(), static_cast<long long>(cases_), static_cast<long long>(loaded_),
                static_cast<long long>(ran_), slowest_ * 1e3, static_cast<double>(peak_) / (1 << 20));
  }

  void try_bytes(const std::string& bytes, const char* what, size_t at) {
    std::snprintf(g_case, sizeof g_case, "%s, %s %zu\n", model_.name.c_str(), what, at);
    ::alarm(kHangSeconds);
    const int64_t live = live_allocations(), before_bytes = live_bytes();
    const double start = cpu_seconds();
    restart_peak();
    {
      Request request(bytes, data_folder(), kTimeoutUs);
      const onward_code code = request.go_on();
      EXPECT_NE(code, ONWARD_INTERNAL) << g_case << request.error();
      ran_ += request.has_run();
      loaded_ += request.has_session();
    }
    const double seconds = cpu_seconds() - start;
    slowest_ = std::max(slowest_, seconds);
    peak_ = std::max(peak_, peak_bytes() - before_bytes);
    EXPECT_LT(seconds, kMaxSeconds) << g_case;
    EXPECT_LT(peak_bytes() - before_bytes, kMaxBytes) << g_case;
    EXPECT_EQ(live_allocations(), live) << "leaked: " << g_case;
    ++cases_;
  }

  SmallModel model_;
  int64_t cases_ = 0, loaded_ = 0, ran_ = 0, peak_ = 0;
  double slowest_ = 0;
};

TEST_P(DamagedFile, EveryPrefix) {
  for (size_t n = 0; n < model_.bytes.size(); ++n) try_bytes(model_.bytes.substr(0, n), "prefix", n);
}

TEST_P(DamagedFile, EveryBit) {
  std::string bytes = model_.bytes;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    char& byte = bytes[bit / 8];
    byte = static_cast<char>(byte ^ 1 << bit % 8);
    try_bytes(bytes, "bit", bit);
    byte = static_cast<char>(byte ^ 1 << bit % 8);
  }
  EXPECT_EQ(bytes, model_.bytes);
}

TEST_P(DamagedFile, EveryByteAtItsEdges) {
  std::string bytes = model_.bytes;
  for (size_t at = 0; at < bytes.size(); ++at) {
    const char was = bytes[at];
    for (int other : {0, 1, 0x7f, 0x80, 0xff, was + 1, was - 1}) {
      bytes[at] = static_cast<char>(other);
      try_bytes(bytes, "byte", at);
    }
    bytes[at] = was;
  }
}

// The message is well formed and the graph is cut short: what a cut file never gets to.
TEST_P(DamagedFile, EveryPrefixOfTheGraph) {
  onnx::Model model;
  ASSERT_TRUE(onnx::read_message(model_.bytes, model).ok());
  auto encoded = onnx::write_message(*model.graph);
  ASSERT_TRUE(encoded.ok());
  const std::string graph = encoded->joined();
  model.graph.reset();
  const std::string rest = *onnx::serialize(model);
  for (size_t n = 0; n < graph.size(); ++n) {
    std::string bytes = rest + '\x3a';  // field 7, and its length as a varint
    size_t left = n;
    for (; left >= 0x80; left >>= 7) bytes += static_cast<char>(left | 0x80);
    bytes += static_cast<char>(left);
    try_bytes(bytes + graph.substr(0, n), "prefix of the graph", n);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DamagedFile, ::testing::Range<size_t>(0, small_models().size()),
                         [](const auto& of) { return small_models()[of.param].name; });

}  // namespace
}  // namespace ow::faults
