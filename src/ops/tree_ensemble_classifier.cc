// TreeEnsembleClassifier (ai.onnx.ml 1, 3): the votes of the leaves that a row reaches are added up per
// class; the class of the greatest score wins (the first of equal ones), and scores go through
// `post_transform`.
//
// Two classes may come with votes for one of them only, whose score s then decides: the second class wins if
// s > 0.5 where all weights are positive (s is a probability), else if s > 0. If the votes name the first
// class, as converters write them, s stands for the second all the same: the scores are {1 - s, s} or {-s,
// s}. If they name the second, the first has no score but its base value. A single base value is added to s.
#include "ops/op/tree.h"

namespace ow {
namespace {

struct Attrs {
  TreeEnsemble ensemble;
  ClassLabels labels;
  PostTransform transform = PostTransform::kNone;
  std::vector<double> base;  // empty: 0
  bool one_score = false;    // two classes, votes for one
  bool moved = false;        // and that one is the first
  bool all_positive = true;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.labels = read_labels(a, "classlabels_int64s", "classlabels_strings"),
            .transform = read_post_transform(a)};
  const int64_t classes = out.labels.count();
  if (classes < 1 || classes > kMaxTreeTargets)
    a.fail("classlabels_int64s", cat("gives ", classes, " classes, expected 1 to ", kMaxTreeTargets));
  out.base = read_real_list(a, "base_values");
  out.ensemble = read_tree_ensemble(a, "class", classes);
  bool same = true;
  for (const TreeVote& v : out.ensemble.votes) {
    same &= v.target == out.ensemble.votes[0].target;
    out.all_positive &= v.weight >= 0;
  }
  out.one_score = classes == 2 && same && !out.ensemble.votes.empty();
  out.moved = out.one_score && out.ensemble.votes[0].target == 0;
  const auto base = static_cast<int64_t>(out.base.size());
  if (base != 0 && base != classes && !(base == 1 && out.moved))
    a.fail("base_values",
           cat("has ", base, " elements, expected one per class, of which there are ", classes));
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

bool second_wins(const Attrs& a, double s) { return s > (a.all_positive ? 0.5 : 0.0); }

// Writes the row's scores; gives the index of its class.
int64_t finish_moved(const Attrs& a, std::span<const TreeScore> scores, float* out) {
  const double s = scores[0].value + (a.base.empty() ? 0 : a.base[0]);
  write_binary(a.all_positive ? BinaryScores::kComplement : BinaryScores::kOpposite, a.transform, s, out);
  return second_wins(a, s);
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
  if (a.one_score) best = second_wins(a, values[1]);
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
          a.moved ? finish_moved(a, votes, line.data()) : finish_many(a, votes, values, line.data());
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
