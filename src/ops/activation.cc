// Activations: one function of one element each, with up to two constants.
//
//   Relu             max(x, 0)                         LeakyRelu    x < 0 ? alpha x : x
//   Elu              x < 0 ? alpha (e^x - 1) : x       Celu         max(x, 0) + min(0, alpha (e^(x/alpha) -
//   1)) Selu             gamma (x > 0 ? x : alpha (e^x - 1)) Sigmoid          1 / (1 + e^-x) HardSigmoid
//   clamp(alpha x + beta, 0, 1) HardSwish        x clamp(x / 6 + 1/2, 0, 1)        Swish        x
//   sigmoid(alpha x) Softplus         log(1 + e^x)                      Softsign     x / (1 + |x|)
//   ThresholdedRelu  x > alpha ? x : 0                 Mish         x tanh(softplus(x))
//   Gelu             x/2 (1 + erf(x / sqrt 2)), or by tanh: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
//
// NaN stays NaN (but below a threshold that it is not above). e^x - 1 is computed as expm1, log(1 + x) as
// log1p, so that small results keep their precision. Those that kernels fuse run as kernels do in float32.
#include <cmath>
#include <numbers>

#include "kernels/math.h"
#include "ops/op/elementwise.h"
#include "ops/op/fused.h"

namespace ow {
namespace {

using kernels::Activation;

struct Attrs {
  float alpha = 0, beta = 0;
  bool tanh = false;  // Gelu's approximation
};

template <class T>
T clamp_unit(T v) {
  return v < 0 ? T(0) : v > 1 ? T(1) : v;
}

template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (x >= 0 ? T(1) : e) / (1 + e);
}

template <class T>
T softplus(T x) {
  return std::log1p(std::exp(-std::abs(x))) + (x > 0 ? x : T(0));
}

struct Relu {
  static constexpr Activation kKernel = Activation::kRelu;
  template <class T>
  static T of(T x, T, T) {
    return x < 0 ? T(0) : x;
  }
};
struct LeakyRelu {
  static constexpr Activation kKernel = Activation::kLeakyRelu;
  template <class T>
  static T of(T x, T alpha, T) {
    return x < 0 ? alpha * x : x;
  }
};
struct Elu {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T alpha, T) {
    return x < 0 ? alpha * std::expm1(x) : x;
  }
};
struct Celu {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T alpha, T) {
    const T below = alpha * std::expm1(x / alpha);
    return (x < 0 ? T(0) : x) + (below > 0 ? T(0) : below);
  }
};
struct Selu {  // beta: gamma
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T alpha, T gamma) {
    return gamma * (x > 0 ? x : alpha * std::expm1(x));
  }
};
struct Sigmoid {
  static constexpr Activation kKernel = Activation::kSigmoid;
  template <class T>
  static T of(T x, T, T) {
    return sigmoid(x);
  }
};
struct HardSigmoid {
  static constexpr Activation kKernel = Activation::kHardSigmoid;
  template <class T>
  static T of(T x, T alpha, T beta) {
    return clamp_unit(alpha * x + beta);
  }
};
struct HardSwish {
  static constexpr Activation kKernel = Activation::kHardSwish;
  template <class T>
  static T of(T x, T, T) {
    return x * clamp_unit(x / 6 + T(0.5));
  }
};
struct Swish {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T alpha, T) {
    return x * sigmoid(alpha * x);
  }
};
struct Softplus {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T, T) {
    return softplus(x);
  }
};
struct Softsign {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T, T) {
    return x / (1 + std::abs(x));
  }
};
struct ThresholdedRelu {
  static constexpr Activation kKernel = Activation::kNone;
  template <class T>
  static T of(T x, T alpha, T) {
    return x > alpha ? x : T(0);
  }
};
struct Mish {
  static constexpr Activation kKernel = Activation::kMish;
  template <class T>
  static T of(T x, T, T) {
    return x * std::tanh(softplus(x));
  }
};
struct Gelu {
  static constexpr Activation kKernel = Activation::kGelu;
  template <class T>
  static T of(T x, T, T) {
    return x / 2 * std::erfc(-x * static_cast<T>(std::numbers::sqrt2 / 2));
  }
};
struct GeluTanh {
  static constexpr Activation kKernel = Activation::kGeluTanh;
  template <class T>
  static T of(T x, T, T) {
    constexpr T kScale = static_cast<T>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    return x / 2 * (1 + std::tanh(kScale * (x + T(0.044715) * x * x * x)));
  }
};

Status infer(const Attrs&, InferContext& c) { return infer_same(c); }

template <class T, class F>
Status run_as(const Attrs& a, RunContext& c) {
  return run_unary<T, T>(c, kCostlyGrain,
                         [alpha = static_cast<T>(a.alpha), beta = static_cast<T>(a.beta)](T x) {
                           return F::of(x, alpha, beta);
                         });
}

template <class F>
Status run(const Attrs& a, RunContext& c) {
  if (build::has_type(DType::kFloat64) && c.in(0).dtype() == DType::kFloat64) return run_as<double, F>(a, c);
  Activation kernel = F::kKernel;
  if (std::is_same_v<F, Swish> && a.alpha == 1) kernel = Activation::kSilu;
  if (kernel == Activation::kNone) return run_as<float, F>(a, c);
  if (!in_build(kernel))
    return c.error("is not in this build: its list of operators lacks curved_activations");
  return run_unary_arrays(c, kCostlyGrain, [&a, kernel](const float* x, float* y, int64_t n) {
    kernels::activate(kernel, a.alpha, a.beta, x, y, n);
  });
}

// Relu-14 allows signed integers.
Status run_relu(const Attrs& a, RunContext& c) {
  if (is_floating(c.in(0).dtype())) return run<Relu>(a, c);
  return visit_types(SignedInts{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_as<T, Relu>(a, c); });
}

Status run_gelu(const Attrs& a, RunContext& c) { return a.tanh ? run<GeluTanh>(a, c) : run<Gelu>(a, c); }

Status drop_hints(Rewriter& c) { return drop_consumed_inputs(c); }

// Selu-1 has other defaults.
Status upgrade_selu(Rewriter& c) {
  ONWARD_TRY(drop_consumed_inputs(c));
  if (c.since_version() >= 6) return {};
  AttrReader a(c.node());
  c.set_attribute("alpha", a.real("alpha", 1.6732f));
  c.set_attribute("gamma", a.real("gamma", 1.0507f));
  return a.error().clone();
}

Result<Attrs> read_nothing(const AttrReader&) { return Attrs{}; }
Result<Attrs> read_leaky(const AttrReader& a) { return Attrs{.alpha = a.real("alpha", 0.01f)}; }
Result<Attrs> read_alpha(const AttrReader& a) { return Attrs{.alpha = a.real("alpha", 1)}; }
Result<Attrs> read_hard_sigmoid(const AttrReader& a) {
  return Attrs{.alpha = a.real("alpha", 0.2f), .beta = a.real("beta", 0.5f)};
}
Result<Attrs> read_selu(const AttrReader& a) {
  return Attrs{.alpha = a.real("alpha", 1.67326319217681884765625f),
               .beta = a.real("gamma", 1.05070102214813232421875f)};
}
Result<Attrs> read_celu(const AttrReader& a) {
  Attrs attrs{.alpha = a.real("alpha", 1)};
  if (attrs.alpha == 0) a.fail("alpha", "is 0, expected another number: elements are divided by it");
  return attrs;
}
Result<Attrs> read_gelu(const AttrReader& a) {
  const std::string how = a.text("approximate", "none");
  if (how != "none" && how != "tanh")
    a.fail("approximate", cat("is '", printable(how), "', expected 'none' or 'tanh'"));
  return Attrs{.tanh = how == "tanh"};
}

std::unique_ptr<Op> row(std::string_view name, Result<Attrs> (*read)(const AttrReader&),
                        Status (*run)(const Attrs&, RunContext&), TypeMask native = Floats::mask,
                        Status (*upgrade)(Rewriter&) = drop_hints) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .upgrade = upgrade,
                    .run = run,
                    .native = native,
                    .layout = LayoutRule::kElementwise,
                    .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(activation) {
  return {row("Relu", read_nothing, run_relu, Floats::mask | SignedInts::mask),
          row("LeakyRelu", read_leaky, run<LeakyRelu>),
          row("Elu", read_alpha, run<Elu>),
          row("Celu", read_celu, run<Celu>),
          row("Selu", read_selu, run<Selu>, Floats::mask, upgrade_selu),
          row("Sigmoid", read_nothing, run<Sigmoid>),
          row("HardSigmoid", read_hard_sigmoid, run<HardSigmoid>),
          row("HardSwish", read_nothing, run<HardSwish>),
          row("Swish", read_alpha, run<Swish>),
          row("Softplus", read_nothing, run<Softplus>),
          row("Softsign", read_nothing, run<Softsign>),
          row("ThresholdedRelu", read_alpha, run<ThresholdedRelu>),
          row("Mish", read_nothing, run<Mish>),
          row("Gelu", read_gelu, run_gelu)};
}

}  // namespace ow
