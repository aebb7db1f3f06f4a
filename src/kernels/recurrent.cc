#include "kernels/recurrent.h"

#include "kernels/recurrent_table.h"

namespace ow::kernels {

void rnn_cell(int64_t n, const GateActivation& f, const float* x, const float* product, float* h) {
  recurrent_table(best_isa()).rnn(n, f, x, product, h);
}
void lstm_cell(int64_t n, const LstmCell& cell, const float* x, const float* product, float* h, float* c) {
  recurrent_table(best_isa()).lstm(n, cell, x, product, h, c);
}
void gru_gates(int64_t n, const GateActivation& f, const float* x, float* zr, const float* h, float* reset) {
  recurrent_table(best_isa()).gru_open(n, f, x, zr, h, reset);
}
void gru_cell(int64_t n, const GateActivation& g, bool linear_before_reset, const float* x,
              const float* product, const float* zr, float* h) {
  recurrent_table(best_isa()).gru_close(n, g, linear_before_reset, x, product, zr, h);
}

}  // namespace ow::kernels
