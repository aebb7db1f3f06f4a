// ZipMap (ai.onnx.ml): each row of [N, C] (or [C]) as a map from the C class labels to its values.
#include "ops/op/features.h"

namespace ow {
namespace {

struct Attrs {
  ClassLabels labels;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{read_labels(a, "classlabels_int64s", "classlabels_strings")};
  if (out.labels.count() == 0)
    a.fail("classlabels_int64s", "and classlabels_strings: expected one of the two");
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  int64_t columns = -1;
  ONWARD_TRY(infer_features(c, 0, &columns));
  if (columns >= 0 && columns != a.labels.count())
    return c.error("input has ", columns, " columns, expected one per class label: ", a.labels.count());
  c.set(0,
        ir::Type::sequence(ir::Type::map(a.labels.dtype(), ir::Type::tensor(DType::kFloat32, SymShape{}))));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 1 && x.rank() != 2)
    return c.error("input has shape ", x.shape(), ", expected [N, C] or [C]");
  const int64_t columns = x.dim(x.rank() - 1), rows = x.rank() == 2 ? x.dim(0) : 1;
  if (columns != a.labels.count())
    return c.error("input has ", columns, " columns, expected one per class label: ", a.labels.count());
  Sequence maps;
  for (int64_t r = 0; r < rows; ++r) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    MapValue map{.key_type = a.labels.dtype()};
    for (int64_t i = 0; i < columns; ++i) {
      Tensor value = ONWARD_TRY(Tensor::allocate(DType::kFloat32, {}, c.budget()));
      *value.mutable_data<float>() = x.data<float>()[r * columns + i];
      const auto at = static_cast<size_t>(i);
      if (a.labels.strings)
        map.items.insert_or_assign(a.labels.texts[at], Value(std::move(value)));
      else
        map.items.insert_or_assign(a.labels.ints[at], Value(std::move(value)));
    }
    maps.emplace_back(std::move(map));
  }
  c.set(0, Value(std::move(maps)));
  return {};
}

}  // namespace

ONWARD_OPS(zip_map) {
  return {op<Attrs>({.name = "ZipMap", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
