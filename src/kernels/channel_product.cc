// The packed matrix begins with 64 bytes that say how it was packed: for which instruction set, and whether
// for the packed GEMM.
#include "kernels/channel_product.h"

#include <algorithm>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/channel_product_table.h"
#include "kernels/gemm.h"

namespace ow::kernels {
namespace {

struct Header {
  Isa isa;
  bool by_gemm;
};
constexpr size_t kHeaderBytes = 64;
// From so many outputs on the GEMM's register tile is filled well enough to be ahead.
constexpr int64_t kManyOutputs = 16;

// What the GEMM computes is a matrix spread out: at several positions most of it would be zeros.
bool by_gemm(const ChannelProduct& s, int lanes) {
  if (s.positions == 1) return s.in_double || s.outputs >= kManyOutputs;
  return !s.in_double && s.positions % lanes != 0 && lanes % s.positions != 0;
}

int64_t row_floats(const ChannelProduct& s, int lanes) {
  return (s.channels * s.positions + lanes - 1) / lanes * lanes;
}

// m: as the table's rows have it, ld floats a row.
void rows_in_double(const ChannelProduct& s, const float* m, int64_t ld, const float* x, float* y) {
  constexpr int64_t kStrip = 16;
  for (int64_t o = 0; o < s.outputs; ++o, m += ld, y += s.positions)
    for (int64_t j0 = 0; j0 < s.positions; j0 += kStrip) {
      const int64_t count = std::min(kStrip, s.positions - j0);
      double sums[kStrip] = {};
      for (int64_t k = j0; k < s.channels * s.positions; k += s.positions)
        for (int64_t j = 0; j < count; ++j) sums[j] += double{m[k + j]} * double{x[k + j]};
      for (int64_t j = 0; j < count; ++j) y[j0 + j] = static_cast<float>(sums[j]);
    }
}

}  // namespace

size_t channel_matrix_bytes(const ChannelProduct& s) {
  const int lanes = channel_product_table(best_isa()).lanes;
  const int64_t width = s.channels * s.positions;
  if (by_gemm(s, lanes))
    return kHeaderBytes + packed_b_bytes(1, width, s.outputs * s.positions) +
           (s.positions > 1 ? static_cast<size_t>(width * s.outputs * s.positions) * sizeof(float) : 0);
  return kHeaderBytes + static_cast<size_t>(s.outputs * row_floats(s, lanes)) * sizeof(float);
}

void pack_channel_matrix(const ChannelProduct& s, const float* m, void* packed, int threads) {
  const Isa isa = best_isa();
  const int lanes = channel_product_table(isa).lanes;
  const Header header{isa, by_gemm(s, lanes)};
  std::memcpy(packed, &header, sizeof(header));
  auto* to = static_cast<std::byte*>(packed) + kHeaderBytes;
  const int64_t width = s.channels * s.positions;
  if (header.by_gemm && s.positions == 1) {
    pack_b({.b = m,
            .k = s.channels,
            .n = s.outputs,
            .stride_k = 1,
            .stride_n = s.channels,
            .in_double = s.in_double},
           to, threads);
    return;
  }
  if (header.by_gemm) {
    const int64_t n = s.outputs * s.positions;
    auto* spread = reinterpret_cast<float*>(to + packed_b_bytes(1, width, n));
    std::fill_n(spread, width * n, 0.0f);
    for (int64_t o = 0; o < s.outputs; ++o)
      for (int64_t k = 0; k < width; ++k)
        spread[k * n + o * s.positions + k % s.positions] = m[o * s.channels + k / s.positions];
    pack_b({.b = spread, .k = width, .n = n, .stride_k = n, .stride_n = 1}, to, threads);
    return;
  }
  auto* rows = reinterpret_cast<float*>(to);
  const int64_t ld = row_floats(s, lanes);
  for (int64_t o = 0; o < s.outputs; ++o)
    for (int64_t k = 0; k < ld; ++k) rows[o * ld + k] = k < width ? m[o * s.channels + k / s.positions] : 0;
}

void channel_product(const ChannelProduct& s, const void* packed, const float* x, float* y, int threads) {
  Header header;
  std::memcpy(&header, packed, sizeof(header));
  const std::byte* m = static_cast<const std::byte*>(packed) + kHeaderBytes;
  if (header.by_gemm) {
    gemm(s.pixels, s.outputs * s.positions, s.channels * s.positions, x, s.in_ld, m, y, s.out_ld, {},
         threads);
    return;
  }
  const ChannelProductTable& table = channel_product_table(header.isa);
  const int64_t grain =
      std::max<int64_t>(2, 65536 / std::max<int64_t>(1, s.channels * s.positions * s.outputs));
  parallel_for(s.pixels, grain, threads, [&](int64_t begin, int64_t end) {
    if (s.in_double) {
      for (int64_t p = begin; p < end; ++p)
        rows_in_double(s, reinterpret_cast<const float*>(m), row_floats(s, table.lanes), x + p * s.in_ld,
                       y + p * s.out_ld);
      return;
    }
    table.rows(s, reinterpret_cast<const float*>(m), x, y, begin, end);
  });
}

}  // namespace ow::kernels
