#include "kernels/softmax.h"

#include "kernels/softmax_table.h"

namespace ow::kernels {

void softmax_rows(const float* x, float* y, int64_t rows, int64_t n) {
  const auto row = softmax_table(best_isa()).row;
  for (int64_t r = 0; r < rows; ++r) row(x + r * n, y + r * n, n);
}

void log_softmax_rows(const float* x, float* y, int64_t rows, int64_t n) {
  const auto row = softmax_table(best_isa()).log_row;
  for (int64_t r = 0; r < rows; ++r) row(x + r * n, y + r * n, n);
}

float exp_row(const float* x, float* y, int64_t n) { return softmax_table(best_isa()).exp_row(x, y, n); }

void add_row(const float* x, float* y, int64_t n) { softmax_table(best_isa()).add(x, y, n); }
void scale_row(float factor, float* y, int64_t n) { softmax_table(best_isa()).scale(factor, y, n); }

void softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t columns) {
  softmax_table(best_isa()).columns(x, y, n, stride, columns);
}

void log_softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t columns) {
  softmax_table(best_isa()).log_columns(x, y, n, stride, columns);
}

}  // namespace ow::kernels
