// The fastest multiply-adds this processor can do: register-only chains, per instruction set.
#pragma once
#include <cstdint>

#include "kernels/cpu.h"

namespace ow::bench {
namespace {

// 12 independent accumulators hide the latency of two pipes. Every loop over them is unrolled: one that is
// not would put them into memory.
#define ONWARD_FMA_CHAINS(name, bytes, constraint)                          \
  typedef float name##_vector __attribute__((vector_size(bytes)));          \
  double name(int64_t rounds) {                                             \
    name##_vector acc[12], x = name##_vector{} + 0.999f, y = x;             \
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) acc[i] = y;       \
    for (int64_t r = 0; r < rounds; ++r) {                                  \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) {               \
        acc[i] = acc[i] * x + y;                                            \
        asm volatile("" : "+" constraint(acc[i]));                          \
      }                                                                     \
    }                                                                       \
    _Pragma("GCC unroll 12") for (int i = 1; i < 12; ++i) acc[0] += acc[i]; \
    volatile float sink = acc[0][0];                                        \
    (void)sink;                                                             \
    return 12.0 * 2 * (bytes / 4) * static_cast<double>(rounds);            \
  }

#if defined(__x86_64__)
ONWARD_FMA_CHAINS(run_portable, 16, "x")
#pragma GCC push_options
#pragma GCC target("avx2,fma")
ONWARD_FMA_CHAINS(run_avx2, 32, "x")
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,fma")
ONWARD_FMA_CHAINS(run_avx512, 64, "v")
#pragma GCC pop_options
#else
ONWARD_FMA_CHAINS(run_portable, 16, "w")
#endif

// Returns the floating-point operations done.
double run_fma(kernels::Isa isa, int64_t rounds) {
#if defined(__x86_64__)
  if (isa == kernels::Isa::kAvx512) return run_avx512(rounds);
  if (isa == kernels::Isa::kAvx2) return run_avx2(rounds);
#endif
  (void)isa;
  return run_portable(rounds);
}

}  // namespace
}  // namespace ow::bench
