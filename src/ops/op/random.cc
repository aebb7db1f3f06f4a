#include "ops/op/random.h"

#include <atomic>
#include <bit>
#include <chrono>

namespace ow {
namespace {

constinit thread_local RandomScope* current_scope = nullptr;

}  // namespace

RandomScope::RandomScope(std::optional<uint64_t> seed, uint64_t run) : outer_(current_scope) {
  if (!seed) {
    current_scope = nullptr;
    return;
  }
  start_ = RandomStream::finalise(RandomStream::finalise(*seed + RandomStream::kStep) + run);
  current_scope = this;
}

RandomScope::~RandomScope() { current_scope = outer_; }

RandomStream::RandomStream(std::optional<float> seed) {
  if (seed) {
    start_ = finalise(std::bit_cast<uint32_t>(*seed) * kStep);
    return;
  }
  if (RandomScope* scope = current_scope) {
    start_ = finalise(scope->start_ + ++scope->streams_ * kStep);
    return;
  }
  static constinit std::atomic<uint64_t> calls{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ticks = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  start_ = finalise(finalise(ticks) + calls.fetch_add(1, std::memory_order_relaxed) * kStep);
}

}  // namespace ow
