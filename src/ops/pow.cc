// Pow: x to the power of y, of x's type; y may have another one.
//
// Integers to integer powers are exact and wrap; a negative power of one truncates to 0 (but for 1 and -1),
// and of 0 is refused. All other mixtures are computed in double, float with float in float; squares, the
// most frequent power in models, are products.
#include <atomic>
#include <cmath>
#include <limits>

#include "ops/op/elementwise.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Dim power(const Dim* x, size_t) {
  const auto n = x[1].constant();
  if (!n || *n < 0 || *n > 8) return Dim::unknown();
  Dim out = 1;
  for (int64_t i = 0; i < *n; ++i) out = out * x[0];
  return out;
}

Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_broadcast(c));
  infer_elements(c, power);
  return {};
}

template <class T>
T integer_power(T x, int64_t n) {
  using U = std::make_unsigned_t<T>;
  if (n < 0) return x == 1 ? T(1) : x == -1 ? (n % 2 ? T(-1) : T(1)) : T(0);
  U out = 1;
  for (U base = static_cast<U>(x); n; n >>= 1, base *= base)
    if (n & 1) out *= base;
  return static_cast<T>(out);
}

template <class T>
T from_double(double v) {
  if constexpr (std::is_integral_v<T>) {
    if (!(v > static_cast<double>(std::numeric_limits<T>::min())))
      return v != v ? T(0) : std::numeric_limits<T>::min();
    if (v >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  }
  return static_cast<T>(v);
}

// y[i] = f(x[i], exponent[i]), with the exponents converted to E.
template <class T, class E, class F>
Status run_with(RunContext& c, F f) {
  const Tensor exponent = ONWARD_TRY(convert(c.in(1), dtype_of<E>));
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, ONWARD_TRY(broadcast_inputs(c, 2))));
  run_pieces(c, y, {&c.in(0), &exponent}, kCostlyGrain, [f](std::byte* const* p, int64_t n) {
    loop(f, n, typed<T>(p[0]), typed<const T>(p[1]), typed<const E>(p[2]));
  });
  return {};
}

template <class T>
bool is_square(const RunContext& c) {
  if (c.in(1).count() != 1) return false;
  auto exponent = convert(c.in(1), DType::kFloat64);
  return exponent.ok() && exponent->data<double>()[0] == 2;
}

template <class T>
Status run_as(RunContext& c) {
  if constexpr (std::is_floating_point_v<T>) {
    if (is_square<T>(c)) return run_with<T, T>(c, [](T x, T) { return x * x; });
    if (c.in(1).dtype() == dtype_of<T>) return run_with<T, T>(c, [](T x, T e) { return std::pow(x, e); });
  } else if (is_integer(c.in(1).dtype())) {
    std::atomic<bool> by_zero = false;
    ONWARD_TRY((run_with<T, int64_t>(c, [flag = &by_zero](T x, int64_t e) -> T {
      if (x == 0 && e < 0) flag->store(true, std::memory_order_relaxed);
      return integer_power(x, e);
    })));
    if (by_zero) return c.error("raises the integer 0 to a negative power");
    return {};
  }
  return run_with<T, double>(
      c, [](T x, double e) { return from_double<T>(std::pow(static_cast<double>(x), e)); });
}

Status run(const NoAttrs&, RunContext& c) {
  using Bases = TypeList<float, double, int32_t, int64_t>;
  return visit_types(Bases{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_as<T>(c); });
}

}  // namespace

ONWARD_OPS(pow) {
  return {op<NoAttrs>({.name = "Pow",
                       .infer = infer,
                       .upgrade = [](Rewriter& c) { return upgrade_broadcast(c); },
                       .run = run,
                       .native = Numbers::mask,
                       .in_place = {{0, 0}}})};
}

}  // namespace ow
