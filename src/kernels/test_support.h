// For the tests beside the kernels: every available instruction set in turn, buffers whose ends a sanitizer
// watches, and deterministic numbers.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels/cpu.h"

namespace ow::kernels {

// Calls f() once per available Isa, forced.
template <class F>
void for_each_isa(F f) {
  for (Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
    if (!isa_available(isa)) continue;
    SCOPED_TRACE(isa_name(isa));
    force_isa(isa);
    f();
    clear_forced_isa();
  }
}

// Uninitialised, aligned to 64 bytes; its size is the one asked for (up to that alignment).
struct FreeBuffer {
  void operator()(void* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<void, FreeBuffer>;
inline Buffer aligned_buffer(size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 64, bytes ? bytes : 1) != 0) std::abort();
  return Buffer(p);
}

// Uniform in [-1, 1), a multiple of 2^-20.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  float uniform() { return static_cast<float>(next() % (1 << 21)) / (1 << 20) - 1.0f; }
  std::vector<float> floats(int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = uniform();
    return v;
  }

 private:
  uint64_t state_;
};

}  // namespace ow::kernels
