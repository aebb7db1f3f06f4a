// NegativeLogLikelihoodLoss: l = -w[t] * x[t], where x are the log probabilities of one sample's classes and
// t is its target; SoftmaxCrossEntropyLoss: the same of x = LogSoftmax(scores), which may be output 1.
//
// x is [N, C, d1..dk], targets and losses [N, d1..dk]. A target equal to ignore_index gives 0 with weight 0;
// any other must be in [0, C). `sum` adds the losses, `mean` divides by the sum of the weights, ignored
// samples left out (0 / 0 is NaN). Sums are taken in double, sample by sample, so threads change nothing.
#include <cmath>

#include "kernels/compensated_sum.h"
#include "ops/op/op.h"

namespace ow {
namespace {

enum class Reduce { kNone, kSum, kMean };

struct Attrs {
  Reduce reduce = Reduce::kMean;
  std::optional<int64_t> ignored;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs;
  const std::string reduction = a.text("reduction", "mean");
  attrs.reduce = reduction == "none" ? Reduce::kNone : reduction == "sum" ? Reduce::kSum : Reduce::kMean;
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    a.fail("reduction", cat("is '", reduction, "', expected none, sum or mean"));
  if (a.has("ignore_index")) attrs.ignored = a.integer("ignore_index", 0);
  return attrs;
}

Status check_targets(const InferContext& c, const SymShape& x, const SymShape& t) {
  bool fits = t.size() + 1 == x.size();
  for (size_t i = 0; fits && i < t.size(); ++i) {
    const Dim& d = x[i == 0 ? 0 : i + 1];
    fits = !d.is_constant() || !t[i].is_constant() || d == t[i];
  }
  if (fits) return {};
  return c.error("input 1 is ", list_text(t), ", expected the extents of input 0, ", list_text(x),
                 ", without axis 1");
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *t = c.shape(1), *w = c.shape(2);
  if (x && x->size() < 2) return c.error("input 0 is ", list_text(*x), ", expected rank 2 or more");
  if (x && t) ONWARD_TRY(check_targets(c, *x, *t));
  if (w && (w->size() != 1 || (x && (*x)[1].is_constant() && (*w)[0].is_constant() && !((*x)[1] == (*w)[0]))))
    return c.error("input 2 is ", list_text(*w), ", expected one weight for each class");
  std::optional<SymShape> loss = SymShape{};
  if (a.reduce == Reduce::kNone) {
    loss.reset();
    if (t) {
      loss = *t;
    } else if (x) {
      loss = *x;
      loss->erase(loss->begin() + 1);
    }
  }
  c.set(0, c.dtype(0), std::move(loss));
  c.set(1, c.dtype(0), x ? std::optional(*x) : std::nullopt);
  return {};
}

template <class T>
struct Samples {
  int64_t classes = 0, inner = 0, count = 0;  // class j of sample i is at first(i) + j * inner
  const T *x = nullptr, *weights = nullptr;
  const Tensor* targets = nullptr;
  int64_t first(int64_t i) const { return i / inner * classes * inner + i % inner; }
  int64_t target(int64_t i) const {
    return targets->dtype() == DType::kInt32 ? targets->data<int32_t>()[i] : targets->data<int64_t>()[i];
  }
};

template <class T>
Result<Samples<T>> read_samples(const Attrs& a, const RunContext& c) {
  const Tensor &x = c.in(0), &t = c.in(1);
  Shape expected;
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != 1) expected.push_back(x.dim(i));
  if (x.rank() < 2 || !(t.shape() == expected))
    return c.error("input 1 has shape ", t.shape(), ", which does not fit input 0 of shape ", x.shape());
  if (c.has(2) && !(c.in(2).shape() == Shape{x.dim(1)}))
    return c.error("input 2 has shape ", c.in(2).shape(), ", expected [", x.dim(1), "]");
  Samples<T> s{.classes = x.dim(1),
               .inner = x.shape().count(2, x.rank()),
               .count = t.count(),
               .x = x.data<T>(),
               .weights = c.has(2) ? c.in(2).data<T>() : nullptr,
               .targets = &t};
  for (int64_t i = 0; i < s.count; ++i) {
    const int64_t target = s.target(i);
    if (target == a.ignored || (target >= 0 && target < s.classes)) continue;
    return c.error("target ", i, " is ", target, ", expected a class in [0, ", s.classes, ")",
                   a.ignored ? cat(" or ignore_index ", *a.ignored) : "");
  }
  return s;
}

// Losses from the log probability of each sample's target.
template <class T>
Status reduce_losses(const Attrs& a, RunContext& c, const Samples<T>& s, std::span<T> log_prob) {
  kernels::CompensatedSum losses, weights;
  for (int64_t i = 0; i < s.count; ++i) {
    T& l = log_prob[static_cast<size_t>(i)];
    const int64_t target = s.target(i);
    const T w = target == a.ignored ? T(0) : s.weights ? s.weights[target] : T(1);
    l = target == a.ignored ? T(0) : -l * w;
    losses += static_cast<double>(l);
    weights += static_cast<double>(w);
  }
  if (a.reduce == Reduce::kNone) {
    Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, c.in(1).shape()));
    std::copy(log_prob.begin(), log_prob.end(), y.mutable_data<T>());
    return {};
  }
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, {}));
  const double sum = static_cast<double>(losses);
  *y.mutable_data<T>() = static_cast<T>(a.reduce == Reduce::kSum ? sum : sum / static_cast<double>(weights));
  return {};
}

struct FromLogProbabilities {
  template <class T>
  static Status run(const Attrs& a, RunContext& c) {
    const Samples<T> s = ONWARD_TRY(read_samples<T>(a, c));
    auto chosen = ONWARD_TRY(c.scratch_of<T>(s.count));
    for (int64_t i = 0; i < s.count; ++i)
      if (s.target(i) != a.ignored) chosen[static_cast<size_t>(i)] = s.x[s.first(i) + s.target(i) * s.inner];
    return reduce_losses(a, c, s, chosen);
  }
};

struct FromScores {
  template <class T>
  static Status run(const Attrs& a, RunContext& c) {
    const Samples<T> s = ONWARD_TRY(read_samples<T>(a, c));
    auto chosen = ONWARD_TRY(c.scratch_of<T>(s.count));
    T* all = nullptr;
    if (c.wants(1)) {
      Tensor log_prob = ONWARD_TRY(c.out(1, dtype_of<T>, c.in(0).shape()));
      all = log_prob.mutable_data<T>();
    }
    const int64_t grain = std::max<int64_t>(1, 4096 / std::max<int64_t>(1, s.classes));
    c.parallel_for(s.count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = s.first(i);
        const T* x = s.x + first;
        T m = -std::numeric_limits<T>::infinity();
        kernels::CompensatedSum sum;
        for (int64_t j = 0; j < s.classes; ++j)
          m = x[j * s.inner] > m || std::isnan(x[j * s.inner]) ? x[j * s.inner] : m;
        for (int64_t j = 0; j < s.classes; ++j) sum += static_cast<double>(std::exp(x[j * s.inner] - m));
        const T log_sum = static_cast<T>(std::log(static_cast<double>(sum)));
        for (int64_t j = 0; all && j < s.classes; ++j)
          all[first + j * s.inner] = x[j * s.inner] - m - log_sum;
        if (const int64_t t = s.target(i); t != a.ignored)
          chosen[static_cast<size_t>(i)] = x[t * s.inner] - m - log_sum;
      }
    });
    return reduce_losses(a, c, s, chosen);
  }
};

template <class Source>
Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? Source::template run<double>(a, c)
                                            : Source::template run<float>(a, c);
}

template <class Source>
std::unique_ptr<Op> row(std::string_view name) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .run = run<Source>,
                    .native = types<float, double, int32_t, int64_t>});
}

}  // namespace

ONWARD_OPS(likelihood_loss) {
  return {row<FromLogProbabilities>("NegativeLogLikelihoodLoss"), row<FromScores>("SoftmaxCrossEntropyLoss")};
}

}  // namespace ow
