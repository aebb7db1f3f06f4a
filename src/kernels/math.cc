// Forwards to the table of the best instruction set.
#include "kernels/math.h"

#include "kernels/math_table.h"

namespace ow::kernels {

void exp(const float* x, float* y, int64_t n) { math_table(best_isa()).exp(x, y, n); }
void log(const float* x, float* y, int64_t n) { math_table(best_isa()).log(x, y, n); }
void erf(const float* x, float* y, int64_t n) { math_table(best_isa()).erf(x, y, n); }
void tanh(const float* x, float* y, int64_t n) { math_table(best_isa()).tanh(x, y, n); }
void sigmoid(const float* x, float* y, int64_t n) { math_table(best_isa()).sigmoid(x, y, n); }

void activate(Activation activation, float alpha, float beta, const float* x, float* y, int64_t n) {
  math_table(best_isa()).activate(activation, alpha, beta, x, y, n);
}

}  // namespace ow::kernels
