// What one run may use: memory, time, and whether the caller still wants it. Shared by all threads of a run;
// long kernels poll `check()` between chunks of at most about a millisecond of work.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

#include "base/status.h"

namespace ow {

class Budget {
 public:
  using Clock = std::chrono::steady_clock;

  void set_memory_limit(int64_t bytes) { memory_limit_ = bytes; }
  void set_deadline(Clock::time_point when) {
    deadline_ = when;
    has_deadline_ = true;
  }
  // The flag must outlive the run; nullptr: cannot be cancelled.
  void set_cancel_flag(const std::atomic<bool>* flag) { cancel_ = flag; }

  // Ok, Cancelled or DeadlineExceeded.
  Status check() const;
  bool stopped() const { return !check().ok(); }

  // Accounts for `bytes` of heap memory; LimitExceeded (and nothing accounted) past the limit.
  Status acquire(int64_t bytes);
  void release(int64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  int64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

 private:
  int64_t memory_limit_ = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> used_{0}, peak_{0};
  Clock::time_point deadline_{};
  bool has_deadline_ = false;
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace ow
