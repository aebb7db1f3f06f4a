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
  static constexpr int64_t kApart = 1;  // Rbh, which r multiplies with linear_before_reset
  const Direction<T>* d = nullptr;
  Projection<T> gates, candidate;  // Rz and Rr; Rh
  std::span<T> gate_products, candidate_products, reset;

  Status prepare(RunContext& c, const Direction<T>& direction) {
    d = &direction;
    const RecurrentShape& s = d->shape;
    ONWARD_TRY(gates.prepare(c, d->r, 2 * s.hidden, s.hidden, d->packed ? &d->packed->gates : nullptr));
    ONWARD_TRY(candidate.prepare(c, d->r ? d->r + 2 * s.hidden * s.hidden : nullptr, s.hidden, s.hidden,
                                 d->packed ? &d->packed->candidate : nullptr));
    gate_products = ONWARD_TRY(c.scratch_of<T>(s.batch * 2 * s.hidden));
    candidate_products = ONWARD_TRY(c.scratch_of<T>(s.batch * s.hidden));
    reset = ONWARD_TRY(c.scratch_of<T>(s.batch * s.hidden));
    std::fill(reset.begin(), reset.end(), T(0));  // sequences of length 0 never write theirs
    return {};
  }

  // Activates z and r in place of their products; `reset` becomes r . H'.
  void open_gates(int64_t b, const T* in, const T* h) {
    const int64_t n = d->shape.hidden;
    T *zr = gate_products.data() + b * 2 * n, *gated = reset.data() + b * n;
    if constexpr (std::is_same_v<T, float>)
      return kernels::gru_gates(n, d->activations[0].in_float(), in, zr, h + b * n, gated);
    for (int64_t i = 0; i < 2 * n; ++i) zr[i] = static_cast<T>(d->activations[0](in[i] + zr[i]));
    for (int64_t i = 0; i < n; ++i) gated[i] = zr[n + i] * h[b * n + i];
  }

  void close(int64_t b, const T* in, T* h) {
    const int64_t n = d->shape.hidden;
    const bool linear = d->attrs.linear_before_reset;
    const T *zr = gate_products.data() + b * 2 * n, *product = candidate_products.data() + b * n;
    if constexpr (std::is_same_v<T, float>)
      return kernels::gru_cell(n, d->activations[1].in_float(), linear, in + 2 * n, product, zr, h + b * n);
    for (int64_t i = 0; i < n; ++i) {
      const T part = linear ? product[i] * zr[n + i] : product[i];
      const T value = static_cast<T>(d->activations[1](in[2 * n + i] + part));
      h[b * n + i] = (T(1) - zr[i]) * value + zr[i] * h[b * n + i];
    }
  }

  void step(RunContext& c, const std::vector<const T*>& x, T* h, T*) {
    const int64_t n = d->shape.hidden, batch = d->shape.batch;
    gates.step(c, batch, h, gate_products.data());
    for_each_running<T>(c, x, 3 * n, [&](int64_t b, const T* in) { open_gates(b, in, h); });
    candidate.step(c, batch, d->attrs.linear_before_reset ? h : reset.data(), candidate_products.data(),
                   d->r_bias ? d->r_bias + 2 * n : nullptr);
    for_each_running<T>(c, x, 2 * n, [&](int64_t b, const T* in) { close(b, in, h); });
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
