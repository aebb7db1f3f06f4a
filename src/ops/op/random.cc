#include "ops/op/random.h"

#include <atomic>
#include <bit>
#include <chrono>

namespace ow {
namespace {

constinit thread_local RandomScope* current_scope = nullptr;

// Scatters two numbers into one.
uint64_t mixed(uint64_t a, uint64_t b) { return RandomStream(a).bits(b); }

uint64_t seed_of_clock() {
  static constinit std::atomic<uint64_t> calls{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ticks = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return mixed(ticks, calls.fetch_add(1, std::memory_order_relaxed));
}

uint64_t seed_of_nobody() { return current_scope ? current_scope->next_seed() : seed_of_clock(); }

}  // namespace

RandomScope::RandomScope(std::optional<uint64_t> seed, uint64_t run)
    : seed_(seed.value_or(0)), run_(run), outer_(current_scope) {
  current_scope = seed ? this : nullptr;
}

RandomScope::~RandomScope() { current_scope = outer_; }

uint64_t RandomScope::next_seed() {
  const uint64_t i = seeds_++;
  return run_ == 0 && i == 0 ? seed_ : mixed(mixed(seed_, run_), i);
}

uint64_t seed_from_float(std::optional<float> stated) {
  if (!stated) return seed_of_nobody();
  const float f = *stated;
  const bool whole = f >= 0 && f < 0x1p32f && f == static_cast<float>(static_cast<uint64_t>(f));
  return whole ? static_cast<uint64_t>(f) : uint64_t{1} << 32 | std::bit_cast<uint32_t>(f);
}

uint64_t seed_from_integer(std::optional<int64_t> stated) {
  return stated ? static_cast<uint64_t>(*stated) : seed_of_nobody();
}

}  // namespace ow
