// What the cells of RNN, GRU and LSTM do with the products of one step: activations and the new state of one
// batch entry, in one pass.
//
// x: the gate inputs W * X[t] with every bias that is added outside of a product; product: R * H[t - 1].
#pragma once
#include <cstdint>

namespace ow::kernels {

// ONNX's activation functions of recurrent operators, of min(max(x, -clip), clip). Errors as in math.h, but
// Elu and Softplus: within 1e-7 times max(1, alpha) of the function.
struct GateActivation {
  enum class Function : uint8_t {
    kRelu,
    kTanh,
    kSigmoid,
    kAffine,
    kLeakyRelu,
    kThresholdedRelu,
    kScaledTanh,
    kHardSigmoid,
    kElu,
    kSoftsign,
    kSoftplus
  };
  Function function = Function::kTanh;
  float alpha = 0, beta = 0;
  float clip = __builtin_inff();
};

// h[i] = f(x[i] + product[i]), i < n. h must not overlap x or product.
void rnn_cell(int64_t n, const GateActivation& f, const float* x, const float* product, float* h);

// Gates at i * n in the order i, o, f, c, peepholes in the order i, o, f (or null); c: the cell state, read
// and written.
struct LstmCell {
  GateActivation gate, input, output;  // f, g, h of the standard
  bool input_forget = false;
  const float* peephole = nullptr;
};
void lstm_cell(int64_t n, const LstmCell& cell, const float* x, const float* product, float* h, float* c);

// zr[i] = f(x[i] + zr[i]) for the 2 n gates z and r; reset[i] = r[i] * h[i].
void gru_gates(int64_t n, const GateActivation& f, const float* x, float* zr, const float* h, float* reset);
// h[i] = (1 - z[i]) * g(x[i] + s * product[i]) + z[i] * h[i], with s = r[i] if linear_before_reset, else 1.
// zr as gru_gates left it; x and product: those of the candidate gate.
void gru_cell(int64_t n, const GateActivation& g, bool linear_before_reset, const float* x,
              const float* product, const float* zr, float* h);

}  // namespace ow::kernels
