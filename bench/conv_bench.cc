// Speed of the float32 convolutions as a share of this processor's measured peak, one thread:
//   conv_bench [part of a name]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/conv.h"
#include "kernels/conv_transpose.h"
#include "kernels/cpu.h"
#include "peak.h"

namespace {

using ow::kernels::ConvMethod;
using ow::kernels::ConvShape;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_gflops() {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = seconds();
    const double flops = ow::bench::run_fma(ow::kernels::best_isa(), 200000);
    best = std::max(best, flops / (seconds() - start) / 1e9);
  }
  return best;
}

float* floats(int64_t n) {
  auto* p = static_cast<float*>(std::aligned_alloc(64, static_cast<size_t>((n * 4 + 63) / 64 * 64)));
  for (int64_t i = 0; i < n; ++i) p[i] = static_cast<float>(i % 13) - 6;
  return p;
}

struct Case {
  const char* name;
  int64_t channels_in, channels_out, groups, size, kernel, stride, pad;
  bool transposed;
  ConvMethod method = ConvMethod::kDirect;
};

void bench(const Case& c) {
  ConvShape s;
  s.method = c.method;
  s.in_channels = s.in_ld = c.channels_in, s.out_channels = s.out_ld = c.channels_out, s.groups = c.groups;
  for (int i = 1; i < 3; ++i) {
    s.in[i] = c.size, s.kernel[i] = c.kernel, s.stride[i] = c.stride, s.pad[i] = c.pad;
    s.out[i] = c.transposed ? (c.size - 1) * c.stride + c.kernel - 2 * c.pad
                            : (c.size + 2 * c.pad - c.kernel) / c.stride + 1;
  }
  const int64_t weights = c.channels_in * c.channels_out / c.groups * s.taps();
  float *in = floats(s.in_pixels() * s.in_ld), *out = floats(s.out_pixels() * s.out_ld), *w = floats(weights);
  float* packed =
      floats(static_cast<int64_t>(c.transposed ? conv_transpose_packed_bytes(s) : conv_packed_bytes(s)));
  (c.transposed ? ow::kernels::conv_transpose_pack : ow::kernels::conv_pack)(s, w, packed, 1);
  float* scratch = floats(static_cast<int64_t>(c.transposed ? 4 : conv_scratch_bytes(s, 1) + 4));
  const double before = peak_gflops();
  double best = 1e9;
  for (const double stop = seconds() + 0.3; seconds() < stop;) {
    const double start = seconds();
    (c.transposed ? ow::kernels::conv_transpose : ow::kernels::conv)(
        s, packed, in, out, {.activation = ow::kernels::Activation::kRelu}, scratch, 1);
    best = std::min(best, seconds() - start);
  }
  const double peak = std::max(before, peak_gflops());
  const int64_t pixels = c.transposed ? s.in_pixels() : s.out_pixels();
  const double gflops = 2e-9 * static_cast<double>(weights) * static_cast<double>(pixels) / best;
  std::printf("%-24s %9.1f us %7.1f GF/s %5.1f %% of %.1f\n", c.name, best * 1e6, gflops, 100 * gflops / peak,
              peak);
  for (float* p : {in, out, w, packed, scratch}) std::free(p);
}

}  // namespace

int main(int argc, char** argv) {
  const Case cases[] = {
      {"3x3 64@56", 64, 64, 1, 56, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 64@56 F(2)", 64, 64, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 64@56 F(4)", 64, 64, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 64@56 F(6)", 64, 64, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 128@28", 128, 128, 1, 28, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 128@28 F(2)", 128, 128, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 128@28 F(4)", 128, 128, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 128@28 F(6)", 128, 128, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 256@14", 256, 256, 1, 14, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 256@14 F(2)", 256, 256, 1, 14, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 256@14 F(4)", 256, 256, 1, 14, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 256@14 F(6)", 256, 256, 1, 14, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 512@7", 512, 512, 1, 7, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 512@7 F(2)", 512, 512, 1, 7, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 512@7 F(4)", 512, 512, 1, 7, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 512@7 F(6)", 512, 512, 1, 7, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 32@512", 32, 32, 1, 512, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 32@512 F(2)", 32, 32, 1, 512, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 32@512 F(4)", 32, 32, 1, 512, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 32@512 F(6)", 32, 32, 1, 512, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 64@256", 64, 64, 1, 256, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 64@256 F(2)", 64, 64, 1, 256, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 64@256 F(4)", 64, 64, 1, 256, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 64@256 F(6)", 64, 64, 1, 256, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 128@128", 128, 128, 1, 128, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 128@128 F(2)", 128, 128, 1, 128, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 128@128 F(4)", 128, 128, 1, 128, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 128@128 F(6)", 128, 128, 1, 128, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 256@64", 256, 256, 1, 64, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 256@64 F(2)", 256, 256, 1, 64, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 256@64 F(4)", 256, 256, 1, 64, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 256@64 F(6)", 256, 256, 1, 64, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 512@28", 512, 512, 1, 28, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 512@28 F(2)", 512, 512, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 512@28 F(4)", 512, 512, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 512@28 F(6)", 512, 512, 1, 28, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"3x3 32@56", 32, 32, 1, 56, 3, 1, 1, false, ConvMethod::kDirect},
      {"3x3 32@56 F(2)", 32, 32, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd2},
      {"3x3 32@56 F(4)", 32, 32, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd4},
      {"3x3 32@56 F(6)", 32, 32, 1, 56, 3, 1, 1, false, ConvMethod::kWinograd6},
      {"1x1 64->256@56", 64, 256, 1, 56, 1, 1, 0, false},
      {"1x1 1024->256@14", 1024, 256, 1, 14, 1, 1, 0, false},
      {"1x1 512->2048@7", 512, 2048, 1, 7, 1, 1, 0, false},
      {"1x1 16->96@112", 16, 96, 1, 112, 1, 1, 0, false},
      {"7x7s2 3->64@224", 3, 64, 1, 224, 7, 2, 3, false},
      {"3x3s2 32->64@320", 32, 64, 1, 320, 3, 2, 1, false, ConvMethod::kDirect},
      {"3x3s2 32->64@320 F(3)", 32, 64, 1, 320, 3, 2, 1, false, ConvMethod::kWinograd3},
      {"3x3s2 64->128@160", 64, 128, 1, 160, 3, 2, 1, false, ConvMethod::kDirect},
      {"3x3s2 64->128@160 F(3)", 64, 128, 1, 160, 3, 2, 1, false, ConvMethod::kWinograd3},
      {"3x3s2 128->256@80", 128, 256, 1, 80, 3, 2, 1, false, ConvMethod::kDirect},
      {"3x3s2 128->256@80 F(3)", 128, 256, 1, 80, 3, 2, 1, false, ConvMethod::kWinograd3},
      {"3x3s2 256->512@40", 256, 512, 1, 40, 3, 2, 1, false, ConvMethod::kDirect},
      {"3x3s2 256->512@40 F(3)", 256, 512, 1, 40, 3, 2, 1, false, ConvMethod::kWinograd3},
      {"3x3s2 256->256@28", 256, 256, 1, 28, 3, 2, 1, false, ConvMethod::kDirect},
      {"3x3s2 256->256@28 F(3)", 256, 256, 1, 28, 3, 2, 1, false, ConvMethod::kWinograd3},
      {"3x3s2 3->32@224", 3, 32, 1, 224, 3, 2, 1, false},
      {"dw 3x3 96@112", 96, 96, 96, 112, 3, 1, 1, false},
      {"dw 3x3 384@14", 384, 384, 384, 14, 3, 1, 1, false},
      {"dw 7x7 96@56", 96, 96, 96, 56, 7, 1, 3, false},
      {"group 32 3x3 256@28", 256, 256, 32, 28, 3, 1, 1, false},
      {"T 2x2s2 64->32@128", 64, 32, 1, 128, 2, 2, 0, true},
      {"T 4x4s2 512->256@16", 512, 256, 1, 16, 4, 2, 1, true},
  };
  for (const Case& c : cases)
    if (argc < 2 || std::strstr(c.name, argv[1])) bench(c);
}
