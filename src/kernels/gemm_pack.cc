// Packing of B into panels: [panel][tap][k][column], each panel as wide as the register tile, columns past N
// zero.
#include <algorithm>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/gemm_core.h"
#include "kernels/square.h"

namespace ow::kernels {
namespace {

typedef float Four __attribute__((vector_size(16)));
typedef float FourUnaligned __attribute__((vector_size(16), aligned(1), may_alias));

// B's columns lie along k: squares of 4 x 4 are turned in registers. to[r]: where row r goes.
void turn_square(const UnalignedFloat* b, int64_t stride, float scale, float* const (&to)[4]) {
  Four rows[4];
  for (int i = 0; i < 4; ++i) rows[i] = *reinterpret_cast<const FourUnaligned*>(b + i * stride) * scale;
  transpose_4x4(rows);
  for (int i = 0; i < 4; ++i) *reinterpret_cast<FourUnaligned*>(to[i]) = rows[i];
}

// row(i): where row i of the panel begins, i < k.
template <class F>
void pack_turned(const UnalignedFloat* b, int64_t k, int64_t n, int64_t stride, float scale, int64_t width,
                 F row) {
  for (int64_t i = 0; i < k; i += 4) {
    float* to[4] = {};
    const int64_t some = std::min<int64_t>(k - i, 4);
    for (int64_t r = 0; r < some; ++r) to[r] = row(i + r);
    int64_t j = 0;
    for (; some == 4 && j + 4 <= n; j += 4) {
      turn_square(b + j * stride + i, stride, scale, to);
      for (float*& at : to) at += 4;
    }
    for (int64_t r = 0; r < some; ++r) {
      for (int64_t c = j; c < n; ++c) *to[r]++ = b[c * stride + i + r] * scale;
      std::fill(to[r], to[r] + width - n, 0.0f);
    }
  }
}

// One row of a panel: n numbers of B, `stride` apart, the rest zero.
inline void pack_row(const UnalignedFloat* row, int64_t n, int64_t stride, float scale, float* out,
                     int64_t width) {
  if (stride == 1)
    for (int64_t j = 0; j < n; ++j) out[j] = row[j] * scale;
  else
    for (int64_t j = 0; j < n; ++j) out[j] = row[j * stride] * scale;
  std::fill(out + n, out + width, 0.0f);
}

// Rows [begin, end) of a B whose rows are contiguous, into all panels: B is read from its first row to its
// last.
void pack_rows(const GemmTable& table, const BSource& s, int64_t begin, int64_t end, float* panels) {
  for (int64_t column = 0; column < s.n; column += table.panel_columns) {
    const int64_t n = s.n - column, width = table.width(n), some = std::min(n, width);
    float* out = panels + column * s.k + begin * width;
    for (int64_t k = begin; k < end; ++k, out += width)
      pack_row(s.b + k * s.stride_k + column, some, 1, s.scale, out, width);
  }
}

// One panel of `width` columns, `n` of them from B.
void pack_panel(const BSource& s, const TapGrid* grid, int64_t column, int64_t n, int64_t width, float* out) {
  const UnalignedFloat* const b = s.b + column * s.stride_n;
  if (!grid && s.stride_tap == 1 && s.stride_k == s.taps)  // the taps lie side by side
    return pack_turned(b, s.taps * s.k, n, s.stride_n, s.scale, width,
                       [&](int64_t i) { return out + (i % s.taps * s.k + i / s.taps) * width; });
  for (int64_t tap = 0; tap < s.taps; ++tap, out += s.k * width) {
    const UnalignedFloat* const at = b + (grid ? grid->offset(tap) : tap * s.stride_tap);
    if (s.stride_k == 1 && s.stride_n != 1)
      pack_turned(at, s.k, n, s.stride_n, s.scale, width, [&](int64_t i) { return out + i * width; });
    else
      for (int64_t k = 0; k < s.k; ++k)
        pack_row(at + k * s.stride_k, n, s.stride_n, s.scale, out + k * width, width);
  }
}

}  // namespace

int64_t panel_floats(const GemmTable& table, int64_t rows, int64_t n) {
  const int64_t rest = n % table.panel_columns;
  return (rows * (n - rest + table.width(rest)) + 15) / 16 * 16;
}

void pack_panels(const GemmTable& table, const BSource& source, const TapGrid* grid, float* panels,
                 int threads) {
  const int64_t count = (source.n + table.panel_columns - 1) / table.panel_columns;
  const int64_t rows = source.taps * source.k;
  if (source.stride_n == 1 && source.taps == 1 && !grid) {
    constexpr int64_t kPieceFloats = 64 * 1024;
    const int64_t piece = std::max<int64_t>(8, kPieceFloats / std::max<int64_t>(source.n, 1));
    parallel_for((source.k + piece - 1) / piece, 1, threads, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin * piece; k < std::min(end * piece, source.k); k += piece) {
        const int64_t after = std::min(k + piece, source.k);
        pack_rows(table, source, k, after, panels);
        if (source.packed) (*source.packed)(k * source.stride_k, after * source.stride_k);
      }
    });
    return;
  }
  const int64_t grain = 1 + 16 * 1024 / std::max<int64_t>(rows * table.panel_columns, 1);
  parallel_for(count, grain, threads, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * table.panel_columns, n = source.n - column;
      const int64_t width = table.width(n);
      pack_panel(source, grid, column, std::min(n, width), width, panels + column * rows);
      if (source.packed)
        (*source.packed)(column * source.stride_n, (column + std::min(n, width)) * source.stride_n);
    }
  });
}

size_t packed_b_bytes(int64_t taps, int64_t k, int64_t n) {
  return 64 + 4 * static_cast<size_t>(panel_floats(gemm_table(best_isa()), taps * k, n));
}

void pack_b(const BSource& source, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa, source.in_double};
  pack_panels(gemm_table(isa), source, nullptr, packed_data(packed), threads);
}

}  // namespace ow::kernels
