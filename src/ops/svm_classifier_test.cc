// Hostile attributes of the linear and support vector machines; the values are held against another runtime
// by tests/ml/compare.py.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

using ir::Floats;
using ir::Ints;

void expect_refused(std::string_view op, ir::Attributes attributes,
                    const std::vector<std::pair<std::string, ir::Attribute>>& bad, size_t outputs) {
  const std::vector<float> x = {1, 2};
  const Tensor row = Tensor::of<float>({1, 2}, x);
  auto good = evaluate_op(op, {row}, outputs, attributes, "ai.onnx.ml");
  EXPECT_TRUE(good.ok()) << good.status().message();
  for (const auto& [name, value] : bad) {
    ir::Attributes changed = attributes;
    changed.insert_or_assign(name, value);
    auto y = evaluate_op(op, {row}, outputs, std::move(changed), "ai.onnx.ml");
    ASSERT_FALSE(y.ok()) << op << " " << name;
    EXPECT_EQ(y.status().code(), Code::kInvalidModel) << op << " " << name;
  }
}

TEST(SVMClassifier, RefusesHostileAttributes) {
  expect_refused("SVMClassifier",
                 {{"classlabels_ints", Ints{1, 2}},
                  {"vectors_per_class", Ints{1, 1}},
                  {"coefficients", Floats{1, -1}},
                  {"support_vectors", Floats{1, 2, 3, 4}},
                  {"rho", Floats{0}}},
                 {{"vectors_per_class", Ints{1}},
                  {"vectors_per_class", Ints{-1, 3}},
                  {"vectors_per_class", Ints{INT64_MAX, INT64_MAX}},
                  {"vectors_per_class", Ints{1, 2}},
                  {"coefficients", Floats{1}},
                  {"support_vectors", Floats{1, 2, 3}},
                  {"support_vectors", Floats{1, 2}},
                  {"rho", Floats{}},
                  {"prob_a", Floats{1}},
                  {"kernel_params", Floats{1}},
                  {"kernel_type", std::string("CUBIC")},
                  {"post_transform", std::string("TANH")},
                  {"classlabels_ints", Ints{1, 2, 3}}},
                 2);
}

TEST(SVMRegressor, RefusesHostileAttributes) {
  expect_refused("SVMRegressor",
                 {{"n_supports", int64_t{1}},
                  {"coefficients", Floats{1}},
                  {"support_vectors", Floats{1, 2}},
                  {"rho", Floats{0}}},
                 {{"n_supports", int64_t{-1}},
                  {"n_supports", int64_t{2}},
                  {"coefficients", Floats{}},
                  {"support_vectors", Floats{1}},
                  {"rho", Floats{}}},
                 1);
}

TEST(LinearRegressor, RefusesHostileAttributes) {
  expect_refused("LinearRegressor", {{"coefficients", Floats{1, 2}}},
                 {{"coefficients", Floats{}},
                  {"coefficients", Floats{1}},
                  {"targets", int64_t{0}},
                  {"targets", INT64_MAX},
                  {"intercepts", Floats{1, 2}}},
                 1);
}

TEST(LinearClassifier, RefusesHostileAttributes) {
  expect_refused(
      "LinearClassifier",
      {{"coefficients", Floats{1, 2, 3, 4}}, {"intercepts", Floats{0, 0}}, {"classlabels_ints", Ints{5, 6}}},
      {{"coefficients", Floats{1, 2, 3}},
       {"intercepts", Floats{0, 0, 0}},
       {"classlabels_ints", Ints{5}},
       {"classlabels_strings", ir::Strings{"a"}}},
      2);
}

}  // namespace
}  // namespace ow
