// What this processor can do beside the float32 multiply-adds of peak.h: int8 dot products (VNNI), float16
// and bfloat16 where it has them, and reads of memory. Register-only chains, 12 of them, as in peak.h.
//
// The instructions are written out: no intrinsics of newer targets are needed, and the compiler can replace
// none.
#pragma once
#include <cstdint>

namespace ow::bench {
namespace {

using Chains = double (*)(int64_t rounds);              // returns the operations done
using Read = void (*)(const char* data, int64_t size);  // 64-byte aligned, whole blocks of 512 bytes

#if defined(__x86_64__)

// Each instruction adds what `operations` multiplications and additions make to its accumulator.
#define ONWARD_DOT_CHAINS(name, bytes, constraint, instruction, operations)                   \
  double name(int64_t rounds) {                                                               \
    typedef int64_t Vector __attribute__((vector_size(bytes)));                               \
    Vector acc[12], x = Vector{} + 0x3c013c013c013c01, y = x;                                 \
    _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) acc[i] = x;                         \
    for (int64_t r = 0; r < rounds; ++r) {                                                    \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) asm volatile(                     \
          instruction " %1, %2, %0" : "+" constraint(acc[i]) : constraint(x), constraint(y)); \
    }                                                                                         \
    _Pragma("GCC unroll 12") for (int i = 1; i < 12; ++i) acc[0] += acc[i];                   \
    volatile int64_t sink = acc[0][0];                                                        \
    (void)sink;                                                                               \
    return 12.0 * operations * static_cast<double>(rounds);                                   \
  }
#define ONWARD_READ(name, bytes, constraint)                                               \
  void name(const char* data, int64_t size) {                                              \
    typedef int64_t Vector __attribute__((vector_size(bytes)));                            \
    for (const char* end = data + size; data < end; data += 512) {                         \
      _Pragma("GCC unroll 32") for (int i = 0; i < 512 / bytes; ++i) {                     \
        asm volatile("" ::constraint(*reinterpret_cast<const Vector*>(data + i * bytes))); \
      }                                                                                    \
    }                                                                                      \
  }

ONWARD_READ(read_portable, 16, "x")
#pragma GCC push_options
#pragma GCC target("avx2")
ONWARD_DOT_CHAINS(run_int8_avx2, 32, "x", "%{vex%} vpdpbusd", 64)
ONWARD_READ(read_avx2, 32, "x")
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
ONWARD_DOT_CHAINS(run_int8_avx512, 64, "v", "vpdpbusd", 128)
ONWARD_DOT_CHAINS(run_fp16_avx512, 64, "v", "vfmadd231ph", 64)
ONWARD_DOT_CHAINS(run_bf16_avx512, 64, "v", "vdpbf16ps", 64)
ONWARD_READ(read_avx512, 64, "v")
#pragma GCC pop_options

// Null where the processor or its system has no such instruction.
Chains int8_chains() {
  if (__builtin_cpu_supports("avx512vnni")) return run_int8_avx512;
  return __builtin_cpu_supports("avxvnni") ? run_int8_avx2 : nullptr;
}
Chains fp16_chains() { return __builtin_cpu_supports("avx512fp16") ? run_fp16_avx512 : nullptr; }
Chains bf16_chains() { return __builtin_cpu_supports("avx512bf16") ? run_bf16_avx512 : nullptr; }
Read best_read() {
  if (__builtin_cpu_supports("avx512f")) return read_avx512;
  return __builtin_cpu_supports("avx2") ? read_avx2 : read_portable;
}

#else

void read_portable(const char* data, int64_t size) {
  typedef int64_t Vector __attribute__((vector_size(16)));
  for (const char* end = data + size; data < end; data += 512) {
    _Pragma("GCC unroll 32") for (int i = 0; i < 32; ++i) {
      asm volatile("" ::"w"(*reinterpret_cast<const Vector*>(data + i * 16)));
    }
  }
}
Chains int8_chains() { return nullptr; }
Chains fp16_chains() { return nullptr; }
Chains bf16_chains() { return nullptr; }
Read best_read() { return read_portable; }

#endif

}  // namespace
}  // namespace ow::bench
