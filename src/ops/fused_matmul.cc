// com.microsoft.FusedMatMul: y = alpha * op(a) @ op(b). transA and transB swap the last two axes; transBatchA
// and transBatchB say that the first axis is really the last but one: [m, batch.., k] stands for [batch.., m,
// k].
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  float alpha = 1;
  bool swap[2] = {false, false}, batch[2] = {false, false};
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.real("alpha", 1),
               {a.flag("transA", false), a.flag("transB", false)},
               {a.flag("transBatchA", false), a.flag("transBatchB", false)}};
}

ir::Ints order_of(const Attrs& a, size_t side, size_t rank) {
  ir::Ints order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(i);
  if (a.batch[side] && rank > 2) {
    for (size_t i = 0; i + 2 < rank; ++i) order[i] = static_cast<int64_t>(i + 1);
    order[rank - 2] = 0;
  }
  if (a.swap[side] && rank >= 2) std::swap(order[rank - 1], order[rank - 2]);
  return order;
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0, 1}, 2, 1));
  c.set(0, c.dtype(0), std::nullopt);
  if (!c.shape(0) || !c.shape(1) || c.shape(0)->size() < 2 || c.shape(1)->size() < 2) return {};
  SymShape sides[2];
  for (size_t side : {size_t{0}, size_t{1}})
    for (int64_t axis : order_of(a, side, c.shape(side)->size()))
      sides[side].push_back((*c.shape(side))[static_cast<size_t>(axis)]);
  const Dim rows = sides[0][sides[0].size() - 2], columns = sides[1].back();
  for (SymShape& s : sides) s.resize(s.size() - 2);
  SymShape y = ONWARD_TRY(c.broadcast(sides[0], sides[1]));
  y.push_back(rows);
  y.push_back(columns);
  c.set(0, c.dtype(0), std::move(y));
  return {};
}

Status lower(const Attrs& a, Rewriter& c) {
  ir::Value* sides[2] = {c.in(0), c.in(1)};
  for (size_t side : {size_t{0}, size_t{1}}) {
    if (!a.swap[side] && !a.batch[side]) continue;
    if (!c.shape(sides[side])) return c.cannot("the rank of input ", side, " is not known");
    ir::Ints order = order_of(a, side, c.shape(sides[side])->size());
    sides[side] = ONWARD_TRY(c.add("Transpose", {sides[side]}, {{"perm", std::move(order)}}));
  }
  ir::Value* y = ONWARD_TRY(c.add("MatMul", {sides[0], sides[1]}));
  if (a.alpha != 1) {
    ir::Value* alpha = ONWARD_TRY(c.scalar_like(y, a.alpha));
    y = ONWARD_TRY(c.add("Mul", {y, alpha}));
  }
  return c.replace({y});
}

}  // namespace

ONWARD_OPS(fused_matmul) {
  return {
      op<Attrs>({.name = "FusedMatMul", .domain = kMicrosoft, .read = read, .infer = infer, .lower = lower})};
}

}  // namespace ow
