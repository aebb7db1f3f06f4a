// Max, Min, Sum, Mean of one or more tensors, broadcast. NaN wins over numbers in Max and Min, as in numpy.
//
// The output accumulates one input after the other, so the order of additions is that of the inputs.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim greatest(const Dim* x, size_t n) {
  Dim out = x[0];
  for (size_t i = 1; i < n; ++i) {
    bool at_least = false;
    auto order = compare(out, x[i], &at_least);
    out = order ? (*order < 0 ? x[i] : out) : at_least ? out : max(out, x[i]);
  }
  return out;
}
Dim least(const Dim* x, size_t n) {
  Dim out = x[0];
  for (size_t i = 1; i < n; ++i) {
    bool at_least = false;
    auto order = compare(out, x[i], &at_least);
    out = order ? (*order < 0 ? out : x[i]) : at_least ? x[i] : min(out, x[i]);
  }
  return out;
}
Dim sum(const Dim* x, size_t n) {
  Dim out = x[0];
  for (size_t i = 1; i < n; ++i) out = out + x[i];
  return out;
}
Dim mean(const Dim* x, size_t n) { return n == 1 ? x[0] : Dim::unknown(); }

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  ONWARD_TRY(infer_broadcast(c));
  infer_elements(c, kRule);
  return {};
}

struct Max {
  template <class T>
  static T of(T a, T b) {
    return a < b || b != b ? b : a;
  }
};
struct Min {
  template <class T>
  static T of(T a, T b) {
    return b < a || b != b ? b : a;
  }
};
struct Sum {
  template <class T>
  static T of(T a, T b) {
    return a + b;
  }
};

using Piece = kernels::StridedLoop::Piece;

// y = the inputs, joined two at a time; `only` passes on a single one.
Status accumulate(RunContext& c, Tensor& y, const Piece& only, const Piece& join) {
  const size_t n = c.inputs();
  for (size_t i = 1; i < n; ++i)
    if (c.in(i).dtype() != c.in(0).dtype())
      return c.error("input ", i, " is of type ", c.in(i).dtype(), ", expected ", c.in(0).dtype(),
                     " as input 0");
  const Shape shape = ONWARD_TRY(broadcast_inputs(c, n));
  // An input that the output may overwrite, but that is read again after the first step.
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < n; ++i) inputs.push_back(c.in(i));
  y = ONWARD_TRY(c.out(0, c.in(0).dtype(), shape));
  for (size_t i = 2; i < n; ++i)
    if (inputs[i].raw() == y.raw()) {
      Tensor copy = ONWARD_TRY(Tensor::allocate(y.dtype(), inputs[i].shape(), c.budget()));
      copy_elements(inputs[i], copy);
      inputs[i] = copy;
    }
  if (n == 1) run_pieces(c, y, {&inputs[0]}, kCheapGrain, only);
  for (size_t i = 1; i < n; ++i) run_pieces(c, y, {i == 1 ? &inputs[0] : &y, &inputs[i]}, kCheapGrain, join);
  return {};
}

template <class T, class F>
Status accumulate(RunContext& c, Tensor& y) {
  return accumulate(
      c, y,
      [](std::byte* const* p, int64_t k) {
        if (p[0] != p[1]) std::copy_n(typed<const T>(p[1]), k, typed<T>(p[0]));
      },
      [](std::byte* const* p, int64_t k) {
        loop([](T a, T b) { return F::of(a, b); }, k, typed<T>(p[0]), typed<const T>(p[1]),
             typed<const T>(p[2]));
      });
}

template <class F, class Types>
Status run(const NoAttrs&, RunContext& c) {
  Tensor y;
  return visit_types(Types{}, c, c.in(0).dtype(), [&]<class T>(T) { return accumulate<T, F>(c, y); });
}

Status run_mean(const NoAttrs&, RunContext& c) {
  Tensor y;
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) -> Status {
    ONWARD_TRY((accumulate<T, Sum>(c, y)));
    const T n = static_cast<T>(c.inputs());
    if (c.inputs() > 1)
      run_pieces(c, y, {&y}, kCheapGrain, [n](std::byte* const* p, int64_t k) {
        loop([n](T x) { return x / n; }, k, typed<T>(p[0]), typed<const T>(p[1]));
      });
    return {};
  });
}

std::unique_ptr<Op> row(std::string_view name, Status (*infer)(const NoAttrs&, InferContext&),
                        Status (*run)(const NoAttrs&, RunContext&), TypeMask native) {
  return op<NoAttrs>({.name = name,
                      .infer = infer,
                      .upgrade = [](Rewriter& c) { return drop_consumed_inputs(c); },
                      .run = run,
                      .native = native,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(variadic) {
  return {row("Max", infer<greatest>, run<Max, Numbers>, Numbers::mask),
          row("Min", infer<least>, run<Min, Numbers>, Numbers::mask),
          row("Sum", infer<sum>, run<Sum, Floats>, Floats::mask),
          row("Mean", infer<mean>, run_mean, Floats::mask)};
}

}  // namespace ow
