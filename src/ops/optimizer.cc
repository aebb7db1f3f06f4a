// Adagrad, Adam and Momentum of ai.onnx.preview.training: one step of an optimiser over several tensors.
//
// Inputs: learning rate R, update count T, then the tensors X, their gradients G and their one (Adagrad: H,
// Momentum: V) or two (Adam: V, H) states, each list as long as the others; outputs: the new X and states.
// With g = G + norm_coefficient * X:
//   Adagrad   H' = H + g^2,                       X' = X - R / (1 + T decay_factor) * g / (sqrt(H') +
//   epsilon) Adam      V' = alpha V + (1 - alpha) g,  H' = beta H + (1 - beta) g^2,
//             X' = (1 - norm_coefficient_post) (X - r V' / (sqrt(H') + epsilon)),
//             r = R sqrt(1 - beta^T) / (1 - alpha^T) for T > 0, else R
//   Momentum  V' = alpha V + (T > 0 ? beta : 1) g,  X' = X - R V', or X - R (g + alpha V') in mode nesterov
#include <cmath>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  double norm = 0, norm_post = 0, alpha = 0, beta = 0, epsilon = 0, decay = 0;
  bool nesterov = false;
};

Result<Attrs> read_adagrad(const AttrReader& a) {
  return Attrs{.norm = a.real("norm_coefficient", 0),
               .epsilon = a.real("epsilon", 1e-6f),
               .decay = a.real("decay_factor", 0)};
}

Result<Attrs> read_adam(const AttrReader& a) {
  return Attrs{.norm = a.real("norm_coefficient", 0),
               .norm_post = a.real("norm_coefficient_post", 0),
               .alpha = a.real("alpha", 0.9f),
               .beta = a.real("beta", 0.999f),
               .epsilon = a.real("epsilon", 1e-6f)};
}

Result<Attrs> read_momentum(const AttrReader& a) {
  for (const char* name : {"alpha", "beta", "norm_coefficient"})
    if (!a.has(name)) a.fail(name, "is missing and has no default");
  const std::string mode = a.required_text("mode");
  if (mode != "standard" && mode != "nesterov")
    a.fail("mode", cat("is '", mode, "', expected standard or nesterov"));
  return Attrs{.norm = a.real("norm_coefficient", 0),
               .alpha = a.real("alpha", 0),
               .beta = a.real("beta", 0),
               .nesterov = mode == "nesterov"};
}

// The values of one element, before and after.
template <class T>
struct Element {
  T x, g;
  T state[2];
};

struct Step {
  double rate = 0;
  int64_t updates = 0;
};

struct Adagrad {
  static constexpr size_t kStates = 1;
  template <class T>
  static auto update(const Attrs& a, const Step& s) {
    return [rate = static_cast<T>(s.rate / (1 + static_cast<double>(s.updates) * a.decay)),
            epsilon = static_cast<T>(a.epsilon)](Element<T>& e) {
      e.state[0] += e.g * e.g;
      e.x -= rate * e.g / (std::sqrt(e.state[0]) + epsilon);
    };
  }
};

struct Adam {
  static constexpr size_t kStates = 2;
  template <class T>
  static auto update(const Attrs& a, const Step& s) {
    const double t = static_cast<double>(s.updates);
    const double rate =
        s.updates > 0 ? s.rate * std::sqrt(1 - std::pow(a.beta, t)) / (1 - std::pow(a.alpha, t)) : s.rate;
    return [rate = static_cast<T>(rate), alpha = static_cast<T>(a.alpha), beta = static_cast<T>(a.beta),
            alpha_rest = static_cast<T>(1 - a.alpha), beta_rest = static_cast<T>(1 - a.beta),
            epsilon = static_cast<T>(a.epsilon), keep = static_cast<T>(1 - a.norm_post)](Element<T>& e) {
      e.state[0] = alpha * e.state[0] + alpha_rest * e.g;
      e.state[1] = beta * e.state[1] + beta_rest * e.g * e.g;
      e.x = keep * (e.x - rate * e.state[0] / (std::sqrt(e.state[1]) + epsilon));
    };
  }
};

struct Momentum {
  static constexpr size_t kStates = 1;
  template <class T>
  static auto update(const Attrs& a, const Step& s) {
    return [rate = static_cast<T>(s.rate), alpha = static_cast<T>(a.alpha),
            beta = static_cast<T>(s.updates > 0 ? a.beta : 1), nesterov = a.nesterov](Element<T>& e) {
      e.state[0] = alpha * e.state[0] + beta * e.g;
      e.x -= rate * (nesterov ? e.g + alpha * e.state[0] : e.state[0]);
    };
  }
};

template <class O>
constexpr size_t kLists = O::kStates + 2;  // X, G and the states

template <class O>
Status check_arity(const ir::Node& node) {
  const size_t tensors = node.inputs().size() < 2 ? 0 : node.inputs().size() - 2;
  if (tensors > 0 && tensors % kLists<O> == 0 &&
      node.outputs().size() <= tensors / kLists<O> * (kLists<O> - 1))
    return {};
  return invalid_model(node.label(), ": ", tensors, " tensors and ", node.outputs().size(),
                       " outputs, expected ", kLists<O>, " tensors and ", kLists<O> - 1,
                       " outputs for each that is optimised");
}

template <class O>
Status infer(const Attrs&, InferContext& c) {
  ONWARD_TRY(check_arity<O>(c.node()));
  const size_t n = (c.inputs() - 2) / kLists<O>;
  for (size_t o = 0; o < c.outputs(); ++o) {
    const size_t i = 2 + (o < n ? o : o + n);  // the gradients have no output
    if (c.has(i)) c.set(o, c.type(i));
  }
  return {};
}

Result<Step> read_step(const RunContext& c) {
  const Tensor &r = c.in(0), &t = c.in(1);
  if (r.count() != 1 || t.count() != 1 || t.dtype() != DType::kInt64)
    return c.error("R has shape ", r.shape(), " and T ", t.shape(), ", expected one value in each");
  return Step{r.dtype() == DType::kFloat64 ? *r.data<double>() : double{*r.data<float>()},
              *t.data<int64_t>()};
}

template <class O, class T>
Status update_tensor(const Attrs& a, RunContext& c, const Step& step, size_t which, size_t n) {
  const Tensor& x = c.in(2 + which);
  const T* in[kLists<O>];
  for (size_t i = 0; i < kLists<O>; ++i) {
    const Tensor& t = c.in(2 + i * n + which);
    if (t.dtype() != x.dtype() || !(t.shape() == x.shape()))
      return c.error("input ", 2 + i * n + which, " is ", t.dtype(), t.shape(), ", expected ", x.dtype(),
                     x.shape(), " as input ", 2 + which);
    in[i] = t.data<T>();
  }
  T* out[kLists<O> - 1] = {};
  for (size_t i = 0; i + 1 < kLists<O>; ++i)
    if (const size_t o = i * n + which; c.wants(o)) {
      Tensor y = ONWARD_TRY(c.out(o, x.dtype(), x.shape()));
      out[i] = y.mutable_data<T>();
    }
  const auto update = O::template update<T>(a, step);
  const T norm = static_cast<T>(a.norm);
  c.parallel_for(x.count(), 8192, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      Element<T> e{in[0][j], norm * in[0][j] + in[1][j], {}};
      for (size_t s = 0; s < O::kStates; ++s) e.state[s] = in[2 + s][j];
      update(e);
      if (out[0]) out[0][j] = e.x;
      for (size_t s = 0; s < O::kStates; ++s)
        if (out[1 + s]) out[1 + s][j] = e.state[s];
    }
  });
  return {};
}

template <class O>
Status run(const Attrs& a, RunContext& c) {
  ONWARD_TRY(check_arity<O>(c.node()));
  for (size_t i = 0; i < c.inputs(); ++i)
    if (!c.has(i)) return c.error("input ", i, " is missing");
  const Step step = ONWARD_TRY(read_step(c));
  const size_t n = (c.inputs() - 2) / kLists<O>;
  for (size_t i = 0; i < n; ++i) {
    const bool wide = c.in(2 + i).dtype() == DType::kFloat64;
    auto update = wide ? update_tensor<O, double> : update_tensor<O, float>;
    ONWARD_TRY(update(a, c, step, i, n));
  }
  return {};
}

template <class O>
std::unique_ptr<Op> row(std::string_view name, Result<Attrs> (*read)(const AttrReader&)) {
  return op<Attrs>({.name = name,
                    .domain = "ai.onnx.preview.training",
                    .read = read,
                    .infer = infer<O>,
                    .run = run<O>,
                    .native = types<float, double, int64_t>});
}

}  // namespace

ONWARD_OPS(optimizer) {
  return {row<Adagrad>("Adagrad", read_adagrad), row<Adam>("Adam", read_adam),
          row<Momentum>("Momentum", read_momentum)};
}

}  // namespace ow
