#include "kernels/normalize.h"

#include <algorithm>
#include <cmath>

#include "kernels/normalize_table.h"

namespace ow::kernels {

RowStatistics normalize_row(const NormalizeRow& row) {
  const NormalizeTable& table = normalize_table(best_isa());
  const double n = static_cast<double>(row.n);
  const float shift = row.centred ? static_cast<float>(table.sums(row.x, row.n, 0).sum / n) : 0.0f;
  const RowSums sums = table.sums(row.x, row.n, shift);
  const double rest = row.centred ? sums.sum / n : 0;
  const double inverse = 1 / std::sqrt(sums.squares / n - rest * rest + row.epsilon);
  table.apply(row, shift, static_cast<float>(rest), static_cast<float>(inverse));
  return {static_cast<double>(shift) + rest, inverse};
}

void Spread::join(const Spread& other) {
  if (other.count == 0) return;
  const double total = count + other.count, difference = other.mean - mean;
  mean += difference * (other.count / total);
  squares += other.squares + difference * difference * (count * (other.count / total));
  count = total;
}

void join_channels(const float* x, int64_t pixels, int64_t stride, int64_t channels, Spread* out) {
  const NormalizeTable& table = normalize_table(best_isa());
  float shift[kSpreadChannels], sum[kSpreadChannels], squares[kSpreadChannels];
  for (int64_t i = 0; i < pixels; i += kSpreadPixels)
    for (int64_t c = 0; c < channels; c += kSpreadChannels) {
      const int64_t n = std::min(kSpreadPixels, pixels - i), width = std::min(kSpreadChannels, channels - c);
      table.channel_sums({x + i * stride + c, n, stride, width, shift, sum, squares});
      for (int64_t k = 0; k < width; ++k) {
        const double rest = static_cast<double>(sum[k]) / static_cast<double>(n);
        out[c + k].join(
            {static_cast<double>(n), static_cast<double>(shift[k]) + rest,
             std::max(0.0, static_cast<double>(squares[k]) - rest * static_cast<double>(sum[k]))});
      }
    }
}

Spread spread_line(const float* x, int64_t n) {
  constexpr int64_t kBlock = 4096;  // it stays in the first-level cache
  const NormalizeTable& table = normalize_table(best_isa());
  Spread out;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t count = std::min(kBlock, n - i);
    const auto number = static_cast<double>(count);
    const auto shift = static_cast<float>(table.sums(x + i, count, 0).sum / number);
    const RowSums sums = table.sums(x + i, count, shift);
    const double rest = sums.sum / number;
    out.join({number, static_cast<double>(shift) + rest, std::max(0.0, sums.squares - rest * sums.sum)});
  }
  return out;
}

void affine_channels(const ChannelAffine& a) { normalize_table(best_isa()).affine(a); }

void affine_line(const float* x, float* y, int64_t n, float mean, float scale, float bias) {
  normalize_table(best_isa()).line(x, y, n, mean, scale, bias);
}

}  // namespace ow::kernels
