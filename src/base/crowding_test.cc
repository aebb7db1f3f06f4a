// Crowding: noticed by a thread that shares its CPU, not by one that slept.
#include "base/crowding.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace ow {
namespace {

using Clock = std::chrono::steady_clock;

// The calling thread stays on the CPU that it is on.
bool stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

TEST(Crowding, IsNoticedWhereTwoShareACpu) {
  bool noticed = false;
  std::thread([&] {
    const int cpu = sched_getcpu();
    ASSERT_TRUE(stay_on(cpu));
    std::atomic<bool> done{false};
    std::thread other([&] {
      stay_on(cpu);
      while (!done) {
      }
    });
    Crowding crowding;
    for (const auto end = Clock::now() + std::chrono::seconds(5); !noticed && Clock::now() < end;)
      noticed = crowding.noticed();
    done = true;
    other.join();
  }).join();
  EXPECT_TRUE(noticed) << "two busy threads on one CPU for 5 s";
}

TEST(Crowding, TimeAsleepIsNoWaitForACpu) {
  Crowding crowding;
  for (int i = 0; i < 20; ++i) {
    crowding.before_sleep();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    crowding.after_sleep();
    ASSERT_FALSE(crowding.noticed());
  }
}

}  // namespace
}  // namespace ow
#endif
