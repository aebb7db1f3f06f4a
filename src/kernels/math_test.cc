// Against the C library's float64 functions, over all magnitudes.
#include "kernels/math.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

using Array = void (*)(const float*, float*, int64_t);
using Reference = std::function<double(double)>;
constexpr float kInf = std::numeric_limits<float>::infinity();

// Every 4097th float of all bit patterns: denormals, infinities and NaN among them.
std::vector<float> sweep() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 4097) {
    const auto low = static_cast<uint32_t>(bits);
    float f;
    std::memcpy(&f, &low, 4);
    x.push_back(f);
  }
  for (float f : {0.0f, -0.0f, kInf, -kInf, 1.0f, 88.72283f, 88.7229f, -103.97f, -87.4f}) x.push_back(f);
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<float>(i) / 400);
  return x;
}

double ulp_error(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e9;
  const float rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  const float size = std::fabs(rounded);
  const double ulp = size < std::numeric_limits<float>::min()
                         ? std::numeric_limits<float>::denorm_min()
                         : static_cast<double>(std::nextafter(size, kInf)) - static_cast<double>(size);
  return std::fabs(static_cast<double>(got) - want) / std::fabs(ulp);
}

void expect_close(Array f, const Reference& reference, double ulps) {
  const std::vector<float> x = sweep();
  for_each_isa([&] {
    std::vector<float> y(x.size());
    f(x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double e = ulp_error(y[i], reference(static_cast<double>(x[i])));
      if (e > worst) worst = e, at = x[i];
    }
    EXPECT_LE(worst, ulps) << "at " << at;
    float tail[3] = {x[1], x[x.size() - 1], 0.5f}, out[3], whole[64] = {};
    f(tail, out, 3);
    std::memcpy(whole, tail, sizeof tail);
    f(whole, whole, 64);
    EXPECT_EQ(0, std::memcmp(whole, out, sizeof out));
  });
}

TEST(Math, Exp) {
  expect_close(
      exp, [](double x) { return std::exp(x); }, 1);
}
TEST(Math, Log) {
  expect_close(
      log, [](double x) { return std::log(x); }, 1);
}
TEST(Math, Erf) {
  expect_close(
      erf, [](double x) { return std::erf(x); }, 1);
}
TEST(Math, Tanh) {
  expect_close(
      tanh, [](double x) { return std::tanh(x); }, 2);
}
TEST(Math, Sigmoid) {
  expect_close(
      sigmoid, [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, 2);
}

TEST(Math, SignedZero) {
  for_each_isa([] {
    float x[2] = {-0.0f, 0.0f}, y[2];
    for (Array f : {Array{erf}, Array{tanh}}) {
      f(x, y, 2);
      EXPECT_TRUE(std::signbit(y[0]) && !std::signbit(y[1]));
    }
  });
}

double clamp01(double x) { return std::fmin(std::fmax(x, 0), 1); }

struct ActivationCase {
  Activation activation;
  float alpha, beta;
  Reference reference;
};

std::vector<ActivationCase> activations() {
  return {
      {Activation::kNone, 0, 0, [](double x) { return x; }},
      {Activation::kRelu, 0, 0, [](double x) { return std::fmax(x, 0); }},
      {Activation::kLeakyRelu, 0.25f, 0, [](double x) { return x < 0 ? 0.25 * x : x; }},
      {Activation::kClip, -1.5f, 2, [](double x) { return std::fmin(std::fmax(x, -1.5), 2); }},
      {Activation::kSigmoid, 0, 0, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {Activation::kSilu, 0, 0, [](double x) { return x / (1 + std::exp(-x)); }},
      {Activation::kHardSigmoid, 0.25f, 0.5f, [](double x) { return clamp01(0.25 * x + 0.5); }},
      {Activation::kHardSwish, 0, 0, [](double x) { return x * clamp01(x / 6 + 0.5); }},
      {Activation::kGelu, 0, 0, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {Activation::kGeluTanh, 0, 0,
       [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
      {Activation::kTanh, 0, 0, [](double x) { return std::tanh(x); }},
      {Activation::kMish, 0, 0,
       [](double x) { return x * std::tanh(std::log1p(std::exp(std::fmin(x, 500)))); }},
  };
}

TEST(Math, Activations) {
  std::vector<float> x;
  for (int i = -3000; i <= 3000; ++i) x.push_back(static_cast<float>(i) / 150);
  for_each_isa([&] {
    for (const ActivationCase& c : activations()) {
      std::vector<float> y(x.size());
      activate(c.activation, c.alpha, c.beta, x.data(), y.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_NEAR(y[i], c.reference(static_cast<double>(x[i])), 2e-7 * (1 + std::fabs(x[i])))
            << static_cast<int>(c.activation) << " at " << x[i];
    }
  });
}

// The limits of the activations, where a product of infinity and zero is not the answer.
TEST(Math, ActivationsAtInfinityAndNan) {
  const float x[3] = {-kInf, kInf, std::nanf("")};
  for_each_isa([&] {
    for (const ActivationCase& c : activations()) {
      float y[3];
      activate(c.activation, c.alpha, c.beta, x, y, 3);
      const double big = c.reference(1e4), small = c.reference(-1e4);
      EXPECT_EQ(y[0], small < -100 ? -kInf : static_cast<float>(small)) << static_cast<int>(c.activation);
      EXPECT_EQ(y[1], big > 100 ? kInf : static_cast<float>(big)) << static_cast<int>(c.activation);
      EXPECT_TRUE(std::isnan(y[2])) << static_cast<int>(c.activation);
    }
  });
}

}  // namespace
}  // namespace ow::kernels
