#include "base/stop.h"

namespace ow {
namespace {
constinit thread_local const StopScope* t_scope = nullptr;
}  // namespace

StopScope::StopScope(const Budget* budget) : budget_(budget), outer_(t_scope) { t_scope = this; }
StopScope::~StopScope() { t_scope = outer_; }
const StopScope* StopScope::current() { return t_scope; }

StopScope::Loan::Loan(const StopScope* scope) : outer_(t_scope) { t_scope = scope; }
StopScope::Loan::~Loan() { t_scope = outer_; }

bool StopScope::notice() const {
  const Code now = budget_ ? budget_->check().code() : Code::kOk;
  if (now == Code::kOk) return false;
  Code none = Code::kOk;
  code_.compare_exchange_strong(none, now, std::memory_order_relaxed);
  stopped_.store(true, std::memory_order_relaxed);
  return true;
}

Status StopScope::check() const {
  if (!stopped()) return {};
  if (code_.load(std::memory_order_relaxed) == Code::kCancelled)
    return {Code::kCancelled, "the run was cancelled by its caller"};
  return {Code::kDeadlineExceeded, "the run passed its deadline"};
}

}  // namespace ow
