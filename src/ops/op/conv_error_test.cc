#include "ops/op/conv_error.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ow {
namespace {

using kernels::ConvMethod;
using kernels::ConvShape;

ConvShape layer(int64_t channels, int64_t kernel, ConvMethod method) {
  ConvShape s;
  s.in_channels = s.in_ld = channels, s.out_channels = s.out_ld = 20;
  for (int axis = 1; axis < 3; ++axis) {
    s.in[axis] = s.out[axis] = 24, s.kernel[axis] = kernel, s.pad[axis] = kernel / 2, s.dilation[axis] = 2;
  }
  s.method = method;
  return s;
}

std::vector<float> random_weights(const ConvShape& s) {
  std::mt19937 random(5);
  std::vector<float> w(static_cast<size_t>(s.out_channels * s.in_channels * s.taps()));
  for (float& x : w) x = static_cast<float>(static_cast<double>(random()) * 0x1p-31 - 1);
  return w;
}

// Second differences along both axes: what is left of large products is small.
std::vector<float> cancelling_weights(const ConvShape& s) {
  constexpr float kDifference[] = {1, -2, 1};
  std::vector<float> w = random_weights(s);
  for (size_t i = 0; i < w.size(); ++i) w[i] = w[i / 9 * 9] * kDifference[i % 9 / 3] * kDifference[i % 3];
  return w;
}

double error_of(const ConvShape& s, const std::vector<float>& w) { return *conv_error(s, w.data()); }

TEST(ConvError, IsThatOfTheMethod) {
  const auto w = random_weights(layer(40, 3, ConvMethod::kDirect));
  const double direct = error_of(layer(40, 3, ConvMethod::kDirect), w);
  EXPECT_GT(direct, 1e-8);
  EXPECT_LT(direct, 2e-6);
  EXPECT_GT(error_of(layer(40, 3, ConvMethod::kWinograd6), w), direct);
  for (int64_t kernel : {3, 5, 7}) {
    const ConvShape s = layer(17, kernel, ConvMethod::kWinograd2);
    EXPECT_LT(error_of(s, random_weights(s)), 1e-5) << kernel;
  }
}

TEST(ConvError, IsThatOfStrides) {
  ConvShape s = layer(33, 3, ConvMethod::kWinograd3);
  s.stride[1] = s.stride[2] = 2, s.dilation[1] = s.dilation[2] = 1;
  const auto w = random_weights(s);
  const double winograd = error_of(s, w);
  s.method = ConvMethod::kDirect;
  EXPECT_LT(winograd, 3 * error_of(s, w));
}

// Weights that are transformed in the run are rounded a few times more, which the sum hides.
TEST(ConvError, IsAsGoodWithWeightsMadeAtUse) {
  for (int64_t channels : {16, 200}) {
    const auto w = random_weights(layer(channels, 3, ConvMethod::kDirect));
    for (const auto& [before, at_use] : {std::pair{ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse},
                                         {ConvMethod::kWinograd4, ConvMethod::kWinograd4AtUse},
                                         {ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse}})
      EXPECT_LT(error_of(layer(channels, 3, at_use), w), 1.5 * error_of(layer(channels, 3, before), w))
          << channels << " channels, method " << static_cast<int>(at_use);
  }
}

TEST(ConvError, UsualWeightsKeepTheirMethod) {
  for (int64_t channels : {8, 64, 200})
    for (ConvMethod method : {ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse}) {
      const ConvShape s = layer(channels, 3, method);
      EXPECT_EQ(*accurate_method(s, random_weights(s).data()), method) << channels;
    }
}

TEST(ConvError, WeightsThatCancelTakeAnotherMethod) {
  for (ConvMethod method : {ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse}) {
    const ConvShape s = layer(40, 3, method);
    auto w = cancelling_weights(s);
    EXPECT_NE(*accurate_method(s, w.data()), method);
    w[3] = __builtin_nanf("");
    EXPECT_EQ(*accurate_method(s, w.data()), ConvMethod::kDirect);
  }
}

TEST(ConvError, OtherMethodsAreNotLookedAt) {
  EXPECT_EQ(*accurate_method(layer(4, 3, ConvMethod::kDirect), nullptr), ConvMethod::kDirect);
  EXPECT_EQ(*accurate_method(layer(4, 3, ConvMethod::kDots), nullptr), ConvMethod::kDots);
}

}  // namespace
}  // namespace ow
