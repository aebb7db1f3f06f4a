// SVMRegressor (ai.onnx.ml): y[n] = transform(rho + sum_i coefficients[i] K(x[n], support_vectors[i])), or
// with n_supports = 0 the linear rho + x[n].coefficients. With one_class, 1 where that is positive and else
// -1.
#include "ops/op/svm.h"

namespace ow {
namespace {

struct Attrs {
  SvmKernel kernel;
  PostTransform transform = PostTransform::kNone;
  bool one_class = false;
  int64_t supports = 0, features = 0;
  ir::Floats coefficients, vectors;
  float rho = 0;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.kernel = read_svm_kernel(a),
            .transform = read_post_transform(a),
            .one_class = a.flag("one_class", false),
            .supports = a.integer("n_supports", 0),
            .coefficients = a.reals("coefficients"),
            .vectors = a.reals("support_vectors")};
  const ir::Floats rho = a.reals("rho");
  if (rho.size() != 1)
    a.fail("rho", cat("has ", rho.size(), " elements, expected 1"));
  else
    out.rho = rho[0];
  const auto coefficients = static_cast<int64_t>(out.coefficients.size()),
             numbers = static_cast<int64_t>(out.vectors.size());
  if (out.supports < 0) a.fail("n_supports", cat("is ", out.supports, ", expected at least 0"));
  if (out.supports <= 0) {
    out.features = coefficients;
    out.kernel = {};
  } else if (coefficients != out.supports) {
    a.fail("coefficients",
           cat("has ", coefficients, " elements, expected n_supports, which is ", out.supports));
  } else if (numbers % out.supports != 0) {
    a.fail("support_vectors",
           cat("has ", numbers, " elements, expected a multiple of n_supports: ", out.supports));
  } else {
    out.features = numbers / out.supports;
  }
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const Dim rows = ONWARD_TRY(expect_features(c, 0, a.features));
  c.set(0, DType::kFloat32, SymShape{rows, 1});
  return {};
}

double score(const Attrs& a, std::span<const double> row) {
  if (a.supports == 0) return a.rho + a.kernel(row, a.coefficients.data());
  double sum = a.rho;
  for (int64_t i = 0; i < a.supports; ++i)
    sum += a.coefficients[static_cast<size_t>(i)] * a.kernel(row, a.vectors.data() + i * a.features);
  return sum;
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features != a.features) return c.error("input has ", x.features, " features, expected ", a.features);
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, {x.rows, 1}));
  c.parallel_for(x.rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      double s = score(a, x.row(i));
      if (a.one_class)
        s = s > 0 ? 1 : -1;
      else
        transform_scores(a.transform, std::span(&s, 1));
      y.mutable_data<float>()[i] = static_cast<float>(s);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(svm_regressor) {
  return {
      op<Attrs>({.name = "SVMRegressor", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
