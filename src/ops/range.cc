// Range: start, start + delta, ... up to but without limit; max(ceil((limit - start) / delta), 0) elements.
//
// Integers are counted exactly. Floating elements are computed as start + i * delta in double and rounded
// once; float16 and bfloat16 run by way of float, which is what `stash_type` = 1 asks for.
#include <cmath>

#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {};

Result<Attrs> read(const AttrReader& a) {
  const int64_t stash = a.integer("stash_type", 1);
  if (stash != 1 && stash != 11) a.fail("stash_type", cat("is ", stash, ", expected 1 (float) or 11 (double)"));
  return Attrs{};
}

// How many elements, symbolically; nullopt if the sign of delta or the contents are unknown.
std::optional<Dim> symbolic_count(const Dim& start, const Dim& limit, const Dim& delta) {
  const auto step = delta.constant();
  if (!step || *step == 0 || *step == INT64_MIN) return std::nullopt;
  const Dim span = *step > 0 ? limit - start : start - limit;
  const Dim n = ceil_div(span, Dim(*step > 0 ? *step : -*step));
  return n.is_constant() || !is_nonnegative(n) ? max(n, Dim(0)) : n;
}

Status infer(const Attrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  std::array<Dim, 3> x;
  for (size_t i = 0; i < 3; ++i) {
    const SymShape* shape = c.shape(i);
    if (shape && concrete(*shape) && concrete(*shape)->count() != 1)
      return c.error("input ", i, " has shape ", list_text(*shape), ", expected a scalar");
    auto e = known_elements(c, i);
    // A floating value that is no integer is only known as a constant, which folding takes care of.
    if (!e || e->size() != 1 || (is_floating(c.dtype(i)) && (*e)[0].is_unknown())) {
      c.set_unknown_dims(0, c.dtype(0), 1);
      return {};
    }
    x[i] = (*e)[0];
  }
  if (x[2].is(0)) return c.error("delta is 0, expected another number");
  auto n = symbolic_count(x[0], x[1], x[2]);
  if (!n) {
    c.set_unknown_dims(0, c.dtype(0), 1);
    return {};
  }
  c.set(0, c.dtype(0), SymShape{*n});
  if (!n->is_constant() || *n->constant() > 1024) return {};
  std::vector<Dim> elements;
  for (int64_t i = 0; i < *n->constant(); ++i) elements.push_back(x[0] + Dim(i) * x[2]);
  c.set_elements(0, std::move(elements));
  return {};
}

template <class T>
Result<int64_t> count_elements(const RunContext& c, T start, T limit, T delta) {
  if (delta == 0) return c.error("delta is 0, expected another number");
  if constexpr (std::is_integral_v<T>) {
    using Wide = __int128;
    const Wide span = Wide{limit} - Wide{start}, step = delta;
    if ((span > 0) != (step > 0) || span == 0) return int64_t{0};
    const Wide n = (span + step + (step > 0 ? -1 : 1)) / step;
    if (n <= INT64_MAX) return static_cast<int64_t>(n);
  } else {
    const double n = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    if (n <= 0) return int64_t{0};
    if (n < 9e18) return static_cast<int64_t>(n);
  }
  return c.error("has too many elements, or bounds that are no numbers: from ", static_cast<double>(start), " to ",
                 static_cast<double>(limit), " by ", static_cast<double>(delta));
}

template <class T>
Status run_as(RunContext& c) {
  for (size_t i = 0; i < 3; ++i)
    if (c.in(i).count() != 1 || c.in(i).dtype() != dtype_of<T>)
      return c.error("input ", i, " is ", c.in(i).dtype(), c.in(i).shape(), ", expected one ", dtype_of<T>);
  const T start = c.in(0).data<T>()[0], delta = c.in(2).data<T>()[0];
  const int64_t n = ONWARD_TRY(count_elements(c, start, c.in(1).data<T>()[0], delta));
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, {n}));
  T* out = y.mutable_data<T>();
  c.parallel_for(n, kCheapGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (std::is_integral_v<T>)
        out[i] = static_cast<T>(static_cast<uint64_t>(start) + static_cast<uint64_t>(i) * static_cast<uint64_t>(delta));
      else
        out[i] = static_cast<T>(static_cast<double>(start) + static_cast<double>(i) * static_cast<double>(delta));
    }
  });
  return {};
}

Status run(const Attrs&, RunContext& c) {
  return visit_types(TypeList<float, double, int16_t, int32_t, int64_t>{}, c, c.in(0).dtype(),
                     [&]<class T>(T) { return run_as<T>(c); });
}

}  // namespace

ONWARD_OPS(range) {
  return {op<Attrs>({.name = "Range",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, int16_t, int32_t, int64_t>,
                     .shape_inputs = 7})};
}

}  // namespace ow
