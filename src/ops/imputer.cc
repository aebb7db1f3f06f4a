// Imputer (ai.onnx.ml): elements equal to the replaced value (NaN: all NaNs) become the imputed one, of which
// there is one, or one per element of the last axis. Floats have replaced_value_float and
// imputed_value_floats, integers the int64 pair.
#include <cmath>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  float replaced_float = 0;
  int64_t replaced_int = 0;
  ir::Floats floats;
  ir::Ints ints;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.replaced_float = a.real("replaced_value_float", 0),
            .replaced_int = a.integer("replaced_value_int64", 0),
            .floats = a.reals("imputed_value_floats"),
            .ints = a.integers("imputed_value_int64s")};
  if (out.floats.empty() == out.ints.empty())
    a.fail("imputed_value_floats", "and imputed_value_int64s: expected one of the two");
  return out;
}

Status check(const Attrs& a, const auto& c, DType type, int64_t features) {
  const bool wants_floats = is_floating(type);
  if (wants_floats == a.floats.empty())
    return c.error("input is of type ", type, ", but the imputed values are ",
                   wants_floats ? "integers" : "floats");
  const size_t values = wants_floats ? a.floats.size() : a.ints.size();
  if (features >= 0 && values != 1 && static_cast<int64_t>(values) != features)
    return c.error("input has ", features, " features, but there are ", values,
                   " imputed values, expected 1 or as many");
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (c.dtype(0) != DType::kUndefined)
    ONWARD_TRY(check(a, c, c.dtype(0), x && !x->empty() ? x->back().constant().value_or(-1) : -1));
  return infer_same(c);
}

template <class T, class V>
Status run_typed(RunContext& c, T replaced, const std::vector<V>& values) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  const auto same = [replaced](T v) {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(replaced)) return std::isnan(v);
    return v == replaced;
  };
  for (int64_t i = 0; i < x.count(); ++i) {
    const T v = x.data<T>()[i];
    const auto at = static_cast<size_t>(i) % values.size();
    y.mutable_data<T>()[i] = same(v) ? static_cast<T>(values[at]) : v;
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  ONWARD_TRY(check(a, c, x.dtype(), x.rank() == 0 ? 1 : x.dim(x.rank() - 1)));
  switch (x.dtype()) {
    case DType::kFloat64:
      return run_typed<double>(c, a.replaced_float, a.floats);
    case DType::kInt64:
      return run_typed<int64_t>(c, a.replaced_int, a.ints);
    case DType::kInt32:
      return run_typed<int32_t>(c, static_cast<int32_t>(a.replaced_int), a.ints);
    default:
      return run_typed<float>(c, a.replaced_float, a.floats);
  }
}

}  // namespace

ONWARD_OPS(imputer) {
  return {op<Attrs>({.name = "Imputer",
                     .domain = "ai.onnx.ml",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, int64_t, int32_t>})};
}

}  // namespace ow
