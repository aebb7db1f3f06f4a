// Nodes are numbered by (tree id, node id); leaves are the nodes of mode LEAF; a tree's root is the one node
// that no other branches to.
#include <algorithm>
#include <map>

#include "ops/op/tree.h"

namespace ow {
namespace {

struct NodeLists {
  ir::Ints trees, ids, features, when_true, when_false, missing;
  std::vector<double> values;
  ir::Strings modes;
};

bool check_length(const AttrReader& a, const char* name, size_t length, size_t expected) {
  if (length != expected) a.fail(name, cat("has ", length, " elements, expected ", expected));
  return length == expected;
}

NodeLists read_nodes(const AttrReader& a) {
  NodeLists l{.trees = a.integers("nodes_treeids"),
              .ids = a.integers("nodes_nodeids"),
              .features = a.integers("nodes_featureids"),
              .when_true = a.integers("nodes_truenodeids"),
              .when_false = a.integers("nodes_falsenodeids"),
              .missing = a.integers("nodes_missing_value_tracks_true"),
              .values = read_real_list(a, "nodes_values"),
              .modes = a.texts("nodes_modes")};
  const size_t n = l.trees.size();
  if (n == 0 || n > INT32_MAX) a.fail("nodes_treeids", cat("has ", n, " elements, expected 1 to 2^31 - 1"));
  check_length(a, "nodes_nodeids", l.ids.size(), n);
  check_length(a, "nodes_featureids", l.features.size(), n);
  check_length(a, "nodes_truenodeids", l.when_true.size(), n);
  check_length(a, "nodes_falsenodeids", l.when_false.size(), n);
  check_length(a, "nodes_values", l.values.size(), n);
  check_length(a, "nodes_modes", l.modes.size(), n);
  if (l.missing.empty()) l.missing.resize(n);
  check_length(a, "nodes_missing_value_tracks_true", l.missing.size(), n);
  return l;
}

constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                       "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
constexpr int kLeaf = -1;

std::optional<int> mode_of(std::string_view name) {
  if (name == "LEAF") return kLeaf;
  auto at = std::find(std::begin(kModes), std::end(kModes), name);
  if (at == std::end(kModes)) return std::nullopt;
  return static_cast<int>(at - std::begin(kModes));
}

class Builder {
 public:
  Builder(const AttrReader& a, TreeEnsemble& e) : a_(a), e_(e), lists_(read_nodes(a)) {}

  void build(const std::string& votes, int64_t targets) {
    if (a_.error().ok()) number();
    if (a_.error().ok()) read_votes(votes, targets);
    if (a_.error().ok()) link();
    if (a_.error().ok()) find_roots();
    if (!a_.error().ok()) return;
    if (auto problem = e_.check()) a_.fail("nodes_truenodeids", cat("gives no tree: ", *problem));
  }

 private:
  using Key = std::pair<int64_t, int64_t>;

  void number() {
    int32_t nodes = 0, leaves = 0;
    for (size_t i = 0; i < lists_.ids.size(); ++i) {
      const auto mode = mode_of(lists_.modes[i]);
      if (!mode)
        return a_.fail("nodes_modes",
                       cat("has '", printable(lists_.modes[i]), "', expected BRANCH_* or LEAF"));
      const bool fresh = links_.emplace(key(i), *mode == kLeaf ? ~leaves++ : nodes++).second;
      if (!fresh)
        return a_.fail("nodes_nodeids",
                       cat("has node ", lists_.ids[i], " of tree ", lists_.trees[i], " twice"));
    }
    e_.leaves.resize(static_cast<size_t>(leaves));
  }

  Key key(size_t i) const { return {lists_.trees[i], lists_.ids[i]}; }

  void read_votes(const std::string& prefix, int64_t targets) {
    const ir::Ints trees = a_.integers(prefix + "_treeids"), nodes = a_.integers(prefix + "_nodeids"),
                   ids = a_.integers(prefix + "_ids");
    const std::vector<double> weights = read_real_list(a_, prefix + "_weights");
    const size_t n = ids.size();
    if (!check_length(a_, (prefix + "_treeids").c_str(), trees.size(), n) ||
        !check_length(a_, (prefix + "_nodeids").c_str(), nodes.size(), n) ||
        !check_length(a_, (prefix + "_weights").c_str(), weights.size(), n))
      return;
    std::vector<std::pair<int32_t, TreeVote>> by_leaf;
    for (size_t i = 0; i < n; ++i) {
      auto link = links_.find({trees[i], nodes[i]});
      if (link == links_.end())
        return a_.fail(prefix + "_nodeids",
                       cat("has node ", nodes[i], " of tree ", trees[i], ", which does not exist"));
      if (ids[i] < 0 || ids[i] >= targets)
        return a_.fail(prefix + "_ids", cat("has ", ids[i], ", expected 0 to ", targets - 1));
      if (link->second < 0) by_leaf.push_back({~link->second, {static_cast<int32_t>(ids[i]), weights[i]}});
    }
    std::stable_sort(by_leaf.begin(), by_leaf.end(),
                     [](const auto& x, const auto& y) { return x.first < y.first; });
    for (const auto& [leaf, vote] : by_leaf) {
      auto& [first, count] = e_.leaves[static_cast<size_t>(leaf)];
      if (count++ == 0) first = static_cast<int32_t>(e_.votes.size());
      e_.votes.push_back(vote);
    }
  }

  std::optional<int32_t> find(const char* attribute, int64_t tree, int64_t id) {
    auto link = links_.find({tree, id});
    if (link != links_.end()) return link->second;
    a_.fail(attribute, cat("has node ", id, ", which tree ", tree, " does not have"));
    return std::nullopt;
  }

  void link() {
    for (size_t i = 0; i < lists_.ids.size(); ++i) {
      const int mode = *mode_of(lists_.modes[i]);
      if (mode == kLeaf) continue;
      const auto yes = find("nodes_truenodeids", lists_.trees[i], lists_.when_true[i]);
      const auto no = find("nodes_falsenodeids", lists_.trees[i], lists_.when_false[i]);
      if (!yes || !no) return;
      if (lists_.features[i] < 0 || lists_.features[i] >= INT32_MAX)
        return a_.fail("nodes_featureids", cat("has ", lists_.features[i], ", expected 0 to 2^31 - 2"));
      targets_.push_back({lists_.trees[i], lists_.when_true[i]});
      targets_.push_back({lists_.trees[i], lists_.when_false[i]});
      e_.nodes.push_back({.split = lists_.values[i],
                          .feature = static_cast<int32_t>(lists_.features[i]),
                          .when_true = *yes,
                          .when_false = *no,
                          .mode = static_cast<TreeMode>(mode),
                          .missing_is_true = lists_.missing[i] != 0});
    }
  }

  void find_roots() {
    std::sort(targets_.begin(), targets_.end());
    std::map<int64_t, int> roots;
    for (size_t i = 0; i < lists_.ids.size(); ++i) {
      int& count = roots[lists_.trees[i]];
      if (std::binary_search(targets_.begin(), targets_.end(), key(i))) continue;
      ++count;
      e_.roots.push_back(links_.at(key(i)));
    }
    for (const auto& [tree, count] : roots)
      if (count != 1)
        return a_.fail("nodes_treeids", cat("has tree ", tree, " with ", count, " roots, expected one"));
  }

  const AttrReader& a_;
  TreeEnsemble& e_;
  const NodeLists lists_;
  std::map<Key, int32_t> links_;
  std::vector<Key> targets_;  // nodes that others branch to
};

}  // namespace

TreeEnsemble read_tree_ensemble(const AttrReader& a, const std::string& votes, int64_t targets) {
  TreeEnsemble e;
  Builder(a, e).build(votes, targets);
  return e;
}

}  // namespace ow
