// FeatureVectorizer (ai.onnx.ml): inputs [N, C_i] side by side, [N, sum of inputdimensions], as floats; a
// vector [C] is one row. An input wider than its inputdimensions is cut, a narrower one is followed by zeros.
#include "ops/op/features.h"

namespace ow {
namespace {

struct Attrs {
  ir::Ints widths;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{a.integers("inputdimensions")};
  for (int64_t w : out.widths)
    if (w < 0 || w > INT32_MAX) a.fail("inputdimensions", cat("has ", w, ", expected 0 to 2^31 - 1"));
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  if (!a.widths.empty() && a.widths.size() != c.inputs())
    return c.error(c.inputs(), " inputs, but attribute 'inputdimensions' has ", a.widths.size(), " elements");
  Dim rows = Dim::unknown(), columns = 0;
  for (size_t i = 0; i < c.inputs(); ++i) {
    int64_t features = -1;
    const Dim n = ONWARD_TRY(infer_features(c, i, &features));
    if (i == 0 || n.is_constant()) rows = n;
    columns = columns + (!a.widths.empty() ? Dim(a.widths[i])
                         : c.shape(i)      ? c.shape(i)->back()
                                           : Dim::unknown());
  }
  c.set(0, DType::kFloat32, SymShape{rows, columns});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  std::vector<FeatureRows> inputs;
  int64_t columns = 0;
  if (!a.widths.empty() && a.widths.size() != c.inputs())
    return c.error(c.inputs(), " inputs, but attribute 'inputdimensions' has ", a.widths.size(), " elements");
  for (size_t i = 0; i < c.inputs(); ++i) {
    inputs.push_back(ONWARD_TRY(read_features(c, i)));
    if (inputs[i].rows != inputs[0].rows)
      return c.error("input ", i, " has ", inputs[i].rows, " rows, expected ", inputs[0].rows);
    columns += a.widths.empty() ? inputs[i].features : a.widths[i];
  }
  const int64_t rows = inputs.empty() ? 0 : inputs[0].rows;
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, {rows, columns}));
  float* out = y.mutable_data<float>();
  for (int64_t r = 0; r < rows; ++r)
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int64_t width = a.widths.empty() ? inputs[i].features : a.widths[i];
      const auto row = inputs[i].row(r);
      for (int64_t f = 0; f < width; ++f)
        *out++ = f < inputs[i].features ? static_cast<float>(row[static_cast<size_t>(f)]) : 0.0f;
    }
  return {};
}

}  // namespace

ONWARD_OPS(feature_vectorizer) {
  return {op<Attrs>(
      {.name = "FeatureVectorizer", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
