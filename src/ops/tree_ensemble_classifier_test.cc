// What tests/ml/compare.py cannot hold against another runtime: two classes that both have votes.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

// Votes at the leaf that x[0] <= 0 reaches.
Result<std::vector<Value>> run(ir::Ints ids, ir::Floats weights, ir::Floats base = {}) {
  const ir::Ints zeros(ids.size(), 0), ones(ids.size(), 1);
  const float x = -1;
  return evaluate_op("TreeEnsembleClassifier", {Tensor::of<float>({1, 1}, std::span(&x, 1))}, 2,
                     {{"classlabels_int64s", ir::Ints{10, 11}},
                      {"nodes_treeids", ir::Ints{0, 0, 0}},
                      {"nodes_nodeids", ir::Ints{0, 1, 2}},
                      {"nodes_featureids", ir::Ints{0, 0, 0}},
                      {"nodes_values", ir::Floats{0, 0, 0}},
                      {"nodes_modes", ir::Strings{"BRANCH_LEQ", "LEAF", "LEAF"}},
                      {"nodes_truenodeids", ir::Ints{1, 0, 0}},
                      {"nodes_falsenodeids", ir::Ints{2, 0, 0}},
                      {"class_treeids", zeros},
                      {"class_nodeids", ones},
                      {"class_ids", ids},
                      {"class_weights", weights},
                      {"base_values", base}},
                     "ai.onnx.ml");
}

TEST(TreeEnsembleClassifier, TheGreaterOfTwoScoresWins) {
  for (bool second : {false, true}) {
    auto y = run({0, 1}, {second ? 0.2f : 0.6f, second ? 0.6f : 0.2f}, {0.25f, 0.125f});
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ(*(*y)[0].tensor()->data<int64_t>(), second ? 11 : 10);
    EXPECT_FLOAT_EQ((*y)[1].tensor()->data<float>()[0], second ? 0.45f : 0.85f);
    EXPECT_FLOAT_EQ((*y)[1].tensor()->data<float>()[1], second ? 0.725f : 0.325f);
  }
}

TEST(TreeEnsembleClassifier, BaseValuesOfAnotherLengthAreRefused) {
  EXPECT_FALSE(run({0, 1}, {1, 2}, {1}).ok());
  EXPECT_FALSE(run({0, 1}, {1, 2}, {1, 2, 3}).ok());
  EXPECT_FALSE(run({0, 2}, {1, 2}).ok());
}

}  // namespace
}  // namespace ow
