#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor floats(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }
Tensor ints(const Shape& shape, std::vector<int64_t> v) { return Tensor::of<int64_t>(shape, v); }

// Two batch entries, one head, two tokens of size 2; token t is to turn by angle[t].
const std::vector<float> kAngles = {0.3f, 1.1f};
Tensor cache(const Shape& shape, float (*f)(float)) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = f(kAngles[i % 2]);
  return floats(shape, v);
}

void expect_turned(const Result<std::vector<Value>>& y, const std::vector<float>& x) {
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (size_t i = 0; i < x.size(); i += 2) {
    const std::complex<double> z =
        std::complex<double>(x[i], x[i + 1]) * std::polar(1.0, double{kAngles[i / 2 % 2]});
    EXPECT_NEAR((*y)[0].tensor()->data<float>()[i], z.real(), 1e-5);
    EXPECT_NEAR((*y)[0].tensor()->data<float>()[i + 1], z.imag(), 1e-5);
  }
}

TEST(RotaryEmbedding, CacheOfBatchOneServesAllEntries) {
  const std::vector<float> x = {1, 2, 3, 4, -5, 6, 7, -8};
  for (int64_t batch : {1, 2})
    expect_turned(evaluate_op("RotaryEmbedding", {floats({2, 1, 2, 2}, x), cache({batch, 2, 1}, std::cos),
                                                  cache({batch, 2, 1}, std::sin)}),
                  x);
}

TEST(RotaryEmbedding, PositionsOfBatchOneServeAllEntries) {
  const std::vector<float> x = {1, 2, 3, 4, -5, 6, 7, -8};
  expect_turned(evaluate_op("RotaryEmbedding",
                            {floats({2, 2, 2}, x), cache({2, 1}, std::cos), cache({2, 1}, std::sin),
                             ints({1, 2}, {0, 1})},
                            1, {{"num_heads", int64_t{1}}}),
                x);
}

TEST(RotaryEmbedding, PositionOutsideTheCacheIsRefused) {
  for (int64_t position : {int64_t{2}, INT64_MAX, INT64_MIN}) {
    auto y = evaluate_op("RotaryEmbedding", {floats({1, 1, 1, 2}, {1, 2}), cache({2, 1}, std::cos),
                                             cache({2, 1}, std::sin), ints({1, 1}, {position})});
    ASSERT_FALSE(y.ok());
    EXPECT_NE(y.status().message().find("outside the cache of 2 positions"), std::string::npos);
  }
}

TEST(RotaryEmbedding, ShapesMustFit) {
  Tensor x = floats({1, 1, 1, 3}, {1, 2, 3}), c = cache({1, 1, 1}, std::cos);
  EXPECT_FALSE(evaluate_op("RotaryEmbedding", {x, c, c}).ok());  // three elements do not pair
  EXPECT_TRUE(evaluate_op("RotaryEmbedding", {x, c, c}, 1, {{"rotary_embedding_dim", int64_t{2}}}).ok());
  EXPECT_FALSE(evaluate_op("RotaryEmbedding", {x, c, c}, 1, {{"rotary_embedding_dim", int64_t{4}}}).ok());
  EXPECT_FALSE(evaluate_op("RotaryEmbedding", {floats({1, 1, 2}, {1, 2}), c, c}).ok());  // no num_heads
  EXPECT_FALSE(evaluate_op("RotaryEmbedding", {floats({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
                                               cache({3, 2, 1}, std::cos), cache({3, 2, 1}, std::sin)})
                   .ok());
}

}  // namespace
}  // namespace ow
