// ArrayFeatureExtractor (ai.onnx.ml): the elements of the last axis that Y names: z[..., j] = x[..., y[j]]. Y
// is read flat; a vector X gives [1, count of Y].
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && x->empty()) return c.error("input 0 is a scalar, expected rank 1 or more");
  std::optional<SymShape> z;
  if (x) {
    z = *x;
    if (z->size() == 1) z->insert(z->begin(), 1);
    z->back() = c.shape(1) ? product(*c.shape(1), 0, c.shape(1)->size()) : Dim::unknown();
  }
  c.set(0, c.dtype(0), std::move(z));
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() == 0) return c.error("input 0 is a scalar, expected rank 1 or more");
  const int64_t features = x.dim(x.rank() - 1), rows = x.shape().count(0, x.rank() - 1);
  const auto wanted = ONWARD_TRY(read_indices(c, 1, features));
  const auto columns = static_cast<int64_t>(wanted.size());
  for (int64_t i : c.in(1).span<int64_t>())
    if (i < 0) return c.error("input 1 has ", i, ", expected 0 to ", features - 1);
  Shape shape = x.rank() == 1 ? Shape{1, columns} : x.shape();
  shape[shape.rank() - 1] = columns;
  auto z = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  const Units from = ONWARD_TRY(units_of(c, x));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < columns; ++j)
      copy_units(z.units.at(r * columns + j), from.at(r * features + wanted[static_cast<size_t>(j)]), 1);
  z.finish();
  return {};
}

}  // namespace

ONWARD_OPS(array_feature_extractor) {
  return {op<NoAttrs>({.name = "ArrayFeatureExtractor", .domain = "ai.onnx.ml", .infer = infer, .run = run})};
}

}  // namespace ow
