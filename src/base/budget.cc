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
  int64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (now > memory_limit_ || now < 0) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return limit_exceeded("needs ", bytes, " more bytes with ", now - bytes, " in use; the memory limit is ",
                          memory_limit_, " bytes");
  }
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return {};
}

}  // namespace ow
