// BitwiseAnd, BitwiseOr, BitwiseXor on integers; BitShift of unsigned ones, where a shift by the width of the
// type or more leaves 0.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {
  bool left = false;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string direction = a.required_text("direction");
  if (direction != "LEFT" && direction != "RIGHT")
    a.fail("direction", cat("is '", printable(direction), "', expected 'LEFT' or 'RIGHT'"));
  return Attrs{direction == "LEFT"};
}

template <class A>
Status infer(const A&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  return infer_broadcast(c);
}

struct And {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};

template <class F>
Status run(const NoAttrs&, RunContext& c) {
  return visit_types(Integers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    using U = Wrapping<T>;
    return run_binary<U, U, U>(c, c.in(0).dtype(), [](U a, U b) { return F::of(a, b); });
  });
}

Status run_shift(const Attrs& a, RunContext& c) {
  return visit_types(UnsignedInts{}, c, c.in(0).dtype(), [&]<class T>(T) {
    constexpr T kBits = sizeof(T) * 8;
    if (a.left)
      return run_binary<T, T, T>(
          c, c.in(0).dtype(), [](T x, T n) { return n < kBits ? static_cast<T>(uint64_t{x} << n) : T(0); });
    return run_binary<T, T, T>(c, c.in(0).dtype(),
                               [](T x, T n) { return n < kBits ? static_cast<T>(x >> n) : T(0); });
  });
}

template <class F>
std::unique_ptr<Op> row(std::string_view name) {
  return op<NoAttrs>({.name = name,
                      .infer = infer<NoAttrs>,
                      .run = run<F>,
                      .native = Integers::mask,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}, {1, 0}}});
}

}  // namespace

ONWARD_OPS(bitwise) {
  return {row<And>("BitwiseAnd"), row<Or>("BitwiseOr"), row<Xor>("BitwiseXor"),
          op<Attrs>({.name = "BitShift",
                     .read = read,
                     .infer = infer<Attrs>,
                     .run = run_shift,
                     .native = UnsignedInts::mask,
                     .layout = LayoutRule::kElementwise,
                     .in_place = {{0, 0}, {1, 0}}})};
}

}  // namespace ow
