// Scaler (ai.onnx.ml): y = (x - offset) * scale along the last axis, where offset and scale have one element
// or one per feature. Computed in double, given as float.
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  ir::Floats offset, scale;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.offset = a.reals("offset", {0}), .scale = a.reals("scale", {1})};
  if (out.offset.empty()) a.fail("offset", "is empty");
  if (out.scale.empty()) a.fail("scale", "is empty");
  return out;
}

Status check(const Attrs& a, const auto& c, int64_t features) {
  for (const ir::Floats* list : {&a.offset, &a.scale})
    if (list->size() != 1 && static_cast<int64_t>(list->size()) != features)
      return c.error("input has ", features, " features, but attribute '",
                     list == &a.offset ? "offset" : "scale", "' has ", list->size(),
                     " elements, expected 1 or as many");
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && !x->empty() && x->back().is_constant()) ONWARD_TRY(check(a, c, *x->back().constant()));
  c.set(0, DType::kFloat32, x ? std::optional(*x) : std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const int64_t features = x.rank() == 0 ? 1 : x.dim(x.rank() - 1);
  ONWARD_TRY(check(a, c, features));
  const Tensor exact = ONWARD_TRY(convert(x, DType::kFloat64, true, Round::kNearest, c.budget()));
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, x.shape()));
  for (int64_t i = 0; i < x.count(); ++i) {
    const auto f = static_cast<size_t>(i % features);
    const double offset = a.offset.size() == 1 ? a.offset[0] : a.offset[f];
    const double scale = a.scale.size() == 1 ? a.scale[0] : a.scale[f];
    y.mutable_data<float>()[i] = static_cast<float>((exact.data<double>()[i] - offset) * scale);
  }
  return {};
}

}  // namespace

ONWARD_OPS(scaler) {
  return {op<Attrs>({.name = "Scaler", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
