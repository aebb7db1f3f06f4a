// LinearRegressor (ai.onnx.ml): y[n, t] = transform(sum_f x[n, f] coefficients[t, f] + intercepts[t]); in
// double, given as float.
#include "ops/op/features.h"

namespace ow {
namespace {

struct Attrs {
  int64_t targets = 1, features = 0;
  ir::Floats coefficients, intercepts;
  PostTransform transform = PostTransform::kNone;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.targets = a.integer("targets", 1),
            .coefficients = a.reals("coefficients"),
            .intercepts = a.reals("intercepts"),
            .transform = read_post_transform(a)};
  const auto count = static_cast<int64_t>(out.coefficients.size());
  if (out.targets < 1 || count == 0 || count % out.targets != 0)
    a.fail("coefficients",
           cat("has ", count, " elements, expected a multiple of targets, which is ", out.targets));
  else
    out.features = count / out.targets;
  if (!out.intercepts.empty() && static_cast<int64_t>(out.intercepts.size()) != out.targets)
    a.fail("intercepts", cat("has ", out.intercepts.size(), " elements, expected ", out.targets));
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const Dim rows = ONWARD_TRY(expect_features(c, 0, a.features));
  c.set(0, DType::kFloat32, SymShape{rows, a.targets});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features != a.features) return c.error("input has ", x.features, " features, expected ", a.features);
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, {x.rows, a.targets}));
  c.parallel_for(x.rows, 64, [&](int64_t begin, int64_t end) {
    std::vector<double> scores(static_cast<size_t>(a.targets));
    for (int64_t i = begin; i < end; ++i) {
      linear_scores(x.row(i), a.coefficients, a.intercepts, scores);
      transform_scores(a.transform, scores);
      for (size_t t = 0; t < scores.size(); ++t)
        y.mutable_data<float>()[i * a.targets + static_cast<int64_t>(t)] = static_cast<float>(scores[t]);
    }
  });
  return {};
}

}  // namespace

ONWARD_OPS(linear_regressor) {
  return {op<Attrs>(
      {.name = "LinearRegressor", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
