// Decision tree ensembles in the form that a row of features is run through: nodes and leaves in flat arrays,
// every link checked once, when the model is loaded. Splits, features and weights are doubles, which hold
// every float exactly; sums go over the trees in their order.
#pragma once
#include <span>

#include "ops/op/features.h"

namespace ow {

enum class TreeMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };

struct TreeNode {
  double split = 0;
  int32_t feature = 0;
  int32_t when_true = 0, when_false = 0;  // >= 0: a node; < 0: the leaf ~value
  int32_t first_member = 0, members = 0;  // kMember: sorted values in TreeEnsemble::members
  TreeMode mode = TreeMode::kLeq;
  bool missing_is_true = false;  // a NaN feature takes the true branch
};

// More targets or classes than this are refused: a row needs memory for each, whatever the file's size.
inline constexpr int64_t kMaxTreeTargets = 1'000'000;

struct TreeVote {
  int32_t target = 0;
  double weight = 0;
};

enum class TreeAggregate { kAverage, kSum, kMin, kMax };

struct TreeScore {
  double value = 0;
  bool voted = false;  // some leaf had a vote for this target
};

struct TreeEnsemble {
  std::vector<TreeNode> nodes;
  std::vector<std::pair<int32_t, int32_t>> leaves;  // first vote, number of votes
  std::vector<TreeVote> votes;
  std::vector<double> members;
  std::vector<int32_t> roots;  // like TreeNode::when_true
  int64_t features = 0;        // the least number of features that a row must have

  // What is wrong, if anything: links outside the arrays, features below 0, circles. Sets `features`.
  std::optional<std::string> check();
  // Aggregates the votes for a row; scores.size() is the number of targets.
  void evaluate(std::span<const double> row, TreeAggregate aggregate, std::span<TreeScore> scores) const;
};

// The ensemble in the attributes of TreeEnsembleClassifier (`votes` = "class") and TreeEnsembleRegressor
// ("target"): nodes_*, and <votes>_treeids, _nodeids, _ids, _weights. Targets must be below `targets`.
TreeEnsemble read_tree_ensemble(const AttrReader& a, const std::string& votes, int64_t targets);
// A list of floats, or of doubles under <name>_as_tensor.
std::vector<double> read_real_list(const AttrReader& a, const std::string& name);
std::vector<double> doubles_of(const AttrReader& a, const std::string& name, const Tensor& t);

}  // namespace ow
