#include "numerics/functions.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "passes/test_support.h"

namespace ow::numerics {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

using test::attr;
using test::node;

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0); }

// Over e^-x; of minus infinity the limit.
double silu(double x) { return x < -2000 ? -0.0 : x / (1 + std::exp(-x)); }

double gelu(double x) { return x < -2000 ? -0.0 : x / 2 * std::erfc(-x / std::numbers::sqrt2); }

// x/2 (1 + tanh u) = x sigmoid(2u)
double gelu_tanh(double x) {
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return x < -2000 ? -0.0 : x > 2000 ? x : x / (1 + std::exp(-2 * u));
}

// tanh(log(1 + e)) = s / (s + 2), s = e (e + 2), e = e^x
double mish(double x) {
  if (x < -2000) return -0.0;
  const double e = std::exp(std::fmin(x, 40)), s = e * (e + 2);
  return x * (s / (s + 2));
}

// With the factors that the operator has: they are float32.
constexpr double kSeluAlpha = 1.67326319217681884765625, kSeluGamma = 1.05070102214813232421875;
double selu(double x) { return kSeluGamma * (x > 0 ? x : kSeluAlpha * std::expm1(x)); }

double relu(double x) { return x < 0 ? 0.0 : x; }
double hard_swish(double x) {
  const double slope = static_cast<double>(1.0f / 6);  // what the operator's text makes of alpha
  return x < -2000 ? -0.0 : x * std::fmin(std::fmax(slope * x + 0.5, 0), 1);
}
double hard_sigmoid(double x) {
  return std::isnan(x) ? x : std::fmin(std::fmax(static_cast<double>(0.2f) * x + 0.5, 0), 1);
}

Function row(std::string name, double limit, double (*f)(double),
             std::vector<onnx::Attribute> attributes = {}, std::string op = {}) {
  if (op.empty()) op = name;
  return {std::move(name), limit, {node(std::move(op), {"x"}, {"y"}, std::move(attributes))}, f};
}
Function within(double domain, Function f) {
  f.domain = domain;
  return f;
}
// A chain that the optimiser makes one node of.
Function chain(std::string name, double limit, double (*f)(double), std::vector<onnx::Node> nodes) {
  return {std::move(name), limit, std::move(nodes), f};
}

onnx::Node constant(std::string name, float v) {
  return node("Constant", {}, {std::move(name)}, {attr("value_float", v)});
}

void add_exact(std::vector<Function>& f) {
  f.push_back(row("Sqrt", 0, std::sqrt));
  f.push_back(row("Reciprocal", 0, [](double x) { return 1 / x; }));
  f.push_back(row("Abs", 0, std::fabs));
  f.push_back(row("Neg", 0, [](double x) { return -x; }));
  f.push_back(row("Floor", 0, std::floor));
  f.push_back(row("Ceil", 0, std::ceil));
  f.push_back(row("Round", 0, std::nearbyint));
  f.push_back(row("Relu", 0, relu));
  f.push_back(row("LeakyRelu", 0, [](double x) { return x < 0 ? x * static_cast<double>(0.01f) : x; }));
}

}  // namespace

std::vector<Function> functions() {
  std::vector<Function> f = {
      row("Exp", 1, std::exp),
      row("Log", 1, std::log),
      row("Erf", 1, std::erf),
      row("Tan", 1, std::tan),
      row("Atan", 1, std::atan),
      row("Asinh", 1, std::asinh),
      row("Tanh", 2, std::tanh),
      row("Sigmoid", 2, sigmoid),
      row("Softplus", 2, softplus),
      within(0x1p20, row("Sin", 2, std::sin)),
      within(0x1p20, row("Cos", 2, std::cos)),
      row("Gelu", 4, gelu),
      row("Gelu, tanh", 4, gelu_tanh, {attr("approximate", "tanh")}, "Gelu"),
      row("Swish", 4, silu),
      chain("x * Sigmoid(x), a fused chain", kNone, silu,
            {node("Sigmoid", {"x"}, {"s"}), node("Mul", {"x", "s"}, {"y"})}),
      row("Mish", 4, mish),
      row("Elu", 4, [](double x) { return x < 0 ? std::expm1(x) : x; }),
      row("Celu", 4, [](double x) { return x < 0 ? std::expm1(x) : x; }),
      row("Selu", 4, selu),
      row("HardSwish", kNone, hard_swish),
      row("HardSigmoid", kNone, hard_sigmoid),
      row("Softsign", 2, [](double x) { return std::isinf(x) ? NAN : x / (1 + std::fabs(x)); }),
      row("Asin", 2, std::asin),
      row("Acos", 2, std::acos),
      row("Sinh", 4, std::sinh),
      row("Cosh", 2, std::cosh),
      row("Acosh", 4, std::acosh),
      row("Atanh", 4, std::atanh),
      chain("Exp(-Abs(x)), a fused chain", 1, [](double x) { return std::exp(-std::fabs(x)); },
            {node("Abs", {"x"}, {"a"}), node("Neg", {"a"}, {"n"}), node("Exp", {"n"}, {"y"})}),
      chain("Gelu, from its parts", 4, gelu,
            {constant("root", 1.41421356f), constant("one", 1), constant("half", 0.5f),
             node("Div", {"x", "root"}, {"d"}), node("Erf", {"d"}, {"e"}), node("Add", {"e", "one"}, {"s"}),
             node("Mul", {"x", "s"}, {"p"}), node("Mul", {"p", "half"}, {"y"})}),
  };
  add_exact(f);
  return f;
}

}  // namespace ow::numerics
