// LSTM, gates in the order i, o, f, c; H' and C' are the states before, P the peepholes in the order i, o, f:
//
//   i = f(X Wi^T + H' Ri^T + Pi . C' + Wbi + Rbi)     f = f(X Wf^T + H' Rf^T + Pf . C' + Wbf + Rbf), or 1 - i
//   c = g(X Wc^T + H' Rc^T + Wbc + Rbc)               with input_forget
//   C = f . C' + i . c
//   o = f(X Wo^T + H' Ro^T + Po . C + Wbo + Rbo)      H = o . h(C)
//
// clip bounds the inputs of the gates, not C in h(C), as ONNX Runtime has it.
#include "ops/op/op.h"
#include "ops/op/recurrent.h"

namespace ow {
namespace {

Result<RecurrentAttrs> read(const AttrReader& a) {
  RecurrentAttrs attrs = read_recurrent(a, {"Sigmoid", "Tanh", "Tanh"});
  for (size_t i = 2; i < attrs.activations.size(); i += 3) attrs.activations[i].clip = 0;
  return attrs;
}
Status infer(const RecurrentAttrs& a, InferContext& c) { return infer_recurrent(a, c, 4); }

template <class T>
struct Cell {
  static constexpr bool kHasCellState = true;
  static constexpr int64_t kApart = 0;
  const Direction<T>* d = nullptr;
  Projection<T> recurrent;
  std::span<T> products;

  Status prepare(RunContext& c, const Direction<T>& direction) {
    d = &direction;
    const RecurrentShape& s = d->shape;
    ONWARD_TRY(recurrent.prepare(c, d->r, 4 * s.hidden, s.hidden, d->packed ? &d->packed->gates : nullptr));
    products = ONWARD_TRY(c.scratch_of<T>(s.batch * 4 * s.hidden));
    return {};
  }

  void step_one(const T* in, const T* product, T* h, T* state) const {
    const int64_t n = d->shape.hidden;
    const CellActivation *f = &d->activations[0], *g = &d->activations[1], *out = &d->activations[2];
    if constexpr (std::is_same_v<T, float>) {
      const kernels::LstmCell cell{f->in_float(), g->in_float(), out->in_float(), d->attrs.input_forget,
                                   d->peephole};
      return kernels::lstm_cell(n, cell, in, product, h, state);
    }
    for (int64_t j = 0; j < n; ++j) {
      auto gate = [&](int64_t which, int64_t peephole, double with) {
        const int64_t k = which * n + j;
        const double p =
            d->peephole && peephole >= 0 ? static_cast<double>(d->peephole[peephole * n + j]) : 0;
        return static_cast<double>(in[k] + product[k]) + p * with;
      };
      const double before = static_cast<double>(state[j]);
      const double input = (*f)(gate(0, 0, before));
      const double forget = d->attrs.input_forget ? 1 - input : (*f)(gate(2, 2, before));
      const double cell = forget * before + input * (*g)(gate(3, -1, 0));
      state[j] = static_cast<T>(cell);
      h[j] = static_cast<T>((*f)(gate(1, 1, cell)) * (*out)(cell));
    }
  }

  void step(RunContext& c, const std::vector<const T*>& x, T* h, T* state) {
    const int64_t n = d->shape.hidden;
    recurrent.step(c, d->shape.batch, h, products.data());
    for_each_running<T>(c, x, 5 * n, [&](int64_t b, const T* in) {
      step_one(in, products.data() + b * 4 * n, h + b * n, state + b * n);
    });
  }
};

Result<std::any> prepare(const RecurrentAttrs& a, PrepareContext& c) {
  return pack_recurrent(a, c, 4, false);
}

Status run(const RecurrentAttrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_recurrent<double, Cell<double>>(a, c, 4)
                                            : run_recurrent<float, Cell<float>>(a, c, 4);
}

}  // namespace

ONWARD_OPS(lstm) {
  return {op<RecurrentAttrs>({.name = "LSTM",
                              .read = read,
                              .infer = infer,
                              .upgrade = upgrade_recurrent,
                              .prepare = prepare,
                              .run = run,
                              .native = types<float, double, int32_t>})};
}

}  // namespace ow
