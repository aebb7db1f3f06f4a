#include "base/task_queue.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/thread_pool.h"

namespace ow {
namespace {

class Queue {
 public:
  Status push(std::function<void()> job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (idle_ >= static_cast<int>(jobs_.size())) {
      ready_.notify_one();
      return {};
    }
    if (threads_ < usable_threads() && !start() && threads_ == 0) {
      jobs_.pop_back();
      return {Code::kOutOfMemory, "the system gives no thread for an asynchronous run"};
    }
    return {};
  }

 private:
  static constexpr auto kIdle = std::chrono::seconds(5);

  bool start() {
    try {
      std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      return false;
    }
    ++threads_;
    return true;
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      const bool woken = ready_.wait_for(lock, kIdle, [&] { return !jobs_.empty(); });
      --idle_;
      if (!woken) break;
      {
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
      }
      lock.lock();
    }
    --threads_;
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  int threads_ = 0, idle_ = 0;
};

constinit std::atomic<Queue*> g_queue{nullptr};

// Never destroyed: its threads may outlive main(). A forked child forgets its parent's queue.
Queue& queue() {
  Queue* q = g_queue.load(std::memory_order_acquire);
  if (q) return *q;
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { g_queue.store(nullptr); }); });
  auto* fresh = new Queue;
  if (g_queue.compare_exchange_strong(q, fresh)) return *fresh;
  delete fresh;
  return *q;
}

}  // namespace

Status run_later(std::function<void()> job) { return queue().push(std::move(job)); }

}  // namespace ow
