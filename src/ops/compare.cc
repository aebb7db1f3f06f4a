// Equal, Greater, GreaterOrEqual, Less, LessOrEqual. A comparison with NaN is false. Equal also takes bools
// and strings.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim equal(const Dim* x, size_t) {
  auto order = compare(x[0], x[1]);
  return order ? Dim(*order == 0) : Dim::unknown();
}
Dim greater(const Dim* x, size_t) {
  bool at_least = false;
  auto order = compare(x[1], x[0], &at_least);
  if (order) return Dim(*order < 0);
  return at_least ? Dim(0) : Dim::unknown();
}
Dim greater_or_equal(const Dim* x, size_t) {
  bool at_least = false;
  auto order = compare(x[0], x[1], &at_least);
  if (order) return Dim(*order >= 0);
  return at_least ? Dim(1) : Dim::unknown();
}
Dim less(const Dim* x, size_t) {
  const Dim swapped[] = {x[1], x[0]};
  return greater(swapped, 2);
}
Dim less_or_equal(const Dim* x, size_t) {
  const Dim swapped[] = {x[1], x[0]};
  return greater_or_equal(swapped, 2);
}

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  ONWARD_TRY(infer_broadcast_bool(c));
  infer_elements(c, kRule);
  return {};
}

template <class F>
Status run(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_binary<T, T, bool>(c, DType::kBool, [](T a, T b) { return F::of(a, b); });
  });
}

struct Greater {
  template <class T>
  static bool of(T a, T b) {
    return a > b;
  }
};
struct GreaterOrEqual {
  template <class T>
  static bool of(T a, T b) {
    return a >= b;
  }
};
struct Less {
  template <class T>
  static bool of(T a, T b) {
    return a < b;
  }
};
struct LessOrEqual {
  template <class T>
  static bool of(T a, T b) {
    return a <= b;
  }
};
struct Equal {
  template <class T>
  static bool of(T a, T b) {
    return a == b;
  }
};

// Strings are compared through pointers to them, which the loop moves as 8-byte integers.
Status run_equal_strings(RunContext& c) {
  const Shape shape = ONWARD_TRY(broadcast_inputs(c, 2));
  Tensor y = ONWARD_TRY(c.out(0, DType::kBool, shape));
  std::vector<Tensor> indices;
  for (size_t i = 0; i < 2; ++i) {
    const Tensor x = ONWARD_TRY(c.in(i).owned(c.budget()));
    Tensor index = ONWARD_TRY(Tensor::allocate(DType::kInt64, x.shape(), c.budget()));
    for (int64_t j = 0; j < x.count(); ++j)
      index.mutable_data<int64_t>()[j] = reinterpret_cast<int64_t>(x.data<std::string>() + j);
    indices.push_back(index);
    indices.push_back(x);  // keeps a copy alive
  }
  run_pieces(c, y, {&indices[0], &indices[2]}, kCostlyGrain, [](std::byte* const* p, int64_t n) {
    auto same = [](int64_t a, int64_t b) {
      return *reinterpret_cast<const std::string*>(a) == *reinterpret_cast<const std::string*>(b);
    };
    loop(same, n, typed<bool>(p[0]), typed<const int64_t>(p[1]), typed<const int64_t>(p[2]));
  });
  return {};
}

// Integers are equal when their bits are: one loop serves both signs, and bool.
Status run_equal(const NoAttrs& a, RunContext& c) {
  if (c.in(1).dtype() != c.in(0).dtype())
    return c.error("input 1 is of type ", c.in(1).dtype(), ", expected ", c.in(0).dtype(), " as input 0");
  if (c.in(0).dtype() == DType::kString) return run_equal_strings(c);
  if (is_floating(c.in(0).dtype())) return run<Equal>(a, c);
  auto as = [&]<class T>(T) {
    return run_binary<T, T, bool>(c, DType::kBool, [](T x, T y) { return x == y; });
  };
  switch (bit_width(c.in(0).dtype())) {
    case 8:
      return as(uint8_t{});
    case 16:
      return as(uint16_t{});
    case 32:
      return as(uint32_t{});
    default:
      return as(uint64_t{});
  }
}

std::unique_ptr<Op> row(std::string_view name, Status (*infer)(const NoAttrs&, InferContext&),
                        Status (*run)(const NoAttrs&, RunContext&), TypeMask native = Numbers::mask) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = [](Rewriter& c) { return upgrade_broadcast(c); },
                      .run = run,
                      .native = native,
                      .layout = LayoutRule::kElementwise});
}

}  // namespace

ONWARD_OPS(compare) {
  return {row("Equal", infer<equal>, run_equal, Numbers::mask | types<bool, std::string>),
          row("Greater", infer<greater>, run<Greater>),
          row("GreaterOrEqual", infer<greater_or_equal>, run<GreaterOrEqual>),
          row("Less", infer<less>, run<Less>), row("LessOrEqual", infer<less_or_equal>, run<LessOrEqual>)};
}

}  // namespace ow
