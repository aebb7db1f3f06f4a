// TreeEnsembleRegressor (ai.onnx.ml 1, 3): y[n, t] = transform(base_values[t] + aggregate over the trees of
// the weights for target t at the leaf that row n reaches). AVERAGE divides by the number of trees; a target
// without any vote is 0 before the base value.
#include "ops/op/tree.h"

namespace ow {
namespace {

struct Attrs {
  TreeEnsemble ensemble;
  TreeAggregate aggregate = TreeAggregate::kSum;
  PostTransform transform = PostTransform::kNone;
  int64_t targets = 1;
  std::vector<double> base;  // empty: 0
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.transform = read_post_transform(a), .targets = a.required_integer("n_targets")};
  if (out.targets < 1 || out.targets > kMaxTreeTargets)
    a.fail("n_targets", cat("is ", out.targets, ", expected 1 to ", kMaxTreeTargets));
  const std::string aggregate = a.text("aggregate_function", "SUM");
  if (aggregate == "AVERAGE")
    out.aggregate = TreeAggregate::kAverage;
  else if (aggregate == "MIN")
    out.aggregate = TreeAggregate::kMin;
  else if (aggregate == "MAX")
    out.aggregate = TreeAggregate::kMax;
  else if (aggregate != "SUM")
    a.fail("aggregate_function", cat("is '", printable(aggregate), "', expected AVERAGE, SUM, MIN or MAX"));
  out.base = read_real_list(a, "base_values");
  if (!out.base.empty() && static_cast<int64_t>(out.base.size()) != out.targets)
    a.fail("base_values",
           cat("has ", out.base.size(), " elements, expected n_targets, which is ", out.targets));
  out.ensemble = read_tree_ensemble(a, "target", out.targets);
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  int64_t features = -1;
  const Dim rows = ONWARD_TRY(infer_features(c, 0, &features));
  if (features >= 0 && features < a.ensemble.features)
    return c.error("input has ", features, " features, expected at least ", a.ensemble.features);
  c.set(0, DType::kFloat32, SymShape{rows, a.targets});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features < a.ensemble.features)
    return c.error("input has ", x.features, " features, expected at least ", a.ensemble.features);
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, {x.rows, a.targets}));
  c.parallel_for(x.rows, 16, [&](int64_t begin, int64_t end) {
    std::vector<TreeScore> scores(static_cast<size_t>(a.targets));
    std::vector<double> values(scores.size());
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      a.ensemble.evaluate(x.row(i), a.aggregate, scores);
      for (size_t t = 0; t < scores.size(); ++t)
        values[t] = scores[t].value + (a.base.empty() ? 0 : a.base[t]);
      transform_scores(a.transform, values);
      float* out = y.mutable_data<float>() + i * a.targets;
      for (double v : values) *out++ = static_cast<float>(v);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(tree_ensemble_regressor) {
  return {op<Attrs>(
      {.name = "TreeEnsembleRegressor", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
