// The elementary functions: Sqrt, Reciprocal, Exp, Log, Erf, and the circular and hyperbolic ones with their
// inverses.
//
// Exp, Log, Erf and Tanh of float32 are the vectorised kernels (kernels/math.h); the others, and all of
// float64, are the C library's, which is within one or two units in the last place (docs/numerics.md).
#include <cmath>

#include "kernels/math.h"
#include "ops/op/elementwise.h"

namespace ow {
namespace {

using Arrays = void (*)(const float*, float*, int64_t);

// One row: the function of float and double, and a kernel over float arrays where there is one.
template <float (*kFloat)(float), double (*kDouble)(double), Arrays kArrays>
Status run(const NoAttrs&, RunContext& c) {
  if (c.in(0).dtype() == DType::kFloat64)
    return run_unary<double, double>(c, kCostlyGrain, [](double x) { return kDouble(x); });
  // Types are compared: under sanitizers GCC takes no comparison of function pointers for a constant.
  using None = std::integral_constant<Arrays, nullptr>;
  if constexpr (!std::is_same_v<std::integral_constant<Arrays, kArrays>, None>)
    return run_unary_arrays(c, kCostlyGrain, kArrays);
  else
    return run_unary<float, float>(c, kCostlyGrain, [](float x) { return kFloat(x); });
}

template <class T>
T reciprocal(T x) {
  return 1 / x;
}

// The C library's own in float are more than a unit in the last place off.
float asinh(float x) { return static_cast<float>(std::asinh(static_cast<double>(x))); }
float tan(float x) { return static_cast<float>(std::tan(static_cast<double>(x))); }

Status infer(const NoAttrs&, InferContext& c) { return infer_same(c); }

// Erf-9 allows integers too; they are computed in double.
Status upgrade(Rewriter& c) {
  c.remove_attribute("consumed_inputs");
  const DType t = c.in(0) ? c.in(0)->type().dtype : DType::kUndefined;
  if (!is_integer(t)) return {};
  const auto code = [](DType to) { return ir::Attributes{{"to", static_cast<int64_t>(to)}}; };
  ir::Value* wide = ONWARD_TRY(c.add("Cast", {c.in(0)}, code(DType::kFloat64)));
  ir::Value* y = ONWARD_TRY(c.add(c.node().op_type, {wide}));
  return c.replace({ONWARD_TRY(c.add("Cast", {y}, code(t)))});
}

template <float (*kFloat)(float), double (*kDouble)(double), Arrays kArrays = nullptr>
std::unique_ptr<Op> row(std::string_view name) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = upgrade,
                      .run = run<kFloat, kDouble, kArrays>,
                      .native = Floats::mask,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(math_function) {
  return {row<std::sqrt, std::sqrt>("Sqrt"),
          row<reciprocal<float>, reciprocal<double>>("Reciprocal"),
          row<std::exp, std::exp, kernels::exp>("Exp"),
          row<std::log, std::log, kernels::log>("Log"),
          row<std::erf, std::erf, kernels::erf>("Erf"),
          row<std::sin, std::sin>("Sin"),
          row<std::cos, std::cos>("Cos"),
          row<tan, std::tan>("Tan"),
          row<std::asin, std::asin>("Asin"),
          row<std::acos, std::acos>("Acos"),
          row<std::atan, std::atan>("Atan"),
          row<std::sinh, std::sinh>("Sinh"),
          row<std::cosh, std::cosh>("Cosh"),
          row<std::tanh, std::tanh, kernels::tanh>("Tanh"),
          row<asinh, std::asinh>("Asinh"),
          row<std::acosh, std::acosh>("Acosh"),
          row<std::atanh, std::atanh>("Atanh")};
}

}  // namespace ow
