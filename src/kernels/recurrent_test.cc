// Against the formulas in float64 written out here, at sizes around the vector width, every activation, in
// buffers that end where the data end.
#include "kernels/recurrent.h"

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

using Function = GateActivation::Function;

double expected(const GateActivation& f, double x) {
  const double alpha = static_cast<double>(f.alpha), beta = static_cast<double>(f.beta);
  if (!std::isinf(f.clip))
    x = std::min(std::max(x, -static_cast<double>(f.clip)), static_cast<double>(f.clip));
  switch (f.function) {
    case Function::kRelu:
      return std::max(x, 0.0);
    case Function::kTanh:
      return std::tanh(x);
    case Function::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Function::kAffine:
      return alpha * x + beta;
    case Function::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case Function::kThresholdedRelu:
      return x > alpha ? x : 0;
    case Function::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case Function::kHardSigmoid:
      return std::min(std::max(alpha * x + beta, 0.0), 1.0);
    case Function::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Function::kSoftsign:
      return x / (1 + std::fabs(x));
    case Function::kSoftplus:
      return std::log1p(std::exp(x));
  }
  return x;
}

const Function kFunctions[] = {Function::kRelu,       Function::kTanh,        Function::kSigmoid,
                               Function::kAffine,     Function::kLeakyRelu,   Function::kThresholdedRelu,
                               Function::kScaledTanh, Function::kHardSigmoid, Function::kElu,
                               Function::kSoftsign,   Function::kSoftplus};

std::vector<float> scaled(Random& random, int64_t n, float scale) {
  std::vector<float> v = random.floats(n);
  for (float& x : v) x *= scale;
  return v;
}

TEST(RecurrentCells, EveryActivation) {
  for_each_isa([] {
    for (Function function : kFunctions)
      for (float clip : {__builtin_inff(), 1.5f})
        for (int64_t n : {1, 7, 16, 33}) {
          Random random(static_cast<uint64_t>(n));
          const GateActivation f{function, 0.7f, 0.3f, clip};
          const auto x = scaled(random, n, 6), product = scaled(random, n, 6);
          std::vector<float> h(static_cast<size_t>(n));
          rnn_cell(n, f, x.data(), product.data(), h.data());
          for (size_t i = 0; i < h.size(); ++i)
            ASSERT_NEAR(h[i], expected(f, static_cast<double>(x[i] + product[i])), 2e-6)
                << "function " << static_cast<int>(function) << " of " << x[i] + product[i];
        }
  });
}

void check_lstm(int64_t n, const LstmCell& cell, uint64_t seed) {
  Random random(seed);
  const auto x = scaled(random, 4 * n, 3), product = scaled(random, 4 * n, 3), before = scaled(random, n, 2);
  std::vector<float> h(static_cast<size_t>(n)), c = before;
  lstm_cell(n, cell, x.data(), product.data(), h.data(), c.data());
  for (int64_t i = 0; i < n; ++i) {
    const double old = static_cast<double>(before[i]);
    auto sum = [&](int64_t gate, int64_t peep, double state) {
      const double p = cell.peephole && peep >= 0 ? static_cast<double>(cell.peephole[peep * n + i]) : 0;
      return static_cast<double>(x[gate * n + i]) + static_cast<double>(product[gate * n + i]) + p * state;
    };
    const double in = expected(cell.gate, sum(0, 0, old));
    const double forget = cell.input_forget ? 1 - in : expected(cell.gate, sum(2, 2, old));
    const double state = forget * old + in * expected(cell.input, sum(3, -1, 0));
    ASSERT_NEAR(c[i], state, 5e-6) << "n " << n << " at " << i;
    ASSERT_NEAR(h[i], expected(cell.gate, sum(1, 1, state)) * expected(cell.output, state), 5e-6)
        << "n " << n << " at " << i;
  }
}

TEST(RecurrentCells, Lstm) {
  for_each_isa([] {
    for (int64_t n : {1, 5, 16, 17, 64, 95}) {
      const std::vector<float> peephole = Random(3).floats(3 * n);
      for (const float* p : {static_cast<const float*>(nullptr), peephole.data()})
        for (bool input_forget : {false, true}) {
          check_lstm(n, {{Function::kSigmoid}, {Function::kTanh}, {Function::kTanh}, input_forget, p}, 5);
          check_lstm(n,
                     {{Function::kHardSigmoid, 0.2f, 0.5f, 2.0f},
                      {Function::kSoftsign, 0, 0, 2.0f},
                      {Function::kElu, 0.5f},
                      input_forget,
                      p},
                     6);
        }
    }
  });
}

TEST(RecurrentCells, Gru) {
  for_each_isa([] {
    const GateActivation f{Function::kSigmoid}, g{Function::kTanh};
    for (bool linear : {false, true})
      for (int64_t n : {1, 6, 16, 31, 80}) {
        Random random(static_cast<uint64_t>(n));
        const auto x = scaled(random, 3 * n, 3), gates = scaled(random, 2 * n, 3),
                   candidate = scaled(random, n, 2), before = random.floats(n);
        std::vector<float> zr = gates, reset(static_cast<size_t>(n)), h = before;
        gru_gates(n, f, x.data(), zr.data(), h.data(), reset.data());
        gru_cell(n, g, linear, x.data() + 2 * n, candidate.data(), zr.data(), h.data());
        for (int64_t i = 0; i < n; ++i) {
          const double z = expected(f, static_cast<double>(x[i] + gates[i]));
          const double r = expected(f, static_cast<double>(x[n + i] + gates[n + i]));
          ASSERT_NEAR(reset[i], r * static_cast<double>(before[i]), 2e-6);
          const double value = expected(
              g, static_cast<double>(x[2 * n + i]) + (linear ? r : 1) * static_cast<double>(candidate[i]));
          ASSERT_NEAR(h[i], (1 - z) * value + z * static_cast<double>(before[i]), 2e-6);
        }
      }
  });
}

}  // namespace
}  // namespace ow::kernels
