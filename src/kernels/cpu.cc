// Detection through the compiler's runtime, which also asks whether the operating system saves the registers.
#include "kernels/cpu.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "build_isas.h"

namespace ow::kernels {
namespace {

CpuFeatures detect() {
  CpuFeatures f;
#if defined(__x86_64__)
  __builtin_cpu_init();
  f.avx2 = __builtin_cpu_supports("avx2");
  f.fma = __builtin_cpu_supports("fma");
  f.f16c = f.avx2;  // every processor with AVX2 has it
  f.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  f.avx512_vnni = f.avx512 && __builtin_cpu_supports("avx512vnni");
  f.avx512_bf16 = f.avx512 && __builtin_cpu_supports("avx512bf16");
#endif
  return f;
}

constinit std::atomic<int> g_forced{-1};

Isa best_at_most(Isa isa) {
  int i = static_cast<int>(isa);
  while (!isa_available(static_cast<Isa>(i))) --i;
  return static_cast<Isa>(i);
}

Isa default_isa() {
  if (const char* name = std::getenv("ONWARD_ISA")) {
    if (std::strcmp(name, "portable") == 0) return Isa::kPortable;
    for (int i = 0; i < kIsaCount; ++i)
      if (std::strcmp(name, isa_name(static_cast<Isa>(i))) == 0) return best_at_most(static_cast<Isa>(i));
  }
  return best_at_most(Isa::kAvx512);
}

}  // namespace

const CpuFeatures& cpu() {
  static const CpuFeatures features = detect();
  return features;
}

bool isa_available(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return true;
    case Isa::kAvx2:
      return build::kIsa_avx2 && cpu().avx2 && cpu().fma;
    case Isa::kAvx512:
      return build::kIsa_avx512 && cpu().avx512 && cpu().fma;
  }
  return false;
}

Isa best_isa() {
  if (int forced = g_forced.load(std::memory_order_relaxed); forced >= 0) return static_cast<Isa>(forced);
  static const Isa isa = default_isa();
  return isa;
}

void force_isa(Isa isa) { g_forced.store(static_cast<int>(best_at_most(isa)), std::memory_order_relaxed); }
void clear_forced_isa() { g_forced.store(-1, std::memory_order_relaxed); }

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
#if defined(__aarch64__)
      return "neon";
#elif defined(__wasm_simd128__)
      return "simd128";
#else
      return "portable";
#endif
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "?";
}

}  // namespace ow::kernels
