// Ceil, Floor, Round: to an integer upwards, downwards, or to the nearest one, halves to even.
#include <cmath>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

// Contents are only tracked where they are integers.
Dim same(const Dim* x, size_t) { return x[0]; }

Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same(c));
  infer_elements(c, same);
  return {};
}

struct Ceil {
  template <class T>
  static T of(T x) {
    return std::ceil(x);
  }
};
struct Floor {
  template <class T>
  static T of(T x) {
    return std::floor(x);
  }
};
struct Round {
  template <class T>
  static T of(T x) {
    return std::nearbyint(x);
  }
};

template <class F>
Status run(const NoAttrs&, RunContext& c) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_unary<T, T>(c, kCheapGrain, [](T x) { return F::of(x); });
  });
}

template <class F>
std::unique_ptr<Op> row(std::string_view name) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = [](Rewriter& c) { return drop_consumed_inputs(c); },
                      .run = run<F>,
                      .native = Floats::mask,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(rounding) { return {row<Ceil>("Ceil"), row<Floor>("Floor"), row<Round>("Round")}; }

}  // namespace ow
