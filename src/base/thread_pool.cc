#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/crowding.h"
#include "base/parallel_tasks.h"
#include "base/stop.h"
#include "base/thread_spin.h"

namespace ow {
namespace {

// Quota of cgroup v2, then v1; 0 if there is none.
int cgroup_cpus() {
  long long quota = 0, period = 0;
  if (FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(f, "%lld %lld", &quota, &period) != 2) quota = 0;
    std::fclose(f);
  } else if (FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) {
    if (std::fscanf(q, "%lld", &quota) != 1) quota = 0;
    std::fclose(q);
    if (FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r")) {
      if (std::fscanf(p, "%lld", &period) != 1) period = 0;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kSpinsPerUs = 40;
constexpr int kShortSpins = 50 * kSpinsPerUs, kLongSpins = 1000 * kSpinsPerUs;
constinit std::atomic<int> g_spins{-1};  // negative: the default
constinit std::atomic<int> g_runs{0};
int spins_before_sleep(bool crowded) {
  const int set = g_spins.load(std::memory_order_relaxed);
  return set >= 0 ? set : !crowded && g_runs.load(std::memory_order_relaxed) > 0 ? kLongSpins : kShortSpins;
}

class Pool {
 public:
  // chunk(thread, i)
  void run(int64_t chunks, int threads, CallableRef<int64_t, int64_t> chunk) {
    if (threads <= 1 || chunks <= 1 || busy_.exchange(true, std::memory_order_acquire)) {
      for (int64_t i = 0; i < chunks; ++i) chunk(0, i);
      return;
    }
    failed_.store(false, std::memory_order_relaxed);
    const int wanted = static_cast<int>(std::min({int64_t{threads}, chunks, int64_t{kMaxThreads}})) - 1;
    const int helpers = grow(wanted);
    job_ = &chunk;
    for (int64_t s = 0; s <= helpers; ++s) {
      shares_[s].next.store(chunks * s / (helpers + 1), std::memory_order_relaxed);
      shares_[s].end = chunks * (s + 1) / (helpers + 1);
    }
    const uint32_t region =
        ((region_.load(std::memory_order_relaxed) >> 8) + 1) << 8 | static_cast<uint32_t>(helpers);
    gate_.store(uint64_t{region} << 32, std::memory_order_release);
    region_.store(region, std::memory_order_release);
    region_.notify_all();
    work(0, helpers + 1);
    // Only who is inside is waited for: one that the system has not woken yet would be long in coming.
    gate_.fetch_or(kClosed, std::memory_order_acq_rel);
    for (int spins = 0; (gate_.load(std::memory_order_acquire) & kInside) != 0; ++spins) {
      if (spins < spins_before_sleep(false))
        relax();
      else
        std::this_thread::yield();
    }
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    busy_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
  }

 private:
  static constexpr int kMaxThreads = 256;
  static constexpr uint64_t kClosed = uint64_t{1} << 31, kInside = kClosed - 1;

  struct alignas(64) Share {
    std::atomic<int64_t> next{0};  // chunk
    int64_t end = 0;
  };

  // One's own share, then the others'. What a chunk throws reaches the caller of the region once nobody works
  // on it any more.
  void work(int thread, int threads) noexcept {
    try {
      for (int k = 0; k < threads; ++k) {
        Share& share = shares_[(thread + k) % threads];
        while (share.next.load(std::memory_order_relaxed) < share.end) {
          const int64_t i = share.next.fetch_add(1, std::memory_order_relaxed);
          if (i < share.end) (*job_)(thread, i);
        }
      }
    } catch (...) {
      for (int k = 0; k < threads; ++k) shares_[k].next.store(shares_[k].end, std::memory_order_relaxed);
      if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
    }
  }

  // Starts what is missing of `wanted` workers; returns how many of them there are. The system may refuse a
  // thread, or the memory for one.
  int grow(int wanted) {
    while (started_ < wanted) {
      try {
        std::thread([this, index = started_, seen = region_.load()] { loop(index, seen); }).detach();
      } catch (const std::exception&) {
        return started_;
      }
      ++started_;
    }
    return wanted;
  }

  void wait_for_next(uint32_t seen, Crowding& crowding) {
    const auto waits = [&] { return region_.load(std::memory_order_acquire) == seen; };
    int spins = 0;
    for (; waits() && spins < std::min(kSpinsPerUs, spins_before_sleep(false)); ++spins) relax();
    const bool crowded = waits() && crowding.noticed();
    for (; waits() && spins < spins_before_sleep(crowded); ++spins) relax();
    if (!waits()) return;
    crowding.before_sleep();
    region_.wait(seen, std::memory_order_acquire);
    crowding.after_sleep();
  }

  void loop(int index, uint32_t seen) {
    Crowding crowding;
    for (;;) {
      wait_for_next(seen, crowding);
      uint32_t now = region_.load(std::memory_order_acquire);
      if (now == seen) continue;
      seen = now;
      // A worker beyond this region's size skips it. One inside it is waited for, so job_ stays valid.
      if (index >= static_cast<int>(now & 255) || !enter(now)) continue;
      work(index + 1, static_cast<int>(now & 255) + 1);
      gate_.fetch_sub(1, std::memory_order_release);
    }
  }

  // False if the region is over: its caller has found all chunks taken.
  bool enter(uint32_t region) {
    uint64_t gate = gate_.load(std::memory_order_relaxed);
    do {
      if (gate >> 32 != region || (gate & kClosed) != 0) return false;
    } while (
        !gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire, std::memory_order_relaxed));
    return true;
  }

  std::atomic<bool> busy_{false};
  const CallableRef<int64_t, int64_t>* job_ = nullptr;
  int started_ = 0;
  std::exception_ptr failure_;  // the first one of a region
  std::atomic<bool> failed_{false};
  std::array<Share, kMaxThreads> shares_;
  alignas(64) std::atomic<uint64_t> gate_{kClosed};  // region << 32 | closed | workers inside
  alignas(64) std::atomic<uint32_t> region_{0};      // epoch << 8 | helpers: read as one
};

constinit std::atomic<Pool*> g_pool{nullptr};

// The pool is never destroyed: workers may outlive main(). A forked child forgets its parent's pool.
Pool& pool() {
  Pool* p = g_pool.load(std::memory_order_acquire);
  if (p) return *p;
  static std::once_flag once;
  std::call_once(once,
                 [] { pthread_atfork(nullptr, nullptr, [] { g_pool.store(nullptr), g_runs.store(0); }); });
  auto* fresh = new Pool;
  if (g_pool.compare_exchange_strong(p, fresh)) return *fresh;
  delete fresh;
  return *p;
}

}  // namespace

void set_thread_spin_us(int64_t us) {
  g_spins = us < 0 ? -1 : static_cast<int>(std::min<int64_t>(us, 1'000'000) * kSpinsPerUs);
}

RunOfRegions::RunOfRegions(int threads) : counts_((threads > 0 ? threads : usable_threads()) > 1) {
  if (counts_) g_runs.fetch_add(1, std::memory_order_relaxed);
}
RunOfRegions::~RunOfRegions() {
  if (counts_) g_runs.fetch_sub(1, std::memory_order_relaxed);
}

int usable_threads() {
#if defined(__EMSCRIPTEN__) && !defined(__EMSCRIPTEN_PTHREADS__)
  return 1;  // and none can be started
#endif
  static const int count = [] {
#if defined(__linux__)
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
#else
    int n = static_cast<int>(std::thread::hardware_concurrency());
#endif
    if (int quota = cgroup_cpus()) n = std::min(n, quota);
    return std::max(n, 1);
  }();
  return count;
}

void parallel_for(int64_t n, int64_t grain, int threads, ChunkFunction fn) {
  if (n <= 0) return;
  if (threads <= 0) threads = usable_threads();
  grain = std::max<int64_t>(grain, 1);
  const int64_t most = (n + grain - 1) / grain;
  const int64_t chunks = std::min<int64_t>(most, int64_t{threads} * 6);
  if (threads == 1 || chunks <= 1) return fn(0, n);
  const StopScope* scope = StopScope::current();
  pool().run(chunks, threads, [&](int64_t, int64_t i) {
    StopScope::Loan loan(scope);
    int64_t begin = n / chunks * i + std::min(i, n % chunks);
    int64_t end = begin + n / chunks + (i < n % chunks ? 1 : 0);
    fn(begin, end);
  });
}

void parallel_tasks(int64_t n, int threads, CallableRef<int64_t, int64_t> fn) {
  const StopScope* scope = StopScope::current();
  if (n <= 1 || threads <= 1) {
    for (int64_t i = 0; i < n; ++i) fn(0, i);
    return;
  }
  pool().run(n, threads, [&](int64_t thread, int64_t i) {
    StopScope::Loan loan(scope);
    fn(thread, i);
  });
}

}  // namespace ow
