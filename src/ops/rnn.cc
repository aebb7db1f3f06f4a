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
    const RecurrentShape& s = d->shape;
    recurrent.run(c, s.batch, h, products.data());
    for (int64_t b = 0; b < s.batch; ++b) {
      const T* in = x[static_cast<size_t>(b)];
      for (int64_t i = 0; in && i < s.hidden; ++i)
        h[b * s.hidden + i] = static_cast<T>(d->activations[0](
            static_cast<double>(in[i] + products[static_cast<size_t>(b * s.hidden + i)] + d->bias(i))));
    }
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
