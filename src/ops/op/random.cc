#include "ops/op/random.h"

#include <atomic>
#include <bit>
#include <chrono>

namespace ow {

RandomStream::RandomStream(std::optional<float> seed) {
  if (seed) {
    start_ = finalise(std::bit_cast<uint32_t>(*seed) * kStep);
    return;
  }
  static constinit std::atomic<uint64_t> calls{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ticks = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  start_ = finalise(finalise(ticks) + calls.fetch_add(1, std::memory_order_relaxed) * kStep);
}

}  // namespace ow
