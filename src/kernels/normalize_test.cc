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

TEST(Normalize, ChannelsMatchFloat64) {
  for_each_isa([] {
    for (int64_t channels : {1, 3, 16, 17, 50})
      for (int64_t pixels : {1, 2, 63, 64, 65, 1000})
        for (double offset : {0.0, 1000.0}) {
          const int64_t stride = channels + 3;
          Random random(2);
          auto x = random.floats((pixels - 1) * stride + channels);
          for (float& v : x) v += static_cast<float>(offset);
          std::vector<Spread> got(static_cast<size_t>(channels));
          join_channels(x.data(), pixels, stride, channels, got.data());
          std::vector<float> y(x.size(), 7), mean, scale = random.floats(channels),
                                                   bias = random.floats(channels);
          for (const Spread& s : got) mean.push_back(static_cast<float>(s.mean));
          affine_channels(
              {x.data(), stride, y.data(), stride, pixels, channels, mean.data(), scale.data(), bias.data()});
          for (int64_t c = 0; c < channels; ++c) {
            double sum = 0, squares = 0;
            for (int64_t i = 0; i < pixels; ++i) sum += static_cast<double>(x[i * stride + c]);
            for (int64_t i = 0; i < pixels; ++i) {
              const double d = static_cast<double>(x[i * stride + c]) - sum / static_cast<double>(pixels);
              squares += d * d;
              const double want = (static_cast<double>(x[i * stride + c]) - static_cast<double>(mean[c])) *
                                      static_cast<double>(scale[c]) +
                                  static_cast<double>(bias[c]);
              ASSERT_NEAR(y[i * stride + c], want, 1e-6);
            }
            ASSERT_NEAR(got[c].mean, sum / static_cast<double>(pixels), 1e-7 + 1e-9 * offset);
            ASSERT_NEAR(got[c].squares, squares, 1e-6 + 1e-5 * squares);
          }
          for (size_t i = 0; i < y.size(); ++i)
            if (static_cast<int64_t>(i) % stride >= channels) ASSERT_EQ(y[i], 7) << "wrote past the channels";
        }
  });
}

}  // namespace
}  // namespace ow::kernels
