// GRU, gates in the order z, r, h; H' is the state before:
//
//   z = f(X Wz^T + H' Rz^T + Wbz + Rbz)            r = f(X Wr^T + H' Rr^T + Wbr + Rbr)
//   h = g(X Wh^T + (r . H') Rh^T + Wbh + Rbh)      or, with linear_before_reset,
//   h = g(X Wh^T + r . (H' Rh^T + Rbh) + Wbh)
//   H = (1 - z) . h + z . H'
#include "ops/op/op.h"
#include "ops/op/recurrent.h"

namespace ow {
namespace {

Result<RecurrentAttrs> read(const AttrReader& a) { return read_recurrent(a, {"Sigmoid", "Tanh"}); }
Status infer(const RecurrentAttrs& a, InferContext& c) { return infer_recurrent(a, c, 3); }

template <class T>
struct Cell {
  static constexpr bool kHasCellState = false;
  const Direction<T>* d = nullptr;
  Projection<T> gates, candidate;  // Rz and Rr; Rh
  std::span<T> gate_products, candidate_products, reset;

  Status prepare(RunContext& c, const Direction<T>& direction) {
    d = &direction;
    const RecurrentShape& s = d->shape;
    ONWARD_TRY(gates.prepare(c, d->r, 2 * s.hidden, s.hidden, d->packed ? &d->packed->gates : nullptr));
    ONWARD_TRY(candidate.prepare(c, d->r + 2 * s.hidden * s.hidden, s.hidden, s.hidden,
                                 d->packed ? &d->packed->candidate : nullptr));
    gate_products = ONWARD_TRY(c.scratch_of<T>(s.batch * 2 * s.hidden));
    candidate_products = ONWARD_TRY(c.scratch_of<T>(s.batch * s.hidden));
    reset = ONWARD_TRY(c.scratch_of<T>(s.batch * s.hidden));
    return {};
  }

  // Activates z and r in place of their products; `reset` becomes r . H'.
  void open_gates(const std::vector<const T*>& x, const T* h) {
    const int64_t n = d->shape.hidden;
    for (int64_t b = 0; b < d->shape.batch; ++b) {
      const T* in = x[static_cast<size_t>(b)];
      T* zr = gate_products.data() + b * 2 * n;
      for (int64_t i = 0; in && i < 2 * n; ++i)
        zr[i] = static_cast<T>(d->activations[0](static_cast<double>(in[i] + zr[i] + d->bias(i))));
      for (int64_t i = 0; i < n; ++i)
        reset[static_cast<size_t>(b * n + i)] = in ? zr[n + i] * h[b * n + i] : T(0);
    }
  }

  void step(RunContext& c, const std::vector<const T*>& x, T* h, T*) {
    const int64_t n = d->shape.hidden, batch = d->shape.batch;
    const bool linear = d->attrs.linear_before_reset;
    gates.run(c, batch, h, gate_products.data());
    open_gates(x, h);
    candidate.run(c, batch, linear ? h : reset.data(), candidate_products.data());
    for (int64_t b = 0; b < batch; ++b) {
      const T* in = x[static_cast<size_t>(b)];
      const T* zr = gate_products.data() + b * 2 * n;
      for (int64_t i = 0; in && i < n; ++i) {
        const int64_t k = 2 * n + i;
        T part = candidate_products[static_cast<size_t>(b * n + i)] + (d->r_bias ? d->r_bias[k] : T(0));
        if (linear) part *= zr[n + i];
        const T sum = in[k] + part + (d->w_bias ? d->w_bias[k] : T(0));
        const T value = static_cast<T>(d->activations[1](static_cast<double>(sum)));
        h[b * n + i] = (T(1) - zr[i]) * value + zr[i] * h[b * n + i];
      }
    }
  }
};

Result<std::any> prepare(const RecurrentAttrs& a, PrepareContext& c) { return pack_recurrent(a, c, 3, true); }

Status run(const RecurrentAttrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_recurrent<double, Cell<double>>(a, c, 3)
                                            : run_recurrent<float, Cell<float>>(a, c, 3);
}

}  // namespace

ONWARD_OPS(gru) {
  return {op<RecurrentAttrs>({.name = "GRU",
                              .read = read,
                              .infer = infer,
                              .upgrade = upgrade_recurrent,
                              .prepare = prepare,
                              .run = run,
                              .native = types<float, double, int32_t>})};
}

}  // namespace ow
