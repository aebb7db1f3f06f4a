// Speed of the float32 matrix product as a share of this processor's measured peak, one thread:
//   gemm_bench [M N K]
// The peak is timed before and after each product, because clocks move.
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/gemm.h"
#include "peak.h"

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_gflops(ow::kernels::Isa isa) {
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    const double start = seconds();
    const double flops = ow::bench::run_fma(isa, 200000);
    best = std::max(best, flops / (seconds() - start) / 1e9);
  }
  return best;
}

// In large pages, as the engine's weights are.
float* aligned(int64_t bytes) {
  constexpr int64_t kPage = 2 << 20;
  const int64_t rounded = (bytes + kPage - 1) / kPage * kPage;
  void* p = std::aligned_alloc(kPage, static_cast<size_t>(rounded));
#if defined(__linux__)
  (void)::madvise(p, static_cast<size_t>(rounded), MADV_HUGEPAGE);
#endif
  return static_cast<float*>(p);
}

void bench(ow::kernels::Isa isa, int64_t m, int64_t n, int64_t k) {
  ow::kernels::force_isa(isa);
  float *a = aligned(m * k * 4), *b = aligned(k * n * 4), *c = aligned(m * n * 4);
  for (int64_t i = 0; i < m * k; ++i) a[i] = static_cast<float>(i % 13) - 6;
  for (int64_t i = 0; i < k * n; ++i) b[i] = static_cast<float>(i % 11) - 5;
  float* packed = aligned(static_cast<int64_t>(ow::kernels::packed_b_bytes(1, k, n)));
  ow::kernels::pack_b({.b = b, .k = k, .n = n, .stride_k = n, .stride_n = 1}, packed, 1);
  const double before = peak_gflops(isa);
  double best = 1e9;
  const double stop = seconds() + 0.5;
  while (seconds() < stop) {
    const double start = seconds();
    ow::kernels::gemm(m, n, k, a, k, packed, c, n, {}, 1);
    best = std::min(best, seconds() - start);
  }
  const double peak = std::max(before, peak_gflops(isa));
  const double gflops = 2e-9 * static_cast<double>(m * n) * static_cast<double>(k) / best;
  std::printf("%-8s %5lld x %5lld x %5lld  %7.1f GF/s  peak %7.1f  %5.1f %%\n", isa_name(isa),
              static_cast<long long>(m), static_cast<long long>(n), static_cast<long long>(k), gflops, peak,
              100 * gflops / peak);
  for (float* p : {a, b, c, packed}) std::free(p);
}

}  // namespace

int main(int argc, char** argv) {
  using ow::kernels::Isa;
  for (Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    if (!isa_available(isa)) continue;
    if (argc == 4) {
      bench(isa, std::atoll(argv[1]), std::atoll(argv[2]), std::atoll(argv[3]));
    } else {
      for (int64_t n : {64, 256, 512, 1024}) bench(isa, n, n, n);
      bench(isa, 49, 2048, 512);
      bench(isa, 49, 3072, 768);
      bench(isa, 128, 3072, 768);
      bench(isa, 128, 768, 3072);
      bench(isa, 197, 768, 768);
      for (int64_t m : {1, 4, 8}) bench(isa, m, 4096, 4096);
      bench(isa, 1, 1024, 256);
    }
  }
}
