// PRelu: x < 0 ? slope * x : x, with a slope that broadcasts to the shape of x.
//
// Opsets 1 and 6 mean one slope per channel (axis 1) by a slope of rank 1; `upgrade` gives it the trailing
// axes that say so.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  const SymShape *x = c.shape(0), *slope = c.shape(1);
  if (x && slope) {
    if (slope->size() > x->size())
      return c.error("slope has rank ", slope->size(), ", expected at most that of X, ", x->size());
    SymShape both = ONWARD_TRY(c.broadcast(*x, *slope));
    for (size_t i = 0; i < both.size(); ++i)
      if ((*x)[i].is(1) && both[i].is_constant() && !both[i].is(1))
        return c.error("slope of shape ", list_text(*slope), " does not broadcast to X of shape ",
                       list_text(*x));
  }
  return infer_same(c);
}

// A slope of unknown rank: of rank 1, it gets as many axes of extent 1 as X has behind axis 1.
Result<ir::Value*> align_if_vector(Rewriter& c) {
  ir::Value* x_shape = ONWARD_TRY(c.add("Shape", {c.in(0)}));
  ir::Value* x_rank = ONWARD_TRY(c.add("Shape", {x_shape}));
  ir::Value* shape = ONWARD_TRY(c.add("Shape", {c.in(1)}));
  ir::Value* rank = ONWARD_TRY(c.add("Shape", {shape}));
  ir::Value* room = ONWARD_TRY(c.add("Sub", {x_rank, c.ints({2})}));
  ir::Value* behind = ONWARD_TRY(c.add("Max", {room, c.ints({0})}));
  ir::Value* is_vector = ONWARD_TRY(c.add("Equal", {rank, c.ints({1})}));
  ir::Value* count = ONWARD_TRY(c.add("Where", {is_vector, behind, c.ints({0})}));
  ir::Value* ones = ONWARD_TRY(c.add("Expand", {c.ints({1}), count}));
  ir::Value* grown = ONWARD_TRY(c.add("Concat", {shape, ones}, {{"axis", int64_t{0}}}));
  return c.add("Reshape", {c.in(1), grown});
}

Status upgrade(Rewriter& c) {
  ONWARD_TRY(drop_consumed_inputs(c));
  if (c.since_version() >= 7) return {};
  const SymShape *x = c.shape(c.in(0)), *slope = c.shape(c.in(1));
  if ((x && x->size() < 2) || (slope && (slope->size() != 1 || (*slope)[0].is(1)))) return {};
  c.set_input(1, ONWARD_TRY(slope ? align_at_axis(c, c.in(0), c.in(1), 1) : align_if_vector(c)));
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  auto shape = broadcast(c.in(0).shape(), c.in(1).shape());
  if (!shape || !(*shape == c.in(0).shape()))
    return c.error("slope of shape ", c.in(1).shape(), " does not broadcast to X of shape ", c.in(0).shape());
  using Types = TypeList<float, double, int32_t, int64_t, uint32_t, uint64_t>;
  return visit_types(Types{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_binary<T, T, T>(c, c.in(0).dtype(), [](T x, T slope) {
      if constexpr (std::is_integral_v<T>)
        return x < 0 ? static_cast<T>(static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(slope)) : x;
      else
        return x < 0 ? x * slope : x;
    });
  });
}

}  // namespace

ONWARD_OPS(prelu) {
  return {op<NoAttrs>({.name = "PRelu",
                       .infer = infer,
                       .upgrade = upgrade,
                       .run = run,
                       .native = types<float, double, int32_t, int64_t, uint32_t, uint64_t>,
                       .layout = LayoutRule::kElementwise,
                       .in_place = {{0, 0}}})};
}

}  // namespace ow
