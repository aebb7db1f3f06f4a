// Shrink: x + bias below -lambd, x - bias above lambd, 0 otherwise, of NaN too.
//
// Integers are computed in double and saturate at the ends of their type.
#include <limits>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {
  float bias = 0, lambd = 0.5f;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.real("bias", 0), a.real("lambd", 0.5f)}; }

Status infer(const Attrs&, InferContext& c) { return infer_same(c); }

template <class T>
T saturated(double v) {
  using Limits = std::numeric_limits<T>;
  if (!(v > static_cast<double>(Limits::lowest()))) return v != v ? T(0) : Limits::lowest();
  return v >= static_cast<double>(Limits::max()) ? Limits::max() : static_cast<T>(v);
}

Status run(const Attrs& a, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
    return run_unary<T, T>(
        c, kCheapGrain, [bias = static_cast<Wide>(a.bias), lambd = static_cast<Wide>(a.lambd)](T x) {
          const Wide v = static_cast<Wide>(x), y = v < -lambd ? v + bias : v > lambd ? v - bias : Wide(0);
          if constexpr (std::is_floating_point_v<T>)
            return y;
          else
            return saturated<T>(y);
        });
  });
}

}  // namespace

ONWARD_OPS(shrink) {
  return {op<Attrs>({.name = "Shrink",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = Numbers::mask,
                     .layout = LayoutRule::kElementwise,
                     .in_place = {{0, 0}}})};
}

}  // namespace ow
