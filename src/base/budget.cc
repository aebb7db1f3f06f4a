#include "base/budget.h"

namespace ow {

Status Budget::check() const {
  if (cancel_ && cancel_->load(std::memory_order_relaxed))
    return {Code::kCancelled, "the run was cancelled by its caller"};
  if (has_deadline_ && Clock::now() >= deadline_)
    return {Code::kDeadlineExceeded, "the run passed its deadline"};
  return {};
}

Status Budget::acquire(int64_t bytes) {
  int64_t before = used_.load(std::memory_order_relaxed), now;
  do {
    if (bytes < 0 || __builtin_add_overflow(before, bytes, &now) || now > memory_limit_)
      return limit_exceeded("needs ", bytes, " more bytes with ", before, " in use; the memory limit is ",
                            memory_limit_, " bytes");
  } while (!used_.compare_exchange_weak(before, now, std::memory_order_relaxed));
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return {};
}

}  // namespace ow
