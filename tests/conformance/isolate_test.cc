#include "isolate.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

namespace ow {
namespace {

std::map<size_t, std::string> run_all(std::vector<std::function<Status()>> jobs, double timeout_s = 20) {
  std::map<size_t, std::string> results;
  Status status = run_isolated(
      jobs.size(), {.processes = 2, .timeout_s = timeout_s}, [&](size_t i) { return jobs[i](); },
      [&](size_t i, const Status& s) { results[i] = s.ok() ? "ok" : std::string(s.message()); });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(results.size(), jobs.size());
  return results;
}

TEST(Isolate, ResultsOfJobsAndCrashes) {
  auto r = run_all({[] { return Status(); }, [] { return invalid_model("no graph"); },
                    [] {
                      raise(SIGKILL);
                      return Status();
                    },
                    [] {
                      _exit(3);
                      return Status();
                    },
                    [] { return Status(); }});
  EXPECT_EQ(r[0], "ok");
  EXPECT_EQ(r[1], "no graph");
  EXPECT_NE(r[2].find("crashed: Killed"), std::string::npos) << r[2];
  EXPECT_NE(r[3].find("exited with status 3"), std::string::npos) << r[3];
  EXPECT_EQ(r[4], "ok");
}

TEST(Isolate, AHangEndsAtTheTimeoutAndTheRestGoesOn) {
  auto r = run_all({[] {
                      for (;;) pause();
                      return Status();
                    },
                    [] { return Status(); }},
                   0.3);
  EXPECT_EQ(r[0], "not done after 0.3 s");
  EXPECT_EQ(r[1], "ok");
}

TEST(Isolate, LongMessagesAndStderrDoNotBlock) {
  const std::string text(300'000, 'x');
  auto r = run_all({[&] {
    (void)!write(STDERR_FILENO, text.data(), text.size());
    return invalid_model(text);
  }});
  EXPECT_EQ(r[0].size(), text.size());
}

}  // namespace
}  // namespace ow
