// LinearClassifier (ai.onnx.ml): scores s[n, e] = sum_f x[n, f] coefficients[e, f] + intercepts[e], the label
// of the greatest (the first of equal ones), and the scores through `post_transform`.
//
// One row of coefficients for two labels is the score of the second: it wins above 0, and the scores are {-s,
// s} transformed. With one label, or none, that wins above 0 and else the label is 0 (or ""). Without labels
// the class is its number.
#include <algorithm>

#include "ops/op/features.h"

namespace ow {
namespace {

struct Attrs {
  int64_t scores = 1, features = 0;
  ir::Floats coefficients, intercepts;
  ClassLabels labels;
  PostTransform transform = PostTransform::kNone;
  bool binary() const { return scores == 1 && labels.count() == 2; }
  int64_t columns() const { return binary() ? 2 : scores; }
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.coefficients = a.reals("coefficients"),
            .intercepts = a.reals("intercepts"),
            .labels = read_labels(a, "classlabels_ints", "classlabels_strings"),
            .transform = read_post_transform(a)};
  const auto count = static_cast<int64_t>(out.coefficients.size());
  out.scores = !out.intercepts.empty() ? static_cast<int64_t>(out.intercepts.size()) : out.labels.count();
  if (out.scores < 1 || count == 0 || count % out.scores != 0)
    a.fail("coefficients",
           cat("has ", count, " elements, expected a multiple of the ", out.scores, " intercepts"));
  else
    out.features = count / out.scores;
  if (out.labels.count() > 0 && out.labels.count() != out.scores && !out.binary())
    a.fail("intercepts",
           cat("has ", out.scores, " elements, expected one for each of ", out.labels.count(), " labels"));
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const Dim rows = ONWARD_TRY(expect_features(c, 0, a.features));
  c.set(0, a.labels.dtype(), SymShape{rows});
  c.set(1, DType::kFloat32, SymShape{rows, a.columns()});
  return {};
}

void write_label(const Attrs& a, std::span<const double> scores, Tensor& y, int64_t i) {
  if (a.scores > 1 || a.binary()) {
    const int64_t best =
        a.binary() ? scores[0] > 0 : std::max_element(scores.begin(), scores.end()) - scores.begin();
    if (a.labels.count() > 0)
      a.labels.write(y, i, best);
    else
      y.mutable_data<int64_t>()[i] = best;
  } else if (a.labels.count() == 1 && scores[0] > 0) {
    a.labels.write(y, i, 0);
  } else if (!a.labels.strings) {
    y.mutable_data<int64_t>()[i] = a.labels.count() == 0 && scores[0] > 0 ? 1 : 0;
  }
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features != a.features) return c.error("input has ", x.features, " features, expected ", a.features);
  Tensor labels, out;
  if (c.wants(0)) labels = ONWARD_TRY(c.out(0, a.labels.dtype(), {x.rows}));
  if (c.wants(1)) out = ONWARD_TRY(c.out(1, DType::kFloat32, {x.rows, a.columns()}));
  c.parallel_for(x.rows, 64, [&](int64_t begin, int64_t end) {
    std::vector<double> scores(static_cast<size_t>(a.scores));
    for (int64_t i = begin; i < end; ++i) {
      linear_scores(x.row(i), a.coefficients, a.intercepts, scores);
      if (labels.has_value()) write_label(a, scores, labels, i);
      if (!out.has_value()) continue;
      float* to = out.mutable_data<float>() + i * a.columns();
      if (a.binary()) {
        write_binary(BinaryScores::kComplement, a.transform, scores[0], to);
        continue;
      }
      transform_scores(a.transform, scores);
      for (double s : scores) *to++ = static_cast<float>(s);
    }
  });
  return {};
}

}  // namespace

ONWARD_OPS(linear_classifier) {
  return {op<Attrs>(
      {.name = "LinearClassifier", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
