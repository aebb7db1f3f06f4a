// RNN: H = f(X * W^T + H' * R^T + Wb + Rb), H' the state before.
#include "ops/op/op.h"
#include "ops/op/recurrent.h"

namespace ow {
namespace {

Result<RecurrentAttrs> read(const AttrReader& a) { return read_recurrent(a, {"Tanh"}); }
Status infer(const RecurrentAttrs& a, InferContext& c) { return infer_recurrent(a, c, 1); }

template <class T>
struct Cell {
  static constexpr bool kHasCellState = false;
  static constexpr int64_t kApart = 0;
  const Direction<T>* d = nullptr;
  Projection<T> recurrent;
  std::span<T> products;

  Status prepare(RunContext& c, const Direction<T>& direction) {
    d = &direction;
    const RecurrentShape& s = d->shape;
    ONWARD_TRY(recurrent.prepare(c, d->r, s.hidden, s.hidden, d->packed ? &d->packed->gates : nullptr));
    products = ONWARD_TRY(c.scratch_of<T>(s.batch * s.hidden));
    return {};
  }
  void step(RunContext& c, const std::vector<const T*>& x, T* h, T*) {
    const int64_t n = d->shape.hidden;
    recurrent.step(c, d->shape.batch, h, products.data());
    for_each_running<T>(c, x, n, [&](int64_t b, const T* in) {
      const T* product = products.data() + b * n;
      if constexpr (std::is_same_v<T, float>)
        return kernels::rnn_cell(n, d->activations[0].in_float(), in, product, h + b * n);
      else
        for (int64_t i = 0; i < n; ++i) h[b * n + i] = d->activations[0](in[i] + product[i]);
    });
  }
};

Result<std::any> prepare(const RecurrentAttrs& a, PrepareContext& c) {
  return pack_recurrent(a, c, 1, false);
}

Status run(const RecurrentAttrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_recurrent<double, Cell<double>>(a, c, 1)
                                            : run_recurrent<float, Cell<float>>(a, c, 1);
}

}  // namespace

ONWARD_OPS(rnn) {
  return {op<RecurrentAttrs>({.name = "RNN",
                              .read = read,
                              .infer = infer,
                              .upgrade = upgrade_recurrent,
                              .prepare = prepare,
                              .run = run,
                              .native = types<float, double, int32_t>})};
}

}  // namespace ow
