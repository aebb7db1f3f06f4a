// TreeEnsembleClassifier (ai.onnx.ml 1, 3): the votes of the leaves that a row reaches are added up per
// class; the class of the greatest score wins (the first of equal ones), and scores go through
// `post_transform`.
//
// Two classes may come with votes for one class only, the positive one. Then there is one score s: with all
// weights positive it is a probability, the second class wins if s > 0.5, and the scores are {1 - s, s};
// otherwise the second class wins if s > 0 and the scores are {-s, s}, transformed. This is what converters
// write models for.
#include "ops/op/tree.h"

namespace ow {
namespace {

struct Attrs {
  TreeEnsemble ensemble;
  ClassLabels labels;
  PostTransform transform = PostTransform::kNone;
  std::vector<double> base;  // empty: 0
  bool one_score = false;    // two classes, votes for one
  bool all_positive = true;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.labels = read_labels(a, "classlabels_int64s", "classlabels_strings"),
            .transform = read_post_transform(a)};
  const int64_t classes = out.labels.count();
  if (classes < 1 || classes > INT32_MAX) a.fail("classlabels_int64s", "and classlabels_strings are empty");
  out.base = read_real_list(a, "base_values");
  if (!out.base.empty() && static_cast<int64_t>(out.base.size()) != classes &&
      !(classes == 2 && out.base.size() == 1))
    a.fail("base_values",
           cat("has ", out.base.size(), " elements, expected one per class, of which there are ", classes));
  out.ensemble = read_tree_ensemble(a, "class", classes);
  bool same = true;
  for (const TreeVote& v : out.ensemble.votes) {
    same &= v.target == out.ensemble.votes[0].target;
    out.all_positive &= v.weight >= 0;
  }
  out.one_score = classes == 2 && same;
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  int64_t features = -1;
  const Dim rows = ONWARD_TRY(infer_features(c, 0, &features));
  if (features >= 0 && features < a.ensemble.features)
    return c.error("input has ", features, " features, expected at least ", a.ensemble.features);
  c.set(0, a.labels.dtype(), SymShape{rows});
  c.set(1, DType::kFloat32, SymShape{rows, a.labels.count()});
  return {};
}

// Writes the row's scores; gives the index of its class.
int64_t finish_one(const Attrs& a, std::span<const TreeScore> scores, float* out) {
  double s = scores[0].voted ? scores[0].value : scores[1].value;
  if (a.base.size() == 2) s += a.base[1];
  if (a.base.size() == 1) s += a.base[0];
  write_binary(a.all_positive ? BinaryScores::kComplement : BinaryScores::kOpposite, a.transform, s, out);
  return s > (a.all_positive ? 0.5 : 0.0) ? 1 : 0;
}

int64_t finish_many(const Attrs& a, std::span<const TreeScore> scores, std::vector<double>& values,
                    float* out) {
  int64_t best = -1;
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool has_base = i < a.base.size();
    values[i] = scores[i].value + (has_base ? a.base[i] : 0);
    if ((scores[i].voted || has_base) && (best < 0 || values[i] > values[static_cast<size_t>(best)]))
      best = static_cast<int64_t>(i);
  }
  transform_scores(a.transform, values);
  for (double v : values) *out++ = static_cast<float>(v);
  return std::max<int64_t>(best, 0);
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features < a.ensemble.features)
    return c.error("input has ", x.features, " features, expected at least ", a.ensemble.features);
  const int64_t classes = a.labels.count();
  Tensor labels, scores;
  if (c.wants(0)) labels = ONWARD_TRY(c.out(0, a.labels.dtype(), {x.rows}));
  if (c.wants(1)) scores = ONWARD_TRY(c.out(1, DType::kFloat32, {x.rows, classes}));
  c.parallel_for(x.rows, 16, [&](int64_t begin, int64_t end) {
    std::vector<TreeScore> votes(static_cast<size_t>(classes));
    std::vector<double> values(votes.size());
    std::vector<float> line(votes.size());
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      a.ensemble.evaluate(x.row(i), TreeAggregate::kSum, votes);
      const int64_t best =
          a.one_score ? finish_one(a, votes, line.data()) : finish_many(a, votes, values, line.data());
      if (labels.has_value()) a.labels.write(labels, i, best);
      if (scores.has_value()) std::copy(line.begin(), line.end(), scores.mutable_data<float>() + i * classes);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(tree_ensemble_classifier) {
  return {op<Attrs>(
      {.name = "TreeEnsembleClassifier", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
