#include "ops/op/features.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/convert.h"

namespace ow {

Result<FeatureRows> read_features(const RunContext& c, size_t i) {
  const Tensor& x = c.in(i);
  if (x.rank() != 1 && x.rank() != 2)
    return c.error("input ", i, " has shape ", x.shape(), ", expected [N, F] or [F]");
  FeatureRows out{.rows = x.rank() == 2 ? x.dim(0) : 1, .features = x.dim(x.rank() - 1)};
  out.values = ONWARD_TRY(convert(x, DType::kFloat64, true, Round::kNearest, c.budget()));
  return out;
}

Result<Dim> infer_features(const InferContext& c, size_t i, int64_t* features) {
  *features = -1;
  const SymShape* x = c.shape(i);
  if (!x) return Dim::unknown();
  if (x->size() != 1 && x->size() != 2)
    return c.error("input ", i, " is ", list_text(*x), ", expected [N, F] or [F]");
  *features = x->back().constant().value_or(-1);
  return x->size() == 2 ? (*x)[0] : Dim(1);
}

Result<Dim> expect_features(const InferContext& c, size_t i, int64_t expected) {
  int64_t features = -1;
  Dim rows = ONWARD_TRY(infer_features(c, i, &features));
  if (features >= 0 && features != expected)
    return c.error("input has ", features, " features, expected ", expected);
  return rows;
}

void linear_scores(std::span<const double> row, std::span<const float> coefficients,
                   std::span<const float> intercepts, std::span<double> scores) {
  const float* weights = coefficients.data();
  for (size_t t = 0; t < scores.size(); ++t) {
    double sum = 0;
    for (double v : row) sum += v * *weights++;
    scores[t] = sum + (intercepts.empty() ? 0 : intercepts[t]);
  }
}

PostTransform read_post_transform(const AttrReader& a) {
  const std::string name = a.text("post_transform", "NONE");
  if (name == "NONE") return PostTransform::kNone;
  if (name == "SOFTMAX") return PostTransform::kSoftmax;
  if (name == "LOGISTIC") return PostTransform::kLogistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::kSoftmaxZero;
  if (name == "PROBIT") return PostTransform::kProbit;
  a.fail("post_transform",
         cat("is '", printable(name), "', expected NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT"));
  return PostTransform::kNone;
}

double logistic(double x) {
  const double v = 1 / (1 + std::exp(-std::abs(x)));
  return x < 0 ? 1 - v : v;
}

double probit(double x) {
  const double y = 2 * x - 1, l = std::log((1 - y) * (1 + y));
  const double v = 2 / (std::numbers::pi * 0.147) + 0.5 * l;
  return std::copysign(std::numbers::sqrt2 * std::sqrt(std::sqrt(v * v - l / 0.147) - v), y);
}

static void softmax(std::span<double> scores, bool skip_zeros) {
  if (scores.empty()) return;
  const double m = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& s : scores) {
    s = skip_zeros && std::abs(s) <= 1e-7 ? s * std::exp(-m) : std::exp(s - m);
    sum += s;
  }
  for (double& s : scores) s = sum == 0 ? 0.5 : s / sum;
}

void transform_scores(PostTransform transform, std::span<double> scores) {
  if (transform == PostTransform::kSoftmax || transform == PostTransform::kSoftmaxZero)
    softmax(scores, transform == PostTransform::kSoftmaxZero);
  if (transform == PostTransform::kLogistic)
    std::transform(scores.begin(), scores.end(), scores.begin(), logistic);
  if (transform == PostTransform::kProbit)
    std::transform(scores.begin(), scores.end(), scores.begin(), probit);
}

void ClassLabels::write(Tensor& y, int64_t i, int64_t index) const {
  if (strings)
    y.mutable_data<std::string>()[i] = texts[static_cast<size_t>(index)];
  else
    y.mutable_data<int64_t>()[i] = ints[static_cast<size_t>(index)];
}

ClassLabels read_labels(const AttrReader& a, std::string_view ints, std::string_view strings) {
  ClassLabels out{.ints = a.integers(ints), .texts = a.texts(strings)};
  out.strings = !out.texts.empty();
  if (out.strings && !out.ints.empty())
    a.fail(strings, cat("is given beside ", ints, ", expected one of the two"));
  return out;
}

void write_binary(BinaryScores kind, PostTransform transform, double score, float* out) {
  const bool complement = transform == PostTransform::kProbit ||
                          (transform == PostTransform::kNone && kind == BinaryScores::kComplement);
  double both[2] = {complement ? 1 - score : -score, score};
  transform_scores(transform, both);
  out[0] = static_cast<float>(both[0]);
  out[1] = static_cast<float>(both[1]);
}

}  // namespace ow
