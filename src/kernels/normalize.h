// Rows brought to mean 0 and variance 1, by vectors:
//
//   centred      y = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias
//   else         y = x / sqrt(mean(x^2) + epsilon) * scale + bias
//
// Sums run in float32, in many interleaved parts. What the first mean lost to rounding is measured while the
// squares are summed, and taken off, so that rows far from 0 lose nothing by it. Channels of an image (last
// in memory) are measured the same way, block after block, and mapped in a second call.
#pragma once
#include <cstdint>

namespace ow::kernels {

struct RowStatistics {
  double mean, inverse;  // inverse: 1 / the square root
};

struct NormalizeRow {
  const float* x;
  float* y;  // x == y is allowed
  int64_t n;
  double epsilon;
  bool centred;
  const float* scale;  // [n]
  const float* bias;   // [n]; null: none
};
RowStatistics normalize_row(const NormalizeRow& row);

// Mean and sum of squared deviations of `count` numbers. Two sets join (Chan, Golub, LeVeque 1983).
struct Spread {
  double count = 0, mean = 0, squares = 0;
  void join(const Spread& other);
};

// out[c] joins the `pixels` elements x[i * stride + c], in blocks of fixed size and in order.
void join_channels(const float* x, int64_t pixels, int64_t stride, int64_t channels, Spread* out);

// Of n neighbours, in blocks of fixed size and in order.
Spread spread_line(const float* x, int64_t n);

// y[i * y_stride + c] = (x[i * x_stride + c] - mean[c]) * scale[c] + bias[c]. x == y is allowed.
struct ChannelAffine {
  const float* x;
  int64_t x_stride;
  float* y;
  int64_t y_stride, pixels, channels;
  const float *mean, *scale, *bias;
};
void affine_channels(const ChannelAffine& a);
// The same for n neighbours of one channel.
void affine_line(const float* x, float* y, int64_t n, float mean, float scale, float bias);

}  // namespace ow::kernels
