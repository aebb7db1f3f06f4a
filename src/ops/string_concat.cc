// StringConcat: x + y, element by element, with numpy broadcasting.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) { return infer_broadcast(c); }

Shape broadcast_strides(const Tensor& t, const Shape& shape) {
  const Shape own = dense_strides(t.shape());
  Shape strides(shape.rank(), 0);
  const size_t lead = shape.rank() - t.rank();
  for (size_t i = 0; i < t.rank(); ++i) strides[lead + i] = t.dim(i) == 1 ? 0 : own[i];
  return strides;
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor &x = c.in(0), &y = c.in(1);
  auto shape = broadcast(x.shape(), y.shape());
  if (!shape) return c.error("shapes ", x.shape(), " and ", y.shape(), " do not broadcast");
  Tensor z = ONWARD_TRY(c.out(0, DType::kString, *shape));
  const Shape xs = broadcast_strides(x, *shape), ys = broadcast_strides(y, *shape);
  Odometer at(shape->dims());
  for (int64_t i = 0; i < z.count(); ++i, at.step())
    z.mutable_data<std::string>()[i] =
        x.data<std::string>()[at.dot(xs.dims())] + y.data<std::string>()[at.dot(ys.dims())];
  return {};
}

}  // namespace

ONWARD_OPS(string_concat) { return {op<NoAttrs>({.name = "StringConcat", .infer = infer, .run = run})}; }

}  // namespace ow
