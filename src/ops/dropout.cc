// Dropout as inference runs it: the input, and a mask of all true.
//
// With training_mode the output would be random; that is refused unless the ratio is 0. Opsets 1 and 6 train
// unless `is_test` is set; opsets 1 to 7 have a mask of the data's type.
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

// Whether the node, by these inputs, is to drop elements at random.
Result<bool> drops(const Tensor* ratio, const Tensor* training_mode) {
  if (!training_mode || training_mode->count() != 1 || training_mode->dtype() != DType::kBool) return false;
  if (!training_mode->data<bool>()[0]) return false;
  if (!ratio || ratio->count() != 1) return true;
  const Tensor value = ONWARD_TRY(convert(*ratio, DType::kFloat64));
  return value.data<double>()[0] != 0;
}

Status refuse(const ir::Node& node) {
  return unsupported(node.label(),
                     ": training_mode is true; this engine runs Dropout for inference only "
                     "(export the model in evaluation mode)");
}

Status infer(const NoAttrs&, InferContext& c) {
  if (c.constant(2) && (c.constant(1) || !c.has(1)) && ONWARD_TRY(drops(c.constant(1), c.constant(2))))
    return refuse(c.node());
  ONWARD_TRY(infer_same(c));
  if (c.wants(1)) c.set(1, DType::kBool, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 12) return {};
  AttrReader a(c.node());
  const bool trains = c.since_version() <= 6 && !a.flag("is_test", false) && a.real("ratio", 0.5f) != 0;
  if (!a.error().ok()) return a.error().clone();
  if (trains) return refuse(c.node());
  ir::Value* mask = c.node().output(1);
  if (!mask || !mask->is_used()) return c.replace({ONWARD_TRY(c.add("Dropout", {c.in(0)}))});
  auto made = ONWARD_TRY(c.add_multi("Dropout", {c.in(0)}, 2));
  if (c.since_version() <= 7) made[1] = ONWARD_TRY(c.add("CastLike", {made[1], c.in(0)}));
  return c.replace(made);
}

Status run(const NoAttrs&, RunContext& c) {
  if (ONWARD_TRY(drops(c.has(1) ? &c.in(1) : nullptr, c.has(2) ? &c.in(2) : nullptr)))
    return refuse(c.node());
  if (c.wants(1)) {
    Tensor mask = ONWARD_TRY(c.out(1, DType::kBool, c.in(0).shape()));
    std::fill_n(mask.mutable_data<bool>(), mask.count(), true);
  }
  c.set(0, c.value(0));
  return {};
}

}  // namespace

ONWARD_OPS(dropout) {
  return {op<NoAttrs>({.name = "Dropout", .infer = infer, .upgrade = upgrade, .run = run, .view_of = 0})};
}

}  // namespace ow
