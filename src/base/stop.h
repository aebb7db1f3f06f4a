// Stopping kernels. A kernel knows no run and no Budget, so it asks its thread: `stop_requested()`, once a
// millisecond or so; when told so it leaves its output unfinished and returns. A StopScope makes a budget the
// one that is asked, on the thread that opens it and in the parallel regions that this thread starts.
//
// A scope that has been told to stop stays stopped, even if the caller takes the cancellation back: whoever
// called the kernel asks `check()` afterwards and throws the unfinished output away.
#pragma once
#include "base/budget.h"

namespace ow {

class StopScope {
 public:
  // Null: asks nobody. The budget must outlive the scope.
  explicit StopScope(const Budget* budget);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

  // The scope of this thread; null if there is none.
  static const StopScope* current();

  bool stopped() const { return stopped_.load(std::memory_order_relaxed) || notice(); }
  // Ok, or the first reason to stop that was noticed.
  Status check() const;

  // Lends a scope to a thread that works for its owner.
  class Loan {
   public:
    explicit Loan(const StopScope* scope);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

   private:
    const StopScope* outer_;
  };

 private:
  bool notice() const;

  const Budget* budget_;
  const StopScope* outer_;
  mutable std::atomic<bool> stopped_{false};
  mutable std::atomic<Code> code_{Code::kOk};
};

inline bool stop_requested() {
  const StopScope* scope = StopScope::current();
  return scope && scope->stopped();
}

}  // namespace ow
