// Mod: the remainder with the sign of the divisor (fmod = 0, integers only, as Python's %), or with the sign
// of the dividend (fmod = 1, as C's fmod and integer %). A divisor of the integer 0 is refused.
#include <atomic>
#include <cmath>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {
  bool fmod = false;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.flag("fmod", false)}; }

Dim floor_remainder(const Dim* x, size_t) { return mod(x[0], x[1]); }
Dim truncated_remainder(const Dim* x, size_t) {
  const bool same = is_nonnegative(x[0]) && is_nonnegative(x[1]);
  return same ? mod(x[0], x[1]) : Dim::unknown();
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  if (!a.fmod && is_floating(c.dtype(0)))
    return c.error("input 0 is of type ", c.dtype(0), ", expected an integer type, or attribute fmod = 1");
  ONWARD_TRY(infer_broadcast(c));
  infer_elements(c, a.fmod ? truncated_remainder : floor_remainder);
  return {};
}

template <class T>
T remainder(T a, T b, bool fmod) {
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;  // the least value by -1 overflows
    const T r = static_cast<T>(a % b);
    return !fmod && r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
  } else {
    return static_cast<T>(a % b);
  }
}

template <class T>
Status run_as(const Attrs& a, RunContext& c) {
  if constexpr (std::is_floating_point_v<T>) {
    return run_binary<T, T, T>(c, c.in(0).dtype(), [](T x, T y) { return std::fmod(x, y); });
  } else {
    std::atomic<bool> by_zero = false;
    ONWARD_TRY((run_binary<T, T, T>(c, c.in(0).dtype(), [flag = &by_zero, fmod = a.fmod](T x, T y) -> T {
      if (y != 0) return remainder(x, y, fmod);
      flag->store(true, std::memory_order_relaxed);
      return 0;
    })));
    if (by_zero) return c.error("takes the remainder of a division by 0: input 1 holds a zero");
    return {};
  }
}

Status run(const Attrs& a, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_as<T>(a, c); });
}

}  // namespace

ONWARD_OPS(mod) {
  return {op<Attrs>({.name = "Mod",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = Numbers::mask,
                     .layout = LayoutRule::kElementwise,
                     .in_place = {{0, 0}, {1, 0}}})};
}

}  // namespace ow
