// What RNN, GRU and LSTM share: attributes, shapes, the walk over time and directions.
//
//   X [seq, batch, input]   W [dirs, gates * H, input]   R [dirs, gates * H, H]   B [dirs, 2 * gates * H]
//   Y [seq, dirs, batch, H]   Y_h [dirs, batch, H]       (layout 1: batch comes first in X, Y, Y_h,
//   initial_h)
//
// Behind a sequence's length Y is 0, and Y_h is what the last element within it gave. The reverse direction
// walks each sequence from its own end.
#pragma once
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "kernels/recurrent.h"
#include "ops/op/attributes.h"
#include "ops/op/infer.h"
#include "ops/op/rewrite.h"
#include "ops/op/run.h"

namespace ow {

// One activation function of a cell, with its clip: f(min(max(x, -clip), clip)).
struct CellActivation {
  using Kind = kernels::GateActivation::Function;
  Kind kind = Kind::kTanh;
  double alpha = 0, beta = 0;
  double clip = 0;  // 0: none
  double operator()(double x) const;
  kernels::GateActivation in_float() const;
};

struct RecurrentAttrs {
  int64_t hidden_size = 0;  // 0: from R
  bool forward = true, backward = false, batch_first = false;
  bool linear_before_reset = false, input_forget = false;
  std::vector<CellActivation> activations;  // those of the first direction, then those of the second
  size_t directions() const { return static_cast<size_t>(forward) + static_cast<size_t>(backward); }
};

// `defaults`: the activations of one direction.
RecurrentAttrs read_recurrent(const AttrReader& a, std::vector<std::string> defaults);
Status infer_recurrent(const RecurrentAttrs& a, InferContext& c, int64_t gates);
Status upgrade_recurrent(Rewriter& c);  // opset 1's output_sequence: outputs are optional since

// Extents of a call, checked against every input.
struct RecurrentShape {
  int64_t seq, batch, input, hidden, gates;
  std::vector<int64_t> lengths;  // per batch entry, in [0, seq]
};
Result<RecurrentShape> recurrent_shape(const RecurrentAttrs& a, const RunContext& c, int64_t gates);

// Constant float32 weights as the matrix kernel wants them, packed once per plan; one entry a direction.
// `gates` holds the rows of R that every gate but the last uses where these are a product of their own (GRU),
// else all of them. W and R are dropped: their shapes stand in for them.
struct RecurrentWeights {
  struct Direction {
    Buffer input, gates, candidate;
  };
  std::vector<Direction> directions;
  Shape w, r;
};
// Nothing where W or R is no constant float32, or of another shape than they must have (the run will say so).
// `candidate`: the last gate's rows of R are a product of their own.
Result<std::any> pack_recurrent(const RecurrentAttrs& a, PrepareContext& c, int64_t gates, bool candidate);

// out[m, n] = a[m, k] * w[n, k]^T + bias[n], if there is one.
template <class T>
class Projection {
 public:
  // One step's product, walking the weights from where the step before ended.
  void step(const RunContext& c, int64_t m, const T* a, T* out, const T* bias = nullptr) {
    backward_ = !backward_;
    run(c, m, a, out, bias, backward_ ? kernels::PanelOrder::kBackward : kernels::PanelOrder::kForward);
  }
  // `packed`: from RecurrentWeights, and w is not looked at; or null.
  Status prepare(RunContext& c, const T* w, int64_t n, int64_t k, const Buffer* packed) {
    w_ = w, n_ = n, k_ = k;
    if constexpr (std::is_same_v<T, float>) {
      if (packed) {
        packed_ = packed->get();
        return {};
      }
      auto memory = ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::packed_b_bytes(1, k, n))));
      kernels::pack_b({.b = w, .k = k, .n = n, .stride_k = 1, .stride_n = k, .in_double = c.strict()},
                      memory.data(), c.threads());
      packed_ = memory.data();
    }
    return {};
  }
  void run(const RunContext& c, int64_t m, const T* a, T* out, const T* bias = nullptr,
           kernels::PanelOrder order = kernels::PanelOrder::kAny) const {
    if (m == 0 || n_ == 0) return;
    if constexpr (std::is_same_v<T, float>) {
      kernels::gemm(m, n_, k_, a, k_, packed_, out, n_, {.bias = bias}, c.threads(), order);
    } else {
      kernels::GenericGemm<T, T, T> g{
          .m = m, .n = n_, .k = k_, .a = {a, k_, 1}, .b = {w_, 1, k_}, .c = out, .ldc = n_};
      g.run(c.threads());
      for (int64_t i = 0; bias && i < m * n_; ++i) out[i] += bias[i % n_];
    }
  }

 private:
  const T* w_ = nullptr;
  const std::byte* packed_ = nullptr;
  int64_t n_ = 0, k_ = 0;
  bool backward_ = false;
};

// A direction of one call, as a cell sees it.
template <class T>
struct Direction {
  const RecurrentAttrs& attrs;
  const RecurrentShape& shape;
  const CellActivation* activations;
  const T* r;                                 // [gates * H, H], or null: packed
  const T* w_bias;                            // [gates * H], or null
  const T* r_bias;                            // likewise
  int64_t r_bias_apart;                       // the last that many of r_bias are for the cell to add
  const T* peephole;                          // [3 * H], or null (LSTM)
  const RecurrentWeights::Direction* packed;  // or null
};

// The biases that the gate inputs take: of W, and of R but for those that the cell adds itself.
template <class T>
Result<const T*> input_bias(RunContext& c, const Direction<T>& d, int64_t width) {
  if (!d.w_bias) return nullptr;
  auto sum = ONWARD_TRY(c.scratch_of<T>(width));
  for (int64_t i = 0; i < width; ++i)
    sum[static_cast<size_t>(i)] = d.w_bias[i] + (i < width - d.r_bias_apart ? d.r_bias[i] : T(0));
  return static_cast<const T*>(sum.data());
}

// Calls step(b) for the batch entries whose sequence goes on, spread over threads where they are large.
template <class T, class Step>
void for_each_running(RunContext& c, const std::vector<const T*>& x, int64_t floats_each, Step step) {
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, floats_each));
  c.parallel_for(static_cast<int64_t>(x.size()), grain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      if (x[static_cast<size_t>(b)]) step(b, x[static_cast<size_t>(b)]);
  });
}

// State h (and c, where the cell has one) of all batch entries: [batch, H]. x[b]: gate inputs
// W * X[t, b] + bias, null for sequences that have ended. kApart: how many gates' r_bias the cell adds.
//
//   struct Cell { static constexpr bool kHasCellState; static constexpr int64_t kApart;
//                 Status prepare(RunContext&, const Direction<T>&);
//                 void step(RunContext&, const std::vector<const T*>& x, T* h, T* c); };
template <class T, class Cell>
Status run_direction(RunContext& c, const Direction<T>& d, size_t index, const T* x, const T* w, Tensor& y,
                     T* h, T* state) {
  const RecurrentShape& s = d.shape;
  const int64_t width = s.gates * s.hidden, dirs = static_cast<int64_t>(d.attrs.directions());
  const bool reverse = d.attrs.backward && (!d.attrs.forward || index == 1);
  Projection<T> input;
  ONWARD_TRY(input.prepare(c, w, width, s.input, d.packed ? &d.packed->input : nullptr));
  auto gates = ONWARD_TRY(c.scratch_of<T>(s.seq * s.batch * width));
  const T* bias = ONWARD_TRY(input_bias(c, d, width));
  input.run(c, s.seq * s.batch, x, gates.data(), bias);
  Cell cell;
  ONWARD_TRY(cell.prepare(c, d));
  std::vector<const T*> rows(static_cast<size_t>(s.batch));
  for (int64_t t = 0; t < s.seq; ++t) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    auto time_of = [&](int64_t b) { return reverse ? s.lengths[static_cast<size_t>(b)] - 1 - t : t; };
    for (int64_t b = 0; b < s.batch; ++b)
      rows[static_cast<size_t>(b)] =
          t < s.lengths[static_cast<size_t>(b)] ? gates.data() + (time_of(b) * s.batch + b) * width : nullptr;
    cell.step(c, rows, h, state);
    if (!y.has_value()) continue;
    for (int64_t b = 0; b < s.batch; ++b) {
      if (!rows[static_cast<size_t>(b)]) continue;
      const int64_t time = time_of(b), i = static_cast<int64_t>(index);
      const int64_t at =
          d.attrs.batch_first ? (b * s.seq + time) * dirs + i : (time * dirs + i) * s.batch + b;
      std::copy_n(h + b * s.hidden, s.hidden, y.mutable_data<T>() + at * s.hidden);
    }
  }
  return {};
}

// Copies between [dirs, batch, H] (or [batch, dirs, H]) and one direction's [batch, H].
template <class T>
void copy_state(const RecurrentAttrs& a, const RecurrentShape& s, size_t index, T* all, T* one, bool load) {
  const int64_t dirs = static_cast<int64_t>(a.directions()), i = static_cast<int64_t>(index);
  for (int64_t b = 0; b < s.batch; ++b) {
    T* place = all + (a.batch_first ? b * dirs + i : i * s.batch + b) * s.hidden;
    if (load)
      std::copy_n(place, s.hidden, one + b * s.hidden);
    else
      std::copy_n(one + b * s.hidden, s.hidden, place);
  }
}

// Runs all directions. Inputs 6 and 7 (initial_c, P) are read only where the cell has a state of its own.
template <class T, class Cell>
Status run_recurrent(const RecurrentAttrs& a, RunContext& c, int64_t gates) {
  const RecurrentShape s = ONWARD_TRY(recurrent_shape(a, c, gates));
  const int64_t dirs = static_cast<int64_t>(a.directions()), width = gates * s.hidden,
                h_count = s.batch * s.hidden;
  const T* x = c.in(0).data<T>();
  if (a.batch_first) {  // one row a (time, batch) pair, time outermost
    auto turned = ONWARD_TRY(c.scratch_of<T>(s.seq * s.batch * s.input));
    for (int64_t t = 0; t < s.seq; ++t)
      for (int64_t b = 0; b < s.batch; ++b)
        std::copy_n(x + (b * s.seq + t) * s.input, s.input, turned.data() + (t * s.batch + b) * s.input);
    x = turned.data();
  }
  const DType type = dtype_of<T>;
  const Shape last = a.batch_first ? Shape{s.batch, dirs, s.hidden} : Shape{dirs, s.batch, s.hidden};
  Tensor y, y_last[2];
  if (c.wants(0)) {
    y = ONWARD_TRY(
        c.out(0, type,
              a.batch_first ? Shape{s.batch, s.seq, dirs, s.hidden} : Shape{s.seq, dirs, s.batch, s.hidden}));
    std::fill_n(y.mutable_data<T>(), y.count(), T(0));
  }
  for (size_t o = 1; o < (Cell::kHasCellState ? 3 : 2); ++o)
    if (c.wants(o)) y_last[o - 1] = ONWARD_TRY(c.out(o, type, last));
  const RecurrentWeights* packed = std::is_same_v<T, float> ? c.prepared<RecurrentWeights>() : nullptr;
  auto states = ONWARD_TRY(c.scratch_of<T>(2 * h_count));
  T* state[2] = {states.data(), states.data() + h_count};
  for (size_t i = 0; i < a.directions(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const T* bias = c.has(3) ? c.in(3).data<T>() + at * 2 * width : nullptr;
    Direction<T> d{a,
                   s,
                   a.activations.data() + i * a.activations.size() / a.directions(),
                   packed ? nullptr : c.in(2).data<T>() + at * width * s.hidden,
                   bias,
                   bias ? bias + width : nullptr,
                   Cell::kApart * s.hidden,
                   nullptr,
                   packed ? &packed->directions[i] : nullptr};
    if (Cell::kHasCellState && c.has(7)) d.peephole = c.in(7).data<T>() + at * 3 * s.hidden;
    std::fill(states.begin(), states.end(), T(0));
    for (size_t k = 0; k < (Cell::kHasCellState ? 2 : 1); ++k)
      if (c.has(5 + k)) copy_state(a, s, i, const_cast<T*>(c.in(5 + k).data<T>()), state[k], true);
    const T* w = packed ? nullptr : c.in(1).data<T>() + at * width * s.input;
    ONWARD_TRY((run_direction<T, Cell>(c, d, i, x, w, y, state[0], state[1])));
    for (size_t k = 0; k < 2; ++k)
      if (y_last[k].has_value()) copy_state(a, s, i, y_last[k].template mutable_data<T>(), state[k], false);
  }
  return {};
}

}  // namespace ow
