// Distributions are held against their moments within five standard errors, at fixed seeds.
#include "ops/op/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

constexpr int64_t kCount = 100000;
Tensor doubles(const Value& v) { return *convert(*v.tensor(), DType::kFloat64); }

// Mean of f(x) over the elements.
template <class F>
double mean(const Tensor& x, F f) {
  double sum = 0;
  for (double v : x.span<double>()) sum += f(v);
  return sum / static_cast<double>(x.count());
}

ir::Attributes with(ir::Attributes a, DType type, float seed = 7) {
  a["dtype"] = static_cast<int64_t>(type);
  a["seed"] = seed;
  return a;
}
const ir::Attributes kMany{{"shape", ir::Ints{kCount}}};

TEST(RandomStream, ReproducesThePublishedSequence) {
  // The outputs of SplitMix64 from state 0, which is where seed 0 begins.
  const RandomStream zero(0.0f);
  EXPECT_EQ(zero.bits(0), 0xe220a8397b1dcdafu);
  EXPECT_EQ(zero.bits(1), 0x6e789e6aa1b965f4u);
}

TEST(Seed, WholeNumbersAreThemselvesAndOthersDiffer) {
  EXPECT_EQ(seed_from_float(0.0f), 0u);
  EXPECT_EQ(seed_from_float(16777216.0f), 16777216u);
  EXPECT_EQ(seed_from_float(0x1p31f), uint64_t{1} << 31);
  EXPECT_EQ(seed_from_integer(std::optional<int64_t>(7)), 7u);
  std::set<uint64_t> seeds;
  const float others[] = {0.5f, 0.25f, -1.0f, 0x1p32f, 1e30f, INFINITY, -INFINITY, NAN};
  for (float other : others) seeds.insert(seed_from_float(other));
  EXPECT_EQ(seeds.size(), std::size(others));
  EXPECT_GT(*seeds.begin(), 0xffffffffu);
}

TEST(RandomScope, TheFirstSeedOfTheFirstRunIsItsOwn) {
  const auto seeds = [](uint64_t seed, uint64_t run) {
    const RandomScope scope(seed, run);
    const uint64_t first = seed_from_float(std::optional<float>());
    return std::pair(first, seed_from_integer(std::optional<int64_t>()));
  };
  EXPECT_EQ(seeds(9, 0).first, 9u);
  EXPECT_EQ(seeds(9, 3), seeds(9, 3));
  std::set<uint64_t> all;
  for (uint64_t seed : {0, 1})
    for (uint64_t run : {0, 1, 2}) all.insert({seeds(seed, run).first, seeds(seed, run).second});
  EXPECT_EQ(all.size(), 12u);
}

TEST(RandomUniform, FillsTheRangeEvenly) {
  for (DType type : {DType::kFloat32, DType::kFloat64}) {
    auto attributes = with(kMany, type);
    attributes["low"] = -3.0f, attributes["high"] = 5.0f;
    auto y = evaluate_op("RandomUniform", {}, 1, attributes);
    ASSERT_TRUE(y.ok()) << y.status().message();
    const Tensor x = doubles((*y)[0]);
    for (double v : x.span<double>()) ASSERT_TRUE(v >= -3 && v < 5);
    EXPECT_NEAR(mean(x, [](double v) { return v; }), 1, 5 * std::sqrt(64.0 / 12 / kCount));
    for (int bin = 0; bin < 8; ++bin)
      EXPECT_NEAR(mean(x, [&](double v) { return std::floor(v + 3) == bin; }), 0.125,
                  5 * std::sqrt(0.125 * 0.875 / kCount));
  }
}

TEST(RandomUniform, NarrowTypesStayBelowOne) {
  for (DType type : {DType::kFloat16, DType::kBfloat16}) {
    auto y = evaluate_op("RandomUniform", {}, 1, with(kMany, type));
    ASSERT_TRUE(y.ok()) << y.status().message();
    const Tensor x = doubles((*y)[0]);
    for (double v : x.span<double>()) ASSERT_TRUE(v >= 0 && v < 1);
    EXPECT_NEAR(mean(x, [](double v) { return v; }), 0.5, 0.01);
  }
}

TEST(RandomNormal, HasItsMoments) {
  auto attributes = with(kMany, DType::kFloat32);
  attributes["mean"] = 2.0f, attributes["scale"] = 3.0f;
  auto y = evaluate_op("RandomNormal", {}, 1, attributes);
  ASSERT_TRUE(y.ok()) << y.status().message();
  const Tensor x = doubles((*y)[0]);
  auto moment = [&](int k) { return mean(x, [&](double v) { return std::pow((v - 2) / 3, k); }); };
  EXPECT_NEAR(moment(1), 0, 5 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(moment(2), 1, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(moment(3), 0, 5 * std::sqrt(15.0 / kCount));
  EXPECT_NEAR(moment(4), 3, 5 * std::sqrt(96.0 / kCount));
  // Neighbours are independent.
  double product = 0;
  for (int64_t i = 0; i + 1 < kCount; ++i)
    product += (x.data<double>()[i] - 2) * (x.data<double>()[i + 1] - 2) / 9;
  EXPECT_NEAR(product / kCount, 0, 5 * std::sqrt(1.0 / kCount));
}

TEST(RandomNormal, SeedDecides) {
  auto draw = [](ir::Attributes a) {
    a["shape"] = ir::Ints{4};
    auto y = evaluate_op("RandomNormal", {}, 1, std::move(a));
    return y.ok() ? (*y)[0].tensor()->data<float>()[0] : NAN;
  };
  EXPECT_EQ(draw({{"seed", 1.0f}}), draw({{"seed", 1.0f}}));
  EXPECT_NE(draw({{"seed", 1.0f}}), draw({{"seed", 2.0f}}));
  EXPECT_NE(draw({}), draw({}));
}

TEST(RandomLike, TakesShapeAndTypeOfTheInput) {
  const Tensor half = *convert(Tensor::of<float>({2, 3}, std::vector<float>(6)), DType::kFloat16);
  for (const char* name : {"RandomUniformLike", "RandomNormalLike"}) {
    auto y = evaluate_op(name, {half});
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ((*y)[0].tensor()->dtype(), DType::kFloat16);
    EXPECT_EQ((*y)[0].tensor()->shape(), (Shape{2, 3}));
    Tensor words = Tensor::of<std::string>({2}, std::vector<std::string>{"a", "b"});
    EXPECT_FALSE(evaluate_op(name, {words}).ok());  // no type to draw
    EXPECT_TRUE(evaluate_op(name, {words}, 1, {{"dtype", int64_t{1}}}).ok());
  }
}

TEST(RandomUniform, ShapesAndTypesThatCannotBeAreRefused) {
  EXPECT_FALSE(evaluate_op("RandomUniform", {}, 1, {{"shape", ir::Ints{-1}}}).ok());
  EXPECT_FALSE(
      evaluate_op("RandomUniform", {}, 1, {{"shape", ir::Ints{int64_t{1} << 40, int64_t{1} << 40}}}).ok());
  EXPECT_FALSE(evaluate_op("RandomUniform", {}).ok());
  EXPECT_FALSE(evaluate_op("RandomUniform", {}, 1, with(kMany, DType::kInt32)).ok());
}

TEST(Bernoulli, DrawsOnesAsOftenAsAsked) {
  Tensor p = *Tensor::allocate(DType::kFloat32, {4, kCount});
  const float probabilities[] = {0, 0.25f, 0.9f, 1};
  for (int64_t i = 0; i < p.count(); ++i) p.mutable_data<float>()[i] = probabilities[i / kCount];
  auto y = evaluate_op("Bernoulli", {p}, 1, with({}, DType::kInt8));
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (int64_t row = 0; row < 4; ++row) {
    int64_t ones = 0;
    for (int64_t i = 0; i < kCount; ++i) ones += (*y)[0].tensor()->data<int8_t>()[row * kCount + i];
    const double q = double{probabilities[row]};
    EXPECT_NEAR(static_cast<double>(ones) / kCount, q, 5 * std::sqrt(q * (1 - q) / kCount) + 1e-12);
  }
}

// numpy.random.seed(s), twelve numbers drawn, and numpy.random.binomial(1, p) after that.
TEST(Bernoulli, DrawsNumpysNumbers) {
  const std::vector<float> half(12, 0.5f), mixed{.1f, .9f, 0, .5f, 1, .6f, 0, .4f, .51f, .49f, .7f, .3f};
  const auto draw = [](const std::vector<float>& p, ir::Attributes attributes) {
    attributes["dtype"] = static_cast<int64_t>(DType::kInt8);
    auto y = evaluate_op("Bernoulli", {Tensor::of<float>({12}, p)}, 1, std::move(attributes));
    EXPECT_TRUE(y.ok()) << y.status().message();
    const auto span = (*y)[0].tensor()->span<int8_t>();
    return std::vector<int>(span.begin(), span.end());
  };
  EXPECT_EQ(draw(half, {{"seed", 0.0f}}), (std::vector<int>{1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1}));
  const std::vector<int> of_three{0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0};
  EXPECT_EQ(draw(mixed, {{"seed", 3.0f}}), of_three);
  const RandomScope scope(3, 0);
  EXPECT_EQ(draw(mixed, {}), of_three);
}

TEST(Bernoulli, WhatIsNoProbabilityIsRefused) {
  for (float p : {-0.1f, 1.1f, NAN}) EXPECT_FALSE(evaluate_op("Bernoulli", {Tensor::scalar(p)}).ok());
}

TEST(Multinomial, DrawsClassesInProportion) {
  const std::vector<float> p = {0.1f, 0, 0.6f, 0.3f};
  std::vector<float> x;
  for (float v : p) x.push_back(std::log(v) + 100);  // unnormalised; log(0) = -inf
  auto attributes = with({{"sample_size", kCount}}, DType::kInt64);
  auto y = evaluate_op("Multinomial", {Tensor::of<float>({1, 4}, x)}, 1, attributes);
  ASSERT_TRUE(y.ok()) << y.status().message();
  std::vector<int64_t> counts(4);
  for (int64_t v : (*y)[0].tensor()->span<int64_t>()) {
    ASSERT_TRUE(v >= 0 && v < 4);
    ++counts[static_cast<size_t>(v)];
  }
  for (size_t j = 0; j < 4; ++j)
    EXPECT_NEAR(static_cast<double>(counts[j]) / kCount, p[j],
                5 * std::sqrt(double{p[j]} * (1 - double{p[j]}) / kCount) + 1e-12);
}

TEST(Multinomial, RowsWithoutADistributionAreRefused) {
  for (float v : {-INFINITY, NAN, INFINITY})
    EXPECT_FALSE(evaluate_op("Multinomial", {Tensor::of<float>({1, 2}, std::vector<float>{v, v})}).ok()) << v;
  EXPECT_FALSE(evaluate_op("Multinomial", {Tensor::of<float>({1, 0}, std::vector<float>{})}).ok());
}

}  // namespace
}  // namespace ow
