// What this processor can do, and which instruction set the kernels use.
//
// Each kernel family is written once (`*_isa.inc`) and compiled once per Isa; a call picks its table by
// best_isa(). Packed weights carry the Isa they were packed for, and are run with it.
#pragma once
#include <cstdint>

namespace ow::kernels {

// In increasing order of preference. kPortable is the baseline: SSE2, or NEON on arm64, or wasm's simd128.
enum class Isa : uint8_t { kPortable = 0, kAvx2 = 1, kAvx512 = 2 };
inline constexpr int kIsaCount = 3;

struct CpuFeatures {
  bool avx2 = false, fma = false, f16c = false;
  bool avx512 = false;  // F, BW, VL and DQ
  bool avx512_vnni = false, avx512_bf16 = false, avx_vnni = false;
};

// Asked of the processor (and the operating system) once.
const CpuFeatures& cpu();

// The Isa is compiled into this build and runs on this processor.
bool isa_available(Isa isa);

// The best available Isa, or the one that the environment variable ONWARD_ISA (an isa_name(), or portable) or
// force_isa() names. One that is not available is replaced by the best available one below it.
Isa best_isa();

// For tests: overrides best_isa() until clear_forced_isa(). Not for use while kernels run.
void force_isa(Isa isa);
void clear_forced_isa();

const char* isa_name(Isa isa);  // "portable" (on arm64 "neon", in wasm "simd128"), "avx2", "avx512"

}  // namespace ow::kernels
