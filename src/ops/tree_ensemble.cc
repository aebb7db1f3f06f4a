// TreeEnsemble (ai.onnx.ml 5): y[n, t] = transform(aggregate over the trees of the weights for target t at
// the leaf that row n reaches). Branches are indices into nodes_* or, where nodes_trueleafs /
// nodes_falseleafs say so, into leaf_*. The sets of BRANCH_MEMBER nodes follow one another in
// membership_values, each ended by a NaN, in the order of the nodes. Computed in double; a target without any
// vote is 0.
#include <algorithm>
#include <cmath>

#include "ops/op/tree.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  TreeEnsemble ensemble;
  TreeAggregate aggregate = TreeAggregate::kSum;
  PostTransform transform = PostTransform::kNone;
  int64_t targets = 1;
};

std::vector<double> real_tensor(const AttrReader& a, const std::string& name, bool required) {
  const auto t = a.tensor(name);
  if (!t && required) a.fail(name, "is missing and has no default");
  if (!t) return {};
  if (t->dtype() != DType::kFloat16) return doubles_of(a, name, *t);
  std::vector<double> wide;
  for (Float16 v : t->span<Float16>()) wide.push_back(to_float(v));
  return wide;
}

bool same_length(const AttrReader& a, std::string_view name, size_t length, size_t expected) {
  if (length != expected) a.fail(name, cat("has ", length, " elements, expected ", expected));
  return length == expected;
}

// Fills the sets of the BRANCH_MEMBER nodes.
void read_members(const AttrReader& a, TreeEnsemble& e) {
  const std::vector<double> values = real_tensor(a, "membership_values", false);
  auto at = values.begin();
  for (TreeNode& n : e.nodes) {
    if (n.mode != TreeMode::kMember) continue;
    const auto end = std::find_if(at, values.end(), [](double v) { return std::isnan(v); });
    if (at == values.end())
      return a.fail("membership_values", "has fewer sets than there are BRANCH_MEMBER nodes");
    n.first_member = static_cast<int32_t>(e.members.size());
    n.members = static_cast<int32_t>(end - at);
    e.members.insert(e.members.end(), at, end);
    std::sort(e.members.end() - n.members, e.members.end());
    at = end == values.end() ? end : end + 1;
  }
  if (at != values.end()) a.fail("membership_values", "has more sets than there are BRANCH_MEMBER nodes");
}

void read_leaves(const AttrReader& a, TreeEnsemble& e, int64_t targets) {
  const ir::Ints ids = a.required_integers("leaf_targetids");
  const std::vector<double> weights = real_tensor(a, "leaf_weights", true);
  if (!same_length(a, "leaf_weights", weights.size(), ids.size())) return;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= targets)
      return a.fail("leaf_targetids", cat("has ", ids[i], ", expected 0 to ", targets - 1));
    e.leaves.emplace_back(static_cast<int32_t>(i), 1);
    e.votes.push_back({static_cast<int32_t>(ids[i]), weights[i]});
  }
}

// A branch: the index of a node, or ~ that of a leaf; one that does not fit becomes an index that none has.
int32_t branch(int64_t index, bool leaf) {
  const int32_t at = index < 0 || index >= INT32_MAX ? INT32_MAX : static_cast<int32_t>(index);
  return leaf ? ~at : at;
}

void read_nodes(const AttrReader& a, TreeEnsemble& e) {
  const ir::Ints features = a.required_integers("nodes_featureids"),
                 yes = a.required_integers("nodes_truenodeids"),
                 no = a.required_integers("nodes_falsenodeids"),
                 yes_leaf = a.required_integers("nodes_trueleafs"),
                 no_leaf = a.required_integers("nodes_falseleafs");
  ir::Ints missing = a.integers("nodes_missing_value_tracks_true");
  const std::vector<double> splits = real_tensor(a, "nodes_splits", true);
  const auto modes = a.tensor("nodes_modes");
  if (!modes || modes->dtype() != DType::kUint8)
    return a.fail("nodes_modes", "is missing or not of type uint8");
  const size_t n = features.size();
  if (n == 0 || n > INT32_MAX)
    a.fail("nodes_featureids", cat("has ", n, " elements, expected 1 to 2^31 - 1"));
  if (missing.empty()) missing.resize(n);
  if (!same_length(a, "nodes_truenodeids", yes.size(), n) ||
      !same_length(a, "nodes_falsenodeids", no.size(), n) ||
      !same_length(a, "nodes_trueleafs", yes_leaf.size(), n) ||
      !same_length(a, "nodes_falseleafs", no_leaf.size(), n) ||
      !same_length(a, "nodes_splits", splits.size(), n) ||
      !same_length(a, "nodes_modes", static_cast<size_t>(modes->count()), n) ||
      !same_length(a, "nodes_missing_value_tracks_true", missing.size(), n))
    return;
  for (size_t i = 0; i < n; ++i) {
    const uint8_t mode = modes->data<uint8_t>()[i];
    if (mode > static_cast<uint8_t>(TreeMode::kMember))
      return a.fail("nodes_modes", cat("has ", int{mode}, ", expected 0 to 6"));
    if (features[i] < 0 || features[i] >= INT32_MAX)
      return a.fail("nodes_featureids", cat("has ", features[i], ", expected 0 to 2^31 - 2"));
    e.nodes.push_back({.split = splits[i],
                       .feature = static_cast<int32_t>(features[i]),
                       .when_true = branch(yes[i], yes_leaf[i] != 0),
                       .when_false = branch(no[i], no_leaf[i] != 0),
                       .mode = static_cast<TreeMode>(mode),
                       .missing_is_true = missing[i] != 0});
  }
}

template <class E>
E read_code(const AttrReader& a, const char* name, int64_t otherwise, int64_t last) {
  const int64_t code = a.integer(name, otherwise);
  if (code < 0 || code > last) a.fail(name, cat("is ", code, ", expected 0 to ", last));
  return static_cast<E>(code);
}

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.aggregate = read_code<TreeAggregate>(a, "aggregate_function", 1, 3),
            .transform = read_code<PostTransform>(a, "post_transform", 0, 4),
            .targets = a.integer("n_targets", 1)};
  if (out.targets < 1 || out.targets > kMaxTreeTargets)
    a.fail("n_targets", cat("is ", out.targets, ", expected 1 to ", kMaxTreeTargets));
  TreeEnsemble& e = out.ensemble;
  read_nodes(a, e);
  read_leaves(a, e, out.targets);
  if (a.error().ok()) read_members(a, e);
  for (int64_t root : a.required_integers("tree_roots")) e.roots.push_back(branch(root, false));
  if (e.roots.empty()) a.fail("tree_roots", "is empty");
  if (!a.error().ok()) return a.error().clone();
  if (auto problem = e.check()) a.fail("tree_roots", cat("and nodes_* give no tree: ", *problem));
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  int64_t features = -1;
  const Dim rows = ONWARD_TRY(infer_features(c, 0, &features));
  if (features >= 0 && features < a.ensemble.features)
    return c.error("input has ", features, " features, expected at least ", a.ensemble.features);
  c.set(0, c.dtype(0), SymShape{rows, a.targets});
  return {};
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c, const FeatureRows& x) {
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, {x.rows, a.targets}));
  c.parallel_for(x.rows, 16, [&](int64_t begin, int64_t end) {
    std::vector<TreeScore> scores(static_cast<size_t>(a.targets));
    std::vector<double> values(scores.size());
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      a.ensemble.evaluate(x.row(i), a.aggregate, scores);
      for (size_t t = 0; t < scores.size(); ++t) values[t] = scores[t].value;
      transform_scores(a.transform, values);
      T* out = y.mutable_data<T>() + i * a.targets;
      for (double v : values) *out++ = static_cast<T>(v);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  if (x.features < a.ensemble.features)
    return c.error("input has ", x.features, " features, expected at least ", a.ensemble.features);
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c, x) : run_typed<float>(a, c, x);
}

}  // namespace

ONWARD_OPS(tree_ensemble) {
  return {op<Attrs>({.name = "TreeEnsemble",
                     .domain = "ai.onnx.ml",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>})};
}

}  // namespace ow
