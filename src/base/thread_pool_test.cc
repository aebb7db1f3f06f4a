// parallel_for: every index once, whatever the sizes, nesting or callers.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <new>
#include <thread>
#include <vector>

#include "base/parallel_tasks.h"
#include "base/stop.h"

namespace ow {
namespace {

// Workers that stay awake for a run's next region are asleep soon after it. The first test, before others
// make hundreds of workers.
TEST(ParallelFor, IdleThreadsUseNoCpu) {
#ifdef __SANITIZE_THREAD__
  constexpr std::chrono::milliseconds kSoon(
      200);  // what they do until they sleep takes some fifty times as long
#else
  constexpr std::chrono::milliseconds kSoon(5);
#endif
  const auto cpu_ms = [] {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
  };
  for (int round = 0; round < 3; ++round) {
    {
      RunOfRegions run(4);
      parallel_for(100, 1, 4, [](int64_t, int64_t) {});
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than anyone waits awake
    }
    parallel_for(100, 1, 4, [](int64_t, int64_t) {});
    std::this_thread::sleep_for(kSoon);
    const double before = cpu_ms();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_LT(cpu_ms() - before, 2);
  }
}

void expect_each_once(int64_t n, int64_t grain, int threads) {
  std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
  parallel_for(n, grain, threads, [&](int64_t begin, int64_t end) {
    ASSERT_LE(0, begin);
    ASSERT_LT(begin, end);
    ASSERT_LE(end, n);
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
  });
  for (const auto& s : seen) ASSERT_EQ(s, 1) << n << " " << grain << " " << threads;
}

TEST(ParallelFor, CoversEveryIndexOnce) {
  for (int64_t n : {0, 1, 2, 3, 7, 13, 97, 1001})
    for (int64_t grain : {-1, 0, 1, 2, 5, 100, 5000})
      for (int threads : {0, 1, 2, 3, 5, 300}) expect_each_once(n, grain, threads);
}

TEST(ParallelFor, ChunksHoldTheGrain) {
  std::atomic<int> calls{0};
  parallel_for(1000, 400, 8, [&](int64_t begin, int64_t end) {
    EXPECT_GE(end - begin, 333);
    ++calls;
  });
  EXPECT_LE(calls, 3);
}

TEST(ParallelTasks, EachOnceWithScratchOfItsOwn) {
  for (int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> seen(301);
    std::vector<std::atomic<bool>> taken(static_cast<size_t>(threads));
    parallel_tasks(301, threads, [&](int64_t thread, int64_t task) {
      ASSERT_LT(thread, threads);
      EXPECT_FALSE(taken[static_cast<size_t>(thread)].exchange(true)) << "two have the number " << thread;
      ++seen[static_cast<size_t>(task)];
      taken[static_cast<size_t>(thread)] = false;
    });
    for (const auto& s : seen) ASSERT_EQ(s, 1);
  }
  parallel_tasks(0, 2, [](int64_t, int64_t) { FAIL(); });
}

TEST(ParallelFor, NestsAndTakesManyCallers) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        parallel_for(11, 1, 3, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            parallel_for(7, 1, 3, [&](int64_t b, int64_t e) { sum += e - b; });
        });
    });
  for (auto& c : callers) c.join();
  EXPECT_EQ(sum, 4 * 50 * 11 * 7);
}

// Memory may run out in any thread. The pool goes on after it.
TEST(ParallelFor, AnExceptionReachesTheCaller) {
  for (int round = 0; round < 200; ++round) {
    const int64_t bad = round % 23;
    std::atomic<int> inside{0};
    const auto run = [&] {
      parallel_for(23, 1, 4, [&](int64_t begin, int64_t end) {
        ++inside;
        for (int64_t i = begin; i < end; ++i)
          if (i == bad || round % 2) {
            --inside;
            throw std::bad_alloc();
          }
        --inside;
      });
    };
    EXPECT_THROW(run(), std::bad_alloc);
    EXPECT_EQ(inside, 0) << "the caller went on while a chunk ran";
    expect_each_once(97, 1, 4);
  }
}

// On a busy machine a worker waits for its turn; a caller that has done all chunks itself does not wait with
// it.
TEST(ParallelFor, DoesNotWaitForAWorkerThatHasNotCome) {
  std::atomic<bool> over{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 4 * usable_threads(); ++i)
    others.emplace_back([&] {
      while (!over) {
      }
    });
  int slow = 0;
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(12, 1, 2, [](int64_t, int64_t) {});
    slow += std::chrono::steady_clock::now() - start > std::chrono::milliseconds(1);
  }
  over = true;
  for (auto& other : others) other.join();
  EXPECT_LT(slow, kRounds / 2) << "regions of no work took more than a millisecond";
}

TEST(ParallelFor, ChunksSeeTheStopOfTheirRun) {
  std::atomic<bool> cancel{false};
  Budget budget;
  budget.set_cancel_flag(&cancel);
  std::atomic<int> seen{0};
  {
    StopScope scope(&budget);
    EXPECT_FALSE(stop_requested());
    EXPECT_TRUE(scope.check().ok());
    cancel = true;
    parallel_for(60, 1, 3, [&](int64_t, int64_t) { seen += stop_requested(); });
    cancel = false;
    EXPECT_EQ(scope.check().code(), Code::kCancelled);  // taken back too late: some chunk may have heard it
  }
  EXPECT_EQ(seen, 18);
  parallel_for(60, 1, 3, [&](int64_t, int64_t) { seen += stop_requested(); });
  EXPECT_EQ(seen, 18);
}

}  // namespace
}  // namespace ow
