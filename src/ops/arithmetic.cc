// Add, Sub, Mul, Div: numpy broadcasting. Integers wrap; their division truncates towards zero and refuses a
// divisor of 0.
//
// Opsets 1 to 6 broadcast by the attributes `broadcast` and `axis`, which `upgrade` rewrites.
#include <atomic>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim sum(const Dim* x, size_t) { return x[0] + x[1]; }
Dim difference(const Dim* x, size_t) { return x[0] - x[1]; }
Dim product(const Dim* x, size_t) { return x[0] * x[1]; }

Dim integer_quotient(const Dim* x, size_t) {
  const auto a = x[0].constant(), b = x[1].constant();
  if ((a && b) && *b != 0 && *b != -1) return *a / *b;
  if (b && *b == -1) return Dim(0) - x[0];
  // Truncation is rounding down only where nothing is negative.
  if (is_nonnegative(x[1])) return floor_div(x[0], x[1]);
  return Dim::unknown();
}

Dim exact_quotient(const Dim* x, size_t) {
  const Dim q = integer_quotient(x, 2);
  return q * x[1] == x[0] ? q : Dim::unknown();
}

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  ONWARD_TRY(infer_broadcast(c));
  infer_elements(c, kRule);
  return {};
}

Status infer_div(const NoAttrs& a, InferContext& c) {
  return is_floating(c.dtype(0)) ? infer<exact_quotient>(a, c) : infer<integer_quotient>(a, c);
}

template <class F>
Status run(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    using W = Wrapping<T>;  // one loop serves both signs
    return run_binary<W, W, W>(c, c.in(0).dtype(), [](W a, W b) { return static_cast<W>(F::of(a, b)); });
  });
}

// 8- and 16-bit operands are promoted to int, whose product of 16-bit values would overflow.
template <class T>
using Promoted = std::conditional_t<std::is_integral_v<T> && sizeof(T) < 4, uint32_t, T>;

struct Plus {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<Promoted<T>>(a) + static_cast<Promoted<T>>(b));
  }
};
struct Minus {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<Promoted<T>>(a) - static_cast<Promoted<T>>(b));
  }
};
struct Times {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<Promoted<T>>(a) * static_cast<Promoted<T>>(b));
  }
};

template <class T>
Status run_div_as(RunContext& c) {
  if constexpr (std::is_floating_point_v<T>) {
    return run_binary<T, T, T>(c, c.in(0).dtype(), [](T a, T b) { return a / b; });
  } else {
    std::atomic<bool> by_zero = false;
    ONWARD_TRY((run_binary<T, T, T>(c, c.in(0).dtype(), [flag = &by_zero](T a, T b) -> T {
      if (b == 0) {
        flag->store(true, std::memory_order_relaxed);
        return 0;
      }
      if constexpr (std::is_signed_v<T>)
        if (b == -1) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
      return static_cast<T>(a / b);
    })));
    if (by_zero) return c.error("divides an integer by 0: input 1 holds a zero");
    return {};
  }
}

Status run_div(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_div_as<T>(c); });
}

std::unique_ptr<Op> row(std::string_view name, Status (*infer)(const NoAttrs&, InferContext&),
                        Status (*run)(const NoAttrs&, RunContext&)) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = [](Rewriter& c) { return upgrade_broadcast(c); },
                      .run = run,
                      .native = Numbers::mask,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}, {1, 0}}});
}

}  // namespace

ONWARD_OPS(arithmetic) {
  return {row("Add", infer<sum>, run<Plus>), row("Sub", infer<difference>, run<Minus>),
          row("Mul", infer<product>, run<Times>), row("Div", infer_div, run_div)};
}

}  // namespace ow
