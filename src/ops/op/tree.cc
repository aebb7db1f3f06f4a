#include "ops/op/tree.h"

#include <algorithm>
#include <cmath>

namespace ow {
namespace {

bool decide(const TreeEnsemble& e, const TreeNode& n, double x) {
  if (n.missing_is_true && std::isnan(x)) return true;
  switch (n.mode) {
    case TreeMode::kLeq:
      return x <= n.split;
    case TreeMode::kLt:
      return x < n.split;
    case TreeMode::kGte:
      return x >= n.split;
    case TreeMode::kGt:
      return x > n.split;
    case TreeMode::kEq:
      return x == n.split;
    case TreeMode::kNeq:
      return x != n.split;
    case TreeMode::kMember:
      const double* first = e.members.data() + n.first_member;
      return std::binary_search(first, first + n.members, x);
  }
  return false;
}

void add_vote(TreeScore& s, TreeAggregate aggregate, double weight) {
  if (!s.voted)
    s.value = weight;
  else if (aggregate == TreeAggregate::kMin)
    s.value = std::min(s.value, weight);
  else if (aggregate == TreeAggregate::kMax)
    s.value = std::max(s.value, weight);
  else
    s.value += weight;
  s.voted = true;
}

}  // namespace

void TreeEnsemble::evaluate(std::span<const double> row, TreeAggregate aggregate,
                            std::span<TreeScore> scores) const {
  std::fill(scores.begin(), scores.end(), TreeScore());
  for (int32_t at : roots) {
    while (at >= 0) {
      const TreeNode& n = nodes[static_cast<size_t>(at)];
      at = decide(*this, n, row[static_cast<size_t>(n.feature)]) ? n.when_true : n.when_false;
    }
    const auto [first, count] = leaves[static_cast<size_t>(~at)];
    for (int32_t v = first; v < first + count; ++v) {
      const TreeVote& vote = votes[static_cast<size_t>(v)];
      add_vote(scores[static_cast<size_t>(vote.target)], aggregate, vote.weight);
    }
  }
  if (aggregate == TreeAggregate::kAverage)
    for (TreeScore& s : scores) s.value /= static_cast<double>(roots.size());
}

// A walk in depth that leaves a node when both its branches are done; meeting a node that was entered and not
// left is a circle.
std::optional<std::string> TreeEnsemble::check() {
  const auto node_count = static_cast<int32_t>(nodes.size()),
             leaf_count = static_cast<int32_t>(leaves.size());
  const auto outside = [&](int32_t link) { return link >= 0 ? link >= node_count : ~link >= leaf_count; };
  features = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const TreeNode& n = nodes[i];
    if (n.feature < 0) return cat("node ", i, " reads feature ", n.feature, ", expected at least 0");
    if (outside(n.when_true) || outside(n.when_false))
      return cat("node ", i, " branches to a node or leaf that does not exist");
    features = std::max<int64_t>(features, n.feature + int64_t{1});
  }
  std::vector<uint8_t> state(nodes.size(), 0);  // 0: not met, 1: entered, 2: left
  std::vector<int32_t> path;
  for (int32_t root : roots)
    if (outside(root)) return cat("a root is outside the ", node_count, " nodes");
  for (int32_t start = 0; start < node_count; ++start) {
    if (state[static_cast<size_t>(start)] == 0) path.push_back(start);
    while (!path.empty()) {
      const auto at = static_cast<size_t>(path.back());
      if (state[at] != 0) {
        state[at] = 2;
        path.pop_back();
        continue;
      }
      state[at] = 1;
      for (int32_t next : {nodes[at].when_true, nodes[at].when_false}) {
        if (next < 0 || state[static_cast<size_t>(next)] == 2) continue;
        if (state[static_cast<size_t>(next)] == 1) return cat("node ", next, " is below itself");
        path.push_back(next);
      }
    }
  }
  return std::nullopt;
}

std::vector<double> doubles_of(const AttrReader& a, const std::string& name, const Tensor& t) {
  if (t.dtype() == DType::kFloat64) return {t.data<double>(), t.data<double>() + t.count()};
  if (t.dtype() == DType::kFloat32) return {t.data<float>(), t.data<float>() + t.count()};
  a.fail(name, cat("is of type ", t.dtype(), ", expected float or double"));
  return {};
}

std::vector<double> read_real_list(const AttrReader& a, const std::string& name) {
  const std::string tensor_name = name + "_as_tensor";
  if (auto t = a.tensor(tensor_name)) {
    if (t->count() > 0 && a.has(name) && !a.reals(name).empty())
      a.fail(tensor_name, cat("is given beside ", name, ", expected one of the two"));
    if (t->count() > 0) return doubles_of(a, tensor_name, *t);
  }
  const ir::Floats floats = a.reals(name);
  return {floats.begin(), floats.end()};
}

}  // namespace ow
