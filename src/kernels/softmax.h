// Softmax and its logarithm over lines of float32, by vectors.
//
//   y[i] = exp(x[i] - m) / sum_j exp(x[j] - m),  m = max_j x[j]          log: y[i] = x[i] - m - log(sum)
//
// A line with a NaN or +inf in it, or of nothing but -inf, is all NaN, as in numpy. x == y (in place) is
// allowed; no other overlap. What a line gives depends on it alone, not on the lines beside it.
#pragma once
#include <cstdint>

namespace ow::kernels {

// `rows` lines of n contiguous elements.
void softmax_rows(const float* x, float* y, int64_t rows, int64_t n);
void log_softmax_rows(const float* x, float* y, int64_t rows, int64_t n);

// y[i] = f exp(x[i] - m), with one factor f in [0.7, 1.42] for the line; the sum of them, for the caller to
// divide by. A line of nothing but -inf gives zeros and 0, one with a NaN or +inf the sum NaN.
float exp_row(const float* x, float* y, int64_t n);

// What attention does around it: y[i] += x[i], y[i] *= factor.
void add_row(const float* x, float* y, int64_t n);
void scale_row(float factor, float* y, int64_t n);

// `columns` lines side by side, the n elements of each `stride` apart.
void softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t columns);
void log_softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t columns);

}  // namespace ow::kernels
