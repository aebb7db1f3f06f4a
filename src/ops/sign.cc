// Abs, Neg, Sign: |x|, -x, and -1, 0 or 1 by the sign of x (NaN stays NaN).
//
// Integers wrap as two's complement does: the negative of the least value is itself.
#include <cmath>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim negate(const Dim* x, size_t) { return Dim(0) - x[0]; }
Dim absolute(const Dim* x, size_t) { return is_nonnegative(x[0]) ? x[0] : max(x[0], Dim(0) - x[0]); }
Dim sign(const Dim* x, size_t) {
  auto s = compare(x[0], Dim(0));
  return s ? Dim(*s) : Dim::unknown();
}

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same(c));
  infer_elements(c, kRule);
  return {};
}

template <class T>
T negative(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
  else
    return -x;
}

Status run_abs(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_unary<T, T>(c, kCheapGrain, [](T x) {
      if constexpr (std::is_floating_point_v<T>)
        return std::abs(x);
      else if constexpr (std::is_unsigned_v<T>)
        return x;
      else
        return x < 0 ? negative(x) : x;
    });
  });
}

Status run_neg(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(),
                     [&]<class T>(T) { return run_unary<T, T>(c, kCheapGrain, negative<T>); });
}

Status run_sign(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_unary<T, T>(c, kCheapGrain, [](T x) {
      if constexpr (std::is_floating_point_v<T>)
        return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
      else
        return static_cast<T>((x > 0) - (x < 0));
    });
  });
}

std::unique_ptr<Op> row(std::string_view name, Status (*infer)(const NoAttrs&, InferContext&),
                        Status (*run)(const NoAttrs&, RunContext&)) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = [](Rewriter& c) { return drop_consumed_inputs(c); },
                      .run = run,
                      .native = Numbers::mask,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(sign) {
  return {row("Abs", infer<absolute>, run_abs), row("Neg", infer<negate>, run_neg),
          row("Sign", infer<sign>, run_sign)};
}

}  // namespace ow
