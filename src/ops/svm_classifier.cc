// SVMClassifier (ai.onnx.ml). With vectors_per_class, one machine for every pair i < j of classes, as libsvm
// has it:
//   s_ij = rho + sum over vectors of class i of coefficients[j - 1] K + over those of class j of
//   coefficients[i] K
// s_ij > 0 is a vote for i, else for j; the class with most votes wins (the first of equal ones). With prob_a
// and prob_b the pairs' probabilities 1 / (1 + exp(a s + b)) are joined to one per class (the second method
// of Wu, Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling", 2004),
// and the greatest wins. Without vectors_per_class, one linear machine per class, with rho[0] for all. A
// single score s for two classes is given as {-s, s}.
#include <algorithm>
#include <cmath>

#include "ops/op/svm.h"

namespace ow {
namespace {

struct Attrs {
  SvmKernel kernel;
  ClassLabels labels;
  PostTransform transform = PostTransform::kNone;
  int64_t classes = 1, vectors = 0, features = 0;  // vectors == 0: linear
  ir::Ints starts, per_class;
  ir::Floats coefficients, support, rho, prob_a, prob_b;

  int64_t pairs() const { return classes * (classes - 1) / 2; }
  int64_t scores() const { return vectors == 0 || !prob_a.empty() ? classes : pairs(); }
  int64_t columns() const { return scores() == 1 && classes == 2 ? 2 : scores(); }
};

void expect_count(const AttrReader& a, const char* name, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) != expected)
    a.fail(name, cat("has ", found, " elements, expected ", expected));
}

void check_pairs(const AttrReader& a, Attrs& out) {
  expect_count(a, "vectors_per_class", out.per_class.size(), out.classes);
  if (!a.error().ok()) return;
  for (int64_t n : out.per_class) {
    out.starts.push_back(out.vectors);
    if (n < 0 || n > INT32_MAX)
      return a.fail("vectors_per_class", cat("has ", n, ", expected 0 to 2^31 - 1"));
    out.vectors += n;
  }
  if (out.vectors == 0) return a.fail("vectors_per_class", "adds up to 0");
  const auto numbers = static_cast<int64_t>(out.support.size());
  if (numbers % out.vectors != 0)
    return a.fail("support_vectors",
                  cat("has ", numbers, " elements, expected a multiple of ", out.vectors, " vectors"));
  out.features = numbers / out.vectors;
  if (out.classes < 2 || out.classes > 65536)
    return a.fail("classlabels_ints", cat("gives ", out.classes, " classes, expected 2 to 65,536"));
  expect_count(a, "coefficients", out.coefficients.size(), (out.classes - 1) * out.vectors);
  expect_count(a, "rho", out.rho.size(), out.pairs());
  expect_count(a, "prob_b", out.prob_b.size(), static_cast<int64_t>(out.prob_a.size()));
  if (!out.prob_a.empty()) expect_count(a, "prob_a", out.prob_a.size(), out.pairs());
}

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.kernel = read_svm_kernel(a),
            .labels = read_labels(a, "classlabels_ints", "classlabels_strings"),
            .transform = read_post_transform(a),
            .per_class = a.integers("vectors_per_class"),
            .coefficients = a.reals("coefficients"),
            .support = a.reals("support_vectors"),
            .rho = a.reals("rho"),
            .prob_a = a.reals("prob_a"),
            .prob_b = a.reals("prob_b")};
  out.classes = std::max<int64_t>(out.labels.count(), 1);
  const bool linear =
      std::all_of(out.per_class.begin(), out.per_class.end(), [](int64_t n) { return n == 0; });
  if (!linear) {
    check_pairs(a, out);
    return out;
  }
  out.kernel = {};
  out.prob_a.clear();
  const auto count = static_cast<int64_t>(out.coefficients.size());
  if (out.rho.empty()) a.fail("rho", "is empty");
  if (count == 0 || count % out.classes != 0)
    a.fail("coefficients", cat("has ", count, " elements, expected a multiple of ", out.classes, " classes"));
  out.features = count / out.classes;
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const Dim rows = ONWARD_TRY(expect_features(c, 0, a.features));
  c.set(0, a.labels.dtype(), SymShape{rows});
  c.set(1, DType::kFloat32, SymShape{rows, a.columns()});
  return {};
}

// Memory for one row, reused.
struct Scratch {
  std::vector<double> kernels, scores, votes, matrix, ratios, gradient;
};

void score_pairs(const Attrs& a, std::span<const double> row, Scratch& s) {
  for (int64_t v = 0; v < a.vectors; ++v)
    s.kernels.push_back(a.kernel(row, a.support.data() + v * a.features));
  s.votes.assign(static_cast<size_t>(a.classes), 0);
  const auto part = [&](int64_t of, int64_t coefficients) {
    double sum = 0;
    const int64_t first = a.starts[static_cast<size_t>(of)],
                  last = first + a.per_class[static_cast<size_t>(of)];
    for (int64_t v = first; v < last; ++v)
      sum += a.coefficients[static_cast<size_t>(coefficients * a.vectors + v)] *
             s.kernels[static_cast<size_t>(v)];
    return sum;
  };
  for (int64_t i = 0; i < a.classes; ++i)
    for (int64_t j = i + 1; j < a.classes; ++j) {
      const double score = a.rho[s.scores.size()] + part(i, j - 1) + part(j, i);
      s.scores.push_back(score);
      s.votes[static_cast<size_t>(score > 0 ? i : j)] += 1;
    }
}

// Replaces the pairs' scores by a probability for each class.
void couple(const Attrs& a, Scratch& s) {
  const auto k = static_cast<size_t>(a.classes);
  auto& r = s.ratios;
  r.assign(k * k, 0);
  for (size_t i = 0, pair = 0; i < k; ++i)
    for (size_t j = i + 1; j < k; ++j, ++pair) {
      const double p = 1 - logistic(s.scores[pair] * a.prob_a[pair] + a.prob_b[pair]);
      r[i * k + j] = std::clamp(p, 1e-7, 1 - 1e-7);
      r[j * k + i] = 1 - r[i * k + j];
    }
  auto& q = s.matrix;
  q.assign(k * k, 0);
  for (size_t t = 0; t < k; ++t)
    for (size_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[t * k + t] += r[j * k + t] * r[j * k + t];
      q[t * k + j] = -r[j * k + t] * r[t * k + j];
    }
  auto& p = s.scores;
  p.assign(k, 1.0 / static_cast<double>(k));
  auto& qp = s.gradient;
  qp.assign(k, 0);
  for (size_t round = 0; round < std::max<size_t>(100, k); ++round) {
    double pqp = 0, error = 0;
    for (size_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (size_t j = 0; j < k; ++j) qp[t] += q[t * k + j] * p[j];
      pqp += p[t] * qp[t];
    }
    for (size_t t = 0; t < k; ++t) error = std::max(error, std::abs(qp[t] - pqp));
    if (error < 0.005 / static_cast<double>(k)) break;
    for (size_t t = 0; t < k; ++t) {
      const double d = (pqp - qp[t]) / q[t * k + t];
      p[t] += d;
      pqp = (pqp + d * (d * q[t * k + t] + 2 * qp[t])) / (1 + d) / (1 + d);
      for (size_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + d * q[t * k + j]) / (1 + d);
        p[j] /= 1 + d;
      }
    }
  }
}

// Leaves the row's scores in s.scores; gives its class.
int64_t classify(const Attrs& a, std::span<const double> row, Scratch& s) {
  s.kernels.clear();
  s.scores.clear();
  const auto first_greatest = [](const std::vector<double>& v) {
    return std::max_element(v.begin(), v.end()) - v.begin();
  };
  if (a.vectors == 0) {
    for (int64_t i = 0; i < a.classes; ++i)
      s.scores.push_back(a.rho[0] + a.kernel(row, a.coefficients.data() + i * a.features));
    return a.classes == 1 ? s.scores[0] > 0 : first_greatest(s.scores);
  }
  score_pairs(a, row, s);
  if (!a.prob_a.empty()) couple(a, s);
  return first_greatest(s.votes);
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features != a.features) return c.error("input has ", x.features, " features, expected ", a.features);
  Tensor labels, out;
  if (c.wants(0)) labels = ONWARD_TRY(c.out(0, a.labels.dtype(), {x.rows}));
  if (c.wants(1)) out = ONWARD_TRY(c.out(1, DType::kFloat32, {x.rows, a.columns()}));
  c.parallel_for(x.rows, 4, [&](int64_t begin, int64_t end) {
    Scratch s;
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      const int64_t best = classify(a, x.row(i), s);
      if (labels.has_value() && a.labels.count() > 1)
        a.labels.write(labels, i, best);
      else if (labels.has_value() && !a.labels.strings)
        labels.mutable_data<int64_t>()[i] = best;
      else if (labels.has_value())
        labels.mutable_data<std::string>()[i] = best != 0 ? a.labels.texts[0] : std::string();
      if (!out.has_value()) continue;
      float* to = out.mutable_data<float>() + i * a.columns();
      if (s.scores.size() == 1 && a.columns() == 2) {
        write_binary(BinaryScores::kOpposite, a.transform, s.scores[0], to);
        continue;
      }
      transform_scores(a.transform, s.scores);
      for (double v : s.scores) *to++ = static_cast<float>(v);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(svm_classifier) {
  return {
      op<Attrs>({.name = "SVMClassifier", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
