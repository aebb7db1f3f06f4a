// Hostile attributes of tree ensembles are refused when they are read; the values are held against another
// runtime by tests/ml/compare.py.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

using Strings = ir::Strings;
using Ints = ir::Ints;
using Floats = ir::Floats;

// x[0] <= 0 ? 1 : 2
ir::Attributes stump() {
  return {{"n_targets", int64_t{1}},
          {"nodes_treeids", Ints{0, 0, 0}},
          {"nodes_nodeids", Ints{0, 1, 2}},
          {"nodes_featureids", Ints{0, 0, 0}},
          {"nodes_values", Floats{0, 0, 0}},
          {"nodes_modes", Strings{"BRANCH_LEQ", "LEAF", "LEAF"}},
          {"nodes_truenodeids", Ints{1, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 0, 0}},
          {"target_treeids", Ints{0, 0}},
          {"target_nodeids", Ints{1, 2}},
          {"target_ids", Ints{0, 0}},
          {"target_weights", Floats{1, 2}}};
}

Result<std::vector<Value>> run(ir::Attributes attributes, int64_t features = 1) {
  std::vector<float> x(static_cast<size_t>(2 * features));
  x[0] = -1;
  x[static_cast<size_t>(features)] = 1;
  return evaluate_op("TreeEnsembleRegressor", {Tensor::of<float>({2, features}, x)}, 1, std::move(attributes),
                     "ai.onnx.ml");
}

void expect_refused(std::string_view name, ir::Attribute value, std::string_view says) {
  ir::Attributes attributes = stump();
  attributes.insert_or_assign(std::string(name), std::move(value));
  auto y = run(std::move(attributes));
  ASSERT_FALSE(y.ok()) << name;
  EXPECT_EQ(y.status().code(), Code::kInvalidModel);
  EXPECT_NE(y.status().message().find(says), std::string::npos) << y.status().message();
}

TEST(TreeEnsembleRegressor, RunsAStump) {
  auto y = run(stump());
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->data<float>()[0], 1);
  EXPECT_EQ((*y)[0].tensor()->data<float>()[1], 2);
}

TEST(TreeEnsembleRegressor, RefusesHostileAttributes) {
  expect_refused("nodes_truenodeids", Ints{7, 0, 0}, "has node 7");
  expect_refused("nodes_truenodeids", Ints{0, 0, 0}, "below itself");
  expect_refused("nodes_treeids", Ints{0, 0, 1}, "does not exist");
  expect_refused("nodes_falsenodeids", Ints{1, 0, 0}, "roots");
  expect_refused("nodes_falsenodeids", Ints{2, 0}, "has 2 elements, expected 3");
  expect_refused("nodes_featureids", Ints{-1, 0, 0}, "has -1");
  expect_refused("nodes_featureids", Ints{int64_t{1} << 40, 0, 0}, "expected 0 to");
  expect_refused("nodes_featureids", Ints{3, 0, 0}, "expected at least 4");
  expect_refused("nodes_nodeids", Ints{0, 1, 1}, "twice");
  expect_refused("nodes_modes", Strings{"BRANCH", "LEAF", "LEAF"}, "expected BRANCH_* or LEAF");
  expect_refused("target_nodeids", Ints{1, 9}, "does not exist");
  expect_refused("target_ids", Ints{0, 1}, "has 1, expected 0 to 0");
  expect_refused("target_weights", Floats{1}, "has 1 elements");
  expect_refused("base_values", Floats{1, 2}, "expected n_targets");
  expect_refused("n_targets", int64_t{0}, "is 0");
  expect_refused("n_targets", int64_t{INT32_MAX}, "expected 1 to 1000000");
}

TEST(TreeEnsembleRegressor, RefusesACircle) {
  ir::Attributes a = stump();
  a["nodes_treeids"] = Ints{0, 0, 0, 0};
  a["nodes_nodeids"] = Ints{0, 1, 2, 3};
  a["nodes_featureids"] = Ints{0, 0, 0, 0};
  a["nodes_values"] = Floats{0, 0, 0, 0};
  a["nodes_modes"] = Strings{"BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "BRANCH_LEQ"};
  a["nodes_truenodeids"] = Ints{1, 0, 1, 1};
  a["nodes_falsenodeids"] = Ints{2, 0, 3, 2};
  a["target_nodeids"] = Ints{1, 1};
  auto y = run(std::move(a));
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("below itself"), std::string::npos) << y.status().message();
}

// The operator of version 5: branches are indices, and 1 in nodes_*leafs says that they are leaves.
ir::Attributes flat() {
  const std::vector<uint8_t> modes = {6, 0};
  const std::vector<float> splits = {0, 0.5f}, weights = {1, 2, 4}, members = {2, -1, NAN};
  return {{"n_targets", int64_t{1}},
          {"tree_roots", Ints{0}},
          {"nodes_featureids", Ints{0, 0}},
          {"nodes_modes", Value(Tensor::of<uint8_t>({2}, modes))},
          {"nodes_splits", Value(Tensor::of<float>({2}, splits))},
          {"nodes_truenodeids", Ints{0, 1}},
          {"nodes_trueleafs", Ints{1, 1}},
          {"nodes_falsenodeids", Ints{1, 2}},
          {"nodes_falseleafs", Ints{0, 1}},
          {"leaf_targetids", Ints{0, 0, 0}},
          {"leaf_weights", Value(Tensor::of<float>({3}, weights))},
          {"membership_values", Value(Tensor::of<float>({3}, members))}};
}

Result<std::vector<Value>> run_flat(ir::Attributes attributes) {
  const std::vector<float> x = {-1, 0, 1, 2};
  return evaluate_op("TreeEnsemble", {Tensor::of<float>({4, 1}, x)}, 1, std::move(attributes), "ai.onnx.ml");
}

TEST(TreeEnsemble, Members) {
  auto y = run_flat(flat());
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto found = (*y)[0].tensor()->span<float>();
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()), (std::vector<float>{1, 2, 4, 1}));
}

TEST(TreeEnsemble, RefusesHostileAttributes) {
  const std::vector<float> nothing;
  const std::vector<std::pair<std::string, ir::Attribute>> bad = {
      {"tree_roots", Ints{2}},
      {"tree_roots", Ints{-1}},
      {"tree_roots", Ints{}},
      {"nodes_truenodeids", Ints{3, 1}},
      {"nodes_truenodeids", Ints{-1, 1}},
      {"nodes_falsenodeids", Ints{0, 2}},
      {"nodes_falsenodeids", Ints{INT64_MAX, 2}},
      {"leaf_targetids", Ints{0, 0, 1}},
      {"leaf_targetids", Ints{0}},
      {"nodes_featureids", Ints{0, INT64_MIN}},
      {"membership_values", Value(Tensor::of<float>({0}, nothing))}};
  for (const auto& [name, value] : bad) {
    ir::Attributes a = flat();
    a.insert_or_assign(name, value);
    auto y = run_flat(std::move(a));
    ASSERT_FALSE(y.ok()) << name;
    EXPECT_EQ(y.status().code(), Code::kInvalidModel);
  }
}

}  // namespace
}  // namespace ow
