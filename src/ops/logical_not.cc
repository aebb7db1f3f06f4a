// Not and BitwiseNot: y = !x, y = ~x.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim negation(const Dim* x, size_t) {
  auto v = x[0].constant();
  return v ? Dim(*v == 0 ? 1 : 0) : Dim::unknown();
}

Dim complement(const Dim* x, size_t) { return Dim(-1) - x[0]; }

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same(c));
  infer_elements(c, kRule);
  return {};
}

Status run_not(const NoAttrs&, RunContext& c) {
  return visit_types(TypeList<bool>{}, c, c.in(0).dtype(),
                     [&]<class T>(T) { return run_unary<T, T>(c, kCheapGrain, [](T x) { return !x; }); });
}

Status run_bitwise_not(const NoAttrs&, RunContext& c) {
  return visit_types(Integers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_unary<T, T>(c, kCheapGrain, [](T x) { return static_cast<T>(~x); });
  });
}

}  // namespace

ONWARD_OPS(logical_not) {
  return {op<NoAttrs>({.name = "Not",
                       .infer = infer<negation>,
                       .run = run_not,
                       .native = types<bool>,
                       .layout = LayoutRule::kElementwise,
                       .in_place = {{0, 0}}}),
          op<NoAttrs>({.name = "BitwiseNot",
                       .infer = infer<complement>,
                       .run = run_bitwise_not,
                       .native = Integers::mask,
                       .layout = LayoutRule::kElementwise,
                       .in_place = {{0, 0}}})};
}

}  // namespace ow
