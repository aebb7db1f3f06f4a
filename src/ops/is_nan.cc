// IsNaN and IsInf: whether an element is not a number, or infinite (of the signs asked for).
#include <cmath>
#include <limits>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {
  bool detect_positive = true, detect_negative = true;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.flag("detect_positive", true), a.flag("detect_negative", true)};
}

template <class A>
Status infer(const A&, InferContext& c) {
  c.set(0, DType::kBool, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status run_is_nan(const NoAttrs&, RunContext& c) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_unary<T, bool>(c, kCheapGrain, [](T x) { return x != x; });
  });
}

Status run_is_inf(const Attrs& a, RunContext& c) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    return run_unary<T, bool>(c, kCheapGrain,
                              [positive = a.detect_positive, negative = a.detect_negative](T x) {
                                return (positive && x == kInfinity) || (negative && x == -kInfinity);
                              });
  });
}

}  // namespace

ONWARD_OPS(is_nan) {
  return {op<NoAttrs>({.name = "IsNaN",
                       .infer = infer<NoAttrs>,
                       .run = run_is_nan,
                       .native = Floats::mask,
                       .layout = LayoutRule::kElementwise}),
          op<Attrs>({.name = "IsInf",
                     .read = read,
                     .infer = infer<Attrs>,
                     .run = run_is_inf,
                     .native = Floats::mask,
                     .layout = LayoutRule::kElementwise})};
}

}  // namespace ow
