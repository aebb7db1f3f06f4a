// Clip: min(max(x, min), max), with either bound optional. NaN stays NaN; where min > max the answer is max.
//
// Opsets 1 and 6 have the bounds as attributes, which `upgrade` turns into inputs; their defaults, the ends
// of float's range, bound nothing but the infinities and are left out.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  for (size_t i = 1; i < c.inputs(); ++i)
    if (c.shape(i) && concrete(*c.shape(i)) && concrete(*c.shape(i))->count() != 1)
      return c.error("bound ", i == 1 ? "min" : "max", " has shape ", list_text(*c.shape(i)),
                     ", expected a scalar");
  ONWARD_TRY(infer_same(c));
  if (c.inputs() == 3 && c.has(1) && c.has(2))
    infer_elements(c, [](const Dim* x, size_t) { return min(x[2], max(x[0], x[1])); });
  return {};
}

Result<ir::Value*> bound(Rewriter& c, const AttrReader& a, std::string_view name) {
  const float value = a.real(name, 0);
  if (!a.error().ok()) return a.error().clone();
  if (c.in(0)->type().dtype != DType::kUndefined) return c.scalar_like(c.in(0), double{value});
  return c.add("CastLike", {c.constant(Tensor::scalar(value)), c.in(0)});
}

Status upgrade(Rewriter& c) {
  ONWARD_TRY(drop_consumed_inputs(c));
  if (c.since_version() >= 11) return {};
  AttrReader a(c.node());
  if (a.has("min")) c.set_input(1, ONWARD_TRY(bound(c, a, "min")));
  if (a.has("max")) c.set_input(2, ONWARD_TRY(bound(c, a, "max")));
  c.remove_attribute("min");
  c.remove_attribute("max");
  return {};
}

template <class T>
Status run_as(RunContext& c) {
  const T* bounds[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    if (!c.has(i + 1)) continue;
    if (c.in(i + 1).count() != 1 || c.in(i + 1).dtype() != c.in(0).dtype())
      return c.error("bound ", i == 0 ? "min" : "max", " is ", c.in(i + 1).dtype(), c.in(i + 1).shape(),
                     ", expected a scalar of type ", c.in(0).dtype());
    bounds[i] = c.in(i + 1).data<T>();
  }
  if (bounds[0] && bounds[1])
    return run_unary<T, T>(c, kCheapGrain, [low = *bounds[0], high = *bounds[1]](T x) {
      const T raised = x < low ? low : x;
      return raised > high ? high : raised;
    });
  if (bounds[0])
    return run_unary<T, T>(c, kCheapGrain, [low = *bounds[0]](T x) { return x < low ? low : x; });
  if (bounds[1])
    return run_unary<T, T>(c, kCheapGrain, [high = *bounds[1]](T x) { return x > high ? high : x; });
  return run_unary<T, T>(c, kCheapGrain, [](T x) { return x; });
}

Status run(const NoAttrs&, RunContext& c) {
  return visit_types(Numbers{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_as<T>(c); });
}

}  // namespace

ONWARD_OPS(clip) {
  return {op<NoAttrs>({.name = "Clip",
                       .infer = infer,
                       .upgrade = upgrade,
                       .run = run,
                       .native = Numbers::mask,
                       .layout = LayoutRule::kElementwise,
                       .in_place = {{0, 0}}})};
}

}  // namespace ow
