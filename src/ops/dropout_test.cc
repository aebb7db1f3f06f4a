// Dropout in training mode against numpy: which elements stay is
// numpy.random.seed(seed); numpy.random.uniform(0, 1, 12) >= 0.75.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/evaluate.h"
#include "ops/op/random.h"
#include "tensor/convert.h"

namespace ow {
namespace {

using Mask = std::vector<bool>;

// Elements 1 to 12, so that whichever stays is seen.
Tensor twelve(DType type = DType::kFloat32) {
  std::vector<float> x;
  for (int i = 1; i <= 12; ++i) x.push_back(static_cast<float>(i));
  return *convert(Tensor::of<float>({3, 4}, x), type);
}

Result<std::vector<Value>> train(const Tensor& x, const Value& ratio, ir::Attributes attributes = {}) {
  return evaluate_op("Dropout", {x, ratio, Tensor::scalar(true)}, 2, std::move(attributes));
}

Mask mask_of(const std::vector<Value>& y) {
  const auto span = y[1].tensor()->span<bool>();
  return {span.begin(), span.end()};
}

ir::Attributes seed(int64_t n) { return {{"seed", n}}; }

TEST(Dropout, DropsWhatNumpyDrops) {
  const std::pair<int64_t, Mask> rows[] = {{0, {0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0}},
                                           {5, {0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0}},
                                           // numpy.random.seed([0xfffffffd, 0xffffffff])
                                           {-3, {0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0}}};
  for (DType type : {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBfloat16,
                     DType::kFloat8E4M3FN, DType::kFloat8E5M2FNUZ})
    for (DType of_ratio : {DType::kFloat32, DType::kFloat64, DType::kFloat16})
      for (const auto& [number, stays] : rows) {
        const Tensor x = twelve(type);
        auto y = train(x, *convert(Tensor::scalar(0.75f), of_ratio), seed(number));
        ASSERT_TRUE(y.ok()) << y.status().message();
        EXPECT_EQ(mask_of(*y), stays);
        EXPECT_EQ((*y)[0].tensor()->dtype(), type);
        const Tensor from = *convert(x, DType::kFloat64), to = *convert(*(*y)[0].tensor(), DType::kFloat64);
        for (size_t i = 0; i < 12; ++i)
          EXPECT_EQ(to.span<double>()[i], stays[i] ? from.span<double>()[i] * 4 : 0)
              << dtype_name(type) << " " << i;
      }
}

TEST(Dropout, HalfStaysWithoutARatioAndNothingDropsAtZero) {
  Tensor x = *Tensor::allocate(DType::kFloat32, {100000});
  for (int64_t i = 0; i < x.count(); ++i) x.mutable_data<float>()[i] = 1;
  auto y = train(x, Value(), seed(1));
  ASSERT_TRUE(y.ok()) << y.status().message();
  double sum = 0;
  for (float v : (*y)[0].tensor()->span<float>()) sum += v;
  EXPECT_NEAR(sum / 100000, 1, 5 * std::sqrt(1.0 / 100000));
  auto whole = train(twelve(), Tensor::scalar(0.0f));
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  EXPECT_EQ(mask_of(*whole), Mask(12, true));
  EXPECT_EQ((*whole)[0].tensor()->span<float>()[11], 12);
}

TEST(Dropout, InferenceIsTheInputWhateverTheRatio) {
  auto y = evaluate_op("Dropout", {twelve(), Tensor::scalar(2.0f), Tensor::scalar(false)}, 2);
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(mask_of(*y), Mask(12, true));
  EXPECT_EQ((*y)[0].tensor()->span<float>()[4], 5);
}

TEST(Dropout, RatiosThatLeaveNothingToScaleAreRefused) {
  for (float ratio : {1.0f, -0.25f, 1.5f, NAN}) {
    auto y = train(twelve(), Tensor::scalar(ratio));
    ASSERT_FALSE(y.ok());
    EXPECT_EQ(y.status().code(), Code::kInvalidArgument);
    EXPECT_NE(y.status().message().find("in [0, 1)"), std::string_view::npos) << y.status().message();
  }
  EXPECT_FALSE(train(twelve(), Tensor::of<float>({2}, std::vector<float>{.5f, .5f})).ok());
}

TEST(Dropout, WithoutASeedTheScopeOrTheClockDecides) {
  const auto drawn = [](std::optional<uint64_t> seed, uint64_t run, int index) {
    const RandomScope scope(seed, run);
    auto y = train(twelve(), Value());
    for (int i = 0; i < index; ++i) y = train(twelve(), Value());
    return mask_of(*y);
  };
  EXPECT_EQ(drawn(5, 0, 0), mask_of(*train(twelve(), Value(), seed(5))));
  EXPECT_EQ(drawn(5, 0, 1), drawn(5, 0, 1));
  EXPECT_EQ(drawn(5, 1, 0), drawn(5, 1, 0));
  // Twelve coins fall alike once in 4,096 times; none of these many pairs does.
  EXPECT_NE(drawn(5, 0, 0), drawn(5, 0, 1));
  EXPECT_NE(drawn(5, 0, 0), drawn(5, 1, 0));
  EXPECT_NE(drawn(5, 1, 0), drawn(6, 1, 0));
  bool differs = false;
  for (int i = 0; i < 10; ++i) differs |= drawn({}, 0, 0) != drawn({}, 0, 0);
  EXPECT_TRUE(differs);
}

// Opsets 1 and 6 train unless told otherwise.
TEST(Dropout, OldOnesTrainUnlessTheyTest) {
  for (bool test : {false, true}) {
    ir::Graph graph;
    ir::Value* x = graph.add_input("x", ir::Type::tensor(DType::kFloat32, SymShape{3, 4}));
    ir::Node* node =
        graph.add_node("Dropout", "", {x}, {"y", "mask"}, {{"ratio", 0.75f}, {"is_test", int64_t{test}}});
    graph.add_output(node->output(0));
    graph.add_output(node->output(1));
    Rewriter rewriter(graph, *node, 6, [](ir::Node& n) { return infer_node(n); });
    const Status status = find_op("", "Dropout")->upgrade(rewriter);
    ASSERT_TRUE(status.ok()) << status.message();
    const RandomScope scope(5, 0);
    auto y = evaluate(graph, std::vector<Value>{twelve()});
    ASSERT_TRUE(y.ok()) << y.status().message();
    for (size_t i = 0; i < 12; ++i) {
      const bool stays = test || i == 1 || i == 3 || i == 6;
      EXPECT_EQ((*y)[0].tensor()->span<float>()[i], stays ? static_cast<float>(i + 1) * (test ? 1 : 4) : 0);
      EXPECT_EQ((*y)[1].tensor()->span<float>()[i], stays);
    }
  }
}

}  // namespace
}  // namespace ow
