#include "base/crowding.h"

#include <ctime>

namespace ow {
namespace {

constexpr int64_t kJudgedNs = 10'000'000, kHoldsNs = 1'000'000'000;

#if defined(__linux__)
int64_t read_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
int64_t wall_ns() { return read_ns(CLOCK_MONOTONIC); }
int64_t cpu_ns() { return read_ns(CLOCK_THREAD_CPUTIME_ID); }
#else
int64_t wall_ns() { return 0; }
int64_t cpu_ns() { return 0; }
#endif

}  // namespace

void Crowding::after_sleep() { last_ns_ = wall_ns(), last_used_ns_ = cpu_ns(); }

int64_t Crowding::add() {
  const int64_t now = wall_ns(), used = cpu_ns();
  if (last_ns_ >= 0) awake_ns_ += now - last_ns_, used_ns_ += used - last_used_ns_;
  last_ns_ = now, last_used_ns_ = used;
  return now;
}

bool Crowding::noticed() {
  const int64_t now = add();
  if (awake_ns_ >= kJudgedNs) {
    if (used_ns_ < awake_ns_ / 10 * 9) until_ns_ = now + kHoldsNs;
    awake_ns_ = used_ns_ = 0;
  }
  return now < until_ns_;
}

}  // namespace ow
