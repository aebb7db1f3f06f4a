// com.microsoft: a residual added, then normalized over the last axis:
//   s = input + skip + bias,  y = LayerNormalization(s) * gamma + beta, or RMSNormalization(s) * gamma.
// Outputs 1 and 2, mean and inverse deviation, are there with the mean only; files name them without using
// them. Output 3 is s, for the next residual. SimplifiedLayerNormalization is RMSNormalization under the name
// that it had before ONNX took it; exporters write it in the default domain, too.
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  float epsilon = 0;
  int64_t axis = -1;
};

Result<Attrs> read_skip(const AttrReader& a) { return Attrs{a.real("epsilon", 1e-12f)}; }
Result<Attrs> read_simplified(const AttrReader& a) {
  return Attrs{a.real("epsilon", 1e-5f), a.integer("axis", -1)};
}

// Type of the mean and the inverse deviation: one value for each row of y.
void set_statistics(InferContext& c, size_t o, std::optional<SymShape> shape) {
  if (o >= c.outputs()) return;
  if (shape && !shape->empty()) shape->back() = Dim(1);
  c.set(o, DType::kFloat32, std::move(shape));
}

Status infer_sums(const Attrs&, InferContext& c, size_t inputs) {
  ONWARD_TRY(check_arity(c, {0, 1, 2}, inputs, 4));
  std::optional<SymShape> shape;
  if (c.shape(0) && c.shape(1)) shape = ONWARD_TRY(c.broadcast(*c.shape(0), *c.shape(1)));
  set_statistics(c, 1, shape);
  set_statistics(c, 2, shape);
  for (size_t o : {size_t{0}, size_t{3}})
    if (o < c.outputs()) c.set(o, c.dtype(0), shape);
  return {};
}
Status infer_layer(const Attrs& a, InferContext& c) { return infer_sums(a, c, 5); }
Status infer_root(const Attrs& a, InferContext& c) { return infer_sums(a, c, 4); }

// The sum and the outputs of the node, once the sum is normalized.
Result<ir::Value*> sum_of(Rewriter& c, size_t bias) {
  ir::Value* sum = ONWARD_TRY(c.add("Add", {c.in(0), c.in(1)}));
  return c.in(bias) ? c.add("Add", {sum, c.in(bias)}) : Result<ir::Value*>(sum);
}

// The parts that are not there (null) must not be used.
Status finish(Rewriter& c, std::vector<ir::Value*> parts, ir::Value* sum) {
  parts.resize(c.node().outputs().size(), nullptr);
  if (parts.size() > 3) parts[3] = sum;
  return c.replace(parts);
}

Status lower_layer(const Attrs& a, Rewriter& c) {
  ir::Value* sum = ONWARD_TRY(sum_of(c, 4));
  std::vector<ir::Value*> inputs{sum, c.in(2)};
  if (c.in(3)) inputs.push_back(c.in(3));
  auto parts = ONWARD_TRY(c.add_multi("LayerNormalization", std::move(inputs), 3,
                                      {{"axis", int64_t{-1}}, {"epsilon", a.epsilon}}));
  return finish(c, std::move(parts), sum);
}

Status lower_root(const Attrs& a, Rewriter& c) {
  ir::Value* sum = ONWARD_TRY(sum_of(c, 3));
  ir::Value* y =
      ONWARD_TRY(c.add("RMSNormalization", {sum, c.in(2)}, {{"axis", int64_t{-1}}, {"epsilon", a.epsilon}}));
  return finish(c, {y}, sum);
}

Status infer_simplified(const Attrs&, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0, 1}, 2, 2));
  std::optional<SymShape> shape;
  if (c.shape(0)) shape = *c.shape(0);
  set_statistics(c, 1, shape);
  c.set(0, c.dtype(1), std::move(shape));
  return {};
}

// The scale's type is the result's; the input may have another.
Status lower_simplified(const Attrs& a, Rewriter& c) {
  ir::Value* scale = ONWARD_TRY(c.add("CastLike", {c.in(1), c.in(0)}));
  ir::Value* y =
      ONWARD_TRY(c.add("RMSNormalization", {c.in(0), scale}, {{"axis", a.axis}, {"epsilon", a.epsilon}}));
  std::vector<ir::Value*> outputs(c.node().outputs().size(), nullptr);
  outputs[0] = ONWARD_TRY(c.add("CastLike", {y, c.in(1)}));
  return c.replace(outputs);
}

}  // namespace

ONWARD_OPS(skip_layer_normalization) {
  return {op<Attrs>({.name = "SkipLayerNormalization",
                     .domain = kMicrosoft,
                     .read = read_skip,
                     .infer = infer_layer,
                     .lower = lower_layer}),
          op<Attrs>({.name = "SkipSimplifiedLayerNormalization",
                     .domain = kMicrosoft,
                     .read = read_skip,
                     .infer = infer_root,
                     .lower = lower_root}),
          op<Attrs>({.name = "SimplifiedLayerNormalization",
                     .domain = kMicrosoft,
                     .read = read_simplified,
                     .infer = infer_simplified,
                     .lower = lower_simplified})};
}

}  // namespace ow
