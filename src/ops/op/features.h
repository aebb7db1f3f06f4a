// What the operators of ai.onnx.ml share: rows of features, class labels, and transforms of scores.
#pragma once
#include <span>

#include "ops/op/op.h"

namespace ow {

// A numeric tensor [N, F] (or [F]: one row) in double.
struct FeatureRows {
  int64_t rows = 0, features = 0;
  Tensor values;  // float64
  std::span<const double> row(int64_t i) const {
    return {values.data<double>() + i * features, static_cast<size_t>(features)};
  }
};
Result<FeatureRows> read_features(const RunContext& c, size_t i);
// Checks what is known of such an input; gives N, and F in *features if it is known (else -1).
Result<Dim> infer_features(const InferContext& c, size_t i, int64_t* features);
// The same where the model fixes F: another F is an error.
Result<Dim> expect_features(const InferContext& c, size_t i, int64_t expected);

// scores[t] = sum_f row[f] coefficients[t, f] + intercepts[t] (none: 0).
void linear_scores(std::span<const double> row, std::span<const float> coefficients,
                   std::span<const float> intercepts, std::span<double> scores);

// How scores become the output. LOGISTIC: 1 / (1 + exp(-s)). SOFTMAX_ZERO: a softmax to which scores within
// 1e-7 of zero add nothing. PROBIT: the quantile of the normal distribution, by Winitzki's approximation of
// the inverse error function, as the reference evaluator and other runtimes have it.
enum class PostTransform { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };
PostTransform read_post_transform(const AttrReader& a);  // of the attribute `post_transform`
void transform_scores(PostTransform transform, std::span<double> scores);
double logistic(double x);
double probit(double x);

// One of two attributes with class labels.
struct ClassLabels {
  bool strings = false;
  ir::Ints ints;
  ir::Strings texts;
  DType dtype() const { return strings ? DType::kString : DType::kInt64; }
  int64_t count() const { return static_cast<int64_t>(strings ? texts.size() : ints.size()); }
  // y[i] = label `index`, which must be below count().
  void write(Tensor& y, int64_t i, int64_t index) const;
};
ClassLabels read_labels(const AttrReader& a, std::string_view ints, std::string_view strings);

// The two scores of a classifier that has one score s for two classes: {1 - s, s} (kComplement) or {-s, s}
// (kOpposite). LOGISTIC and the softmaxes always transform {-s, s}, PROBIT {1 - s, s}.
enum class BinaryScores { kComplement, kOpposite };
void write_binary(BinaryScores kind, PostTransform transform, double score, float* out);

}  // namespace ow
