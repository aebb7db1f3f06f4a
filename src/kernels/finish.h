// What an epilogue does to sums that are in memory, after the bias: for kernels that do not do it as they
// store.
#pragma once
#include <algorithm>

#include "kernels/gemm.h"
#include "kernels/math_table.h"

namespace ow::kernels {

// Of pixels [pixel, pixel + pixels), whose n channels begin at y, ld apart.
inline void finish_pixels(const Epilogue& e, const MathTable& math, int64_t pixel, int64_t pixels, int64_t n,
                          float* y, int64_t ld) {
  const Bounds bounds(e);
  const auto add_residual = [&] {
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < n; ++c) y[p * ld + c] += e.residual[(pixel + p) * e.residual_ld + c];
  };
  if (e.residual && !e.residual_after_activation) add_residual();
  const int64_t lines = ld == n ? 1 : pixels, length = ld == n ? pixels * n : n;  // without gaps
  for (int64_t i = 0; i < lines; ++i) {
    float* const line = y + i * ld;
    if (bounds.cuts)
      std::transform(line, line + length, line, bounds);
    else if (bounds.activation_left)
      math.activate(e.activation, e.alpha, e.beta, line, line, length);
  }
  if (e.residual && e.residual_after_activation) add_residual();
}

}  // namespace ow::kernels
