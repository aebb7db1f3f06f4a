#include "kernels/winograd_weights.h"

#include <algorithm>

#include "kernels/ceil_div.h"
#include "kernels/square.h"

namespace ow::kernels {
namespace {

constexpr int64_t kMostChannels = 512;                            // of a piece of the sum
constexpr int64_t kMadeBytes = 640 * 1024, kFewestChannels = 16;  // of a block that is made in the run
constexpr int kMaxPanelColumns = 32;

typedef float Four __attribute__((vector_size(16)));
typedef float FourUnaligned __attribute__((vector_size(16), aligned(1), may_alias));

// to[i * width + j] = from[j * stride + i], i < area, j < n.
void turn_kernels(const UnalignedFloat* from, int64_t stride, int64_t area, int64_t n, float* to,
                  int64_t width) {
  const int64_t squares = area / 4 * 4;
  int64_t j = 0;
  for (; j + 4 <= n; j += 4)
    for (int64_t i = 0; i < squares; i += 4) {
      Four rows[4];
      for (int r = 0; r < 4; ++r)
        rows[r] = *reinterpret_cast<const FourUnaligned*>(from + (j + r) * stride + i);
      transpose_4x4(rows);
      for (int r = 0; r < 4; ++r) *reinterpret_cast<FourUnaligned*>(to + (i + r) * width + j) = rows[r];
    }
  for (int64_t column = 0; column < n; ++column)
    for (int64_t i = column < j ? squares : 0; i < area; ++i)
      to[i * width + column] = from[column * stride + i];
}

// Sets of weights at multiples of 4 KiB would share few sets of a cache.
int64_t made_step(int64_t channels, int64_t columns) {
  const int64_t floats = channels * columns;
  return floats % 1024 == 0 ? floats + 16 : floats;
}

}  // namespace

const WinogradTransforms& winograd_transforms(Isa isa, const ConvShape& s, WinogradForm form) {
  const WinogradTable& table = winograd_table(isa);
  return form.m == kStrideTwoOutputs ? table.stride_two
                                     : table.unit_stride[(s.kernel[1] - 3) / 2][(form.m - 2) / 2];
}

WinogradWeights::WinogradWeights(Isa isa, const ConvShape& s, WinogradForm form)
    : table_(gemm_table(isa)),
      transforms_(winograd_transforms(isa, s, form)),
      s_(s),
      at_use_(form.at_use),
      sets_(winograd_line(s, form.m).weights * winograd_line(s, form.m).weights),
      area_(s.kernel[1] * s.kernel[2]),
      depth_(s.kernel[0] * s.in_channels),
      panel_floats_(panel_floats(table_, depth_, s.out_channels)) {
  int64_t most = kMostChannels;
  if (at_use_)
    most = std::max(kMadeBytes / (sets_ * table_.panel_columns * 4) / kFewestChannels * kFewestChannels,
                    kFewestChannels);
  piece_ = std::max<int64_t>(ceil_div(depth_, ceil_div(depth_, most)), 1);
}

int64_t WinogradWeights::packed_floats() const {
  return at_use_ ? panel_floats(table_, depth_ * area_, s_.out_channels) : sets_ * panel_floats_;
}

int64_t WinogradWeights::scratch_floats() const {
  return at_use_ ? sets_ * made_step(piece_, table_.panel_columns) : 0;
}

void WinogradWeights::pack(const UnalignedFloat* w, float* packed, int threads) const {
  const int64_t row = depth_ * area_;
  const int64_t panels = ceil_div(s_.out_channels, table_.panel_columns);
  parallel_for(panels, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * table_.panel_columns, columns = s_.out_channels - column;
      const int64_t width = table_.width(columns);
      float kernels[kMaxWinogradTaps * kMaxWinogradTaps * kMaxPanelColumns] = {};
      for (int64_t k = 0; k < depth_; ++k) {
        const int64_t plane = k / s_.in_channels, c = k % s_.in_channels;
        turn_kernels(w + column * row + (c * s_.kernel[0] + plane) * area_, row, area_,
                     std::min(columns, width), kernels, width);
        transforms_.kernels(
            {kernels, 1, width, width, 0, packed + column * depth_ + k * width, panel_floats_});
      }
    }
  });
}

WinogradWeights::Block WinogradWeights::block(const float* packed, int64_t panel, int64_t k, int64_t count,
                                              float* scratch) const {
  const int64_t column = panel * table_.panel_columns, width = table_.width(s_.out_channels - column);
  if (!at_use_) return {packed + column * depth_ + k * width, panel_floats_};
  const float* const kernels = packed + column * depth_ * area_;
  const int64_t step = made_step(count, width), end = k + count, tap_step = s_.in_channels * width;
  for (int64_t i = k; i < end;) {
    const int64_t plane = i / s_.in_channels, c = i % s_.in_channels,
                  together = std::min(end - i, s_.in_channels - c);
    transforms_.kernels_quickly({kernels + plane * area_ * tap_step + c * width, together, width, tap_step,
                                 width, scratch + (i - k) * width, step});
    i += together;
  }
  Block made{scratch, step};
  if (s_.kernel[0] != 1) return made;
  const bool last = end == depth_;  // then the next panel's follow
  const int64_t next_column = last ? column + table_.panel_columns : column;
  if (next_column >= s_.out_channels) return made;
  const int64_t next_width = table_.width(s_.out_channels - next_column);
  made.next = packed + next_column * depth_ * area_ + (last ? 0 : end * next_width);
  made.next_count = area_, made.next_step = s_.in_channels * next_width;
  made.next_floats = std::min(piece_, last ? depth_ : depth_ - end) * next_width;
  return made;
}

}  // namespace ow::kernels
