// Against float64, rows far from 0 among them.
#include "kernels/normalize.h"

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

void check(const std::vector<float>& x, bool centred, bool with_bias, double tolerance) {
  Random random(9);
  const auto n = static_cast<int64_t>(x.size());
  const auto scale = random.floats(n), bias = random.floats(n);
  std::vector<float> y(x.size());
  const double epsilon = 1e-5;
  const auto s = normalize_row(
      {x.data(), y.data(), n, epsilon, centred, scale.data(), with_bias ? bias.data() : nullptr});
  double mean = 0, square = 0;
  for (float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
  if (!centred) mean = 0;
  for (float v : x)
    square += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) / static_cast<double>(n);
  const double inverse = 1 / std::sqrt(square + epsilon);
  EXPECT_NEAR(s.inverse / inverse, 1, 1e-6);
  EXPECT_NEAR(s.mean, mean, 1e-6 * (std::abs(mean) + std::sqrt(square)));
  for (size_t i = 0; i < x.size(); ++i) {
    const double want = (static_cast<double>(x[i]) - mean) * inverse * static_cast<double>(scale[i]) +
                        (with_bias ? static_cast<double>(bias[i]) : 0);
    ASSERT_NEAR(y[i], want, tolerance) << "element " << i << " of " << n;
  }
}

TEST(Normalize, MatchesFloat64) {
  for_each_isa([] {
    Random random(6);
    for (int64_t n : {1, 2, 15, 16, 17, 64, 65, 96, 768, 4099, 20000})
      for (bool centred : {true, false})
        for (bool bias : {true, false}) {
          auto x = random.floats(n);
          check(x, centred, bias, 3e-6);
          for (float& v : x) v += 1000;
          // x itself has steps of 6e-5 there.
          if (centred && n > 1) check(x, true, bias, 3e-6);
        }
  });
}

TEST(Normalize, ARowOfOneValueIsItsBias) {
  for_each_isa([] {
    const std::vector<float> x(100, 1e30f), scale(100, 2), bias(100, 3);
    std::vector<float> y(100);
    normalize_row({x.data(), y.data(), 100, 1e-5, true, scale.data(), bias.data()});
    for (float v : y) EXPECT_EQ(v, 3);
  });
}

TEST(Normalize, NanStaysInItsRow) {
  for_each_isa([] {
    std::vector<float> x(20, 1), scale(20, 1), y(20);
    x[19] = NAN;
    normalize_row({x.data(), y.data(), 20, 1e-5, true, scale.data(), nullptr});
    for (float v : y) EXPECT_TRUE(std::isnan(v));
  });
}

}  // namespace
}  // namespace ow::kernels
