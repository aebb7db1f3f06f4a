#include "ops/op/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace ow {
namespace {

using Complex = Fft::Complex;

std::vector<Complex> signal(int64_t n) {
  std::vector<Complex> x;
  for (int64_t i = 0; i < n; ++i)
    x.emplace_back(std::sin(static_cast<double>(i * i)), 0.3 * std::cos(static_cast<double>(7 * i)));
  return x;
}

// The definition, in long double.
Complex sum(const std::vector<Complex>& x, int64_t k) {
  const auto n = static_cast<int64_t>(x.size());
  std::complex<long double> out = 0;
  for (int64_t j = 0; j < n; ++j) {
    const long double angle = -2 * std::numbers::pi_v<long double> * static_cast<long double>(j * k % n) /
                              static_cast<long double>(n);
    out += std::complex<long double>(x[j]) * std::complex<long double>(std::cos(angle), std::sin(angle));
  }
  return Complex(out);
}

TEST(Fft, MatchesTheDefinitionAtEveryKindOfLength) {
  for (int64_t n :
       {1, 2, 3, 4, 5, 6, 8, 12, 16, 30, 31, 37, 62, 64, 74, 97, 120, 128, 251, 360, 1009, 1024}) {
    auto fft = Fft::create(n);
    ASSERT_TRUE(fft.ok());
    const auto x = signal(n);
    auto y = x;
    std::vector<Complex> work(static_cast<size_t>(fft->work_length()));
    fft->run(y.data(), work.data(), false);
    for (int64_t k = 0; k < n; ++k)
      EXPECT_LT(std::abs(y[k] - sum(x, k)), 1e-13 * static_cast<double>(n)) << n << " " << k;
    fft->run(y.data(), work.data(), true);
    for (int64_t k = 0; k < n; ++k) EXPECT_LT(std::abs(y[k] - x[k]), 1e-13) << n << " " << k;
  }
}

TEST(Fft, RefusesALengthWhoseTablesDoNotFit) {
  auto budget = std::make_shared<Budget>();
  budget->set_memory_limit(1 << 20);
  EXPECT_FALSE(Fft::create(1 << 22, budget).ok());
  EXPECT_FALSE(Fft::create(INT64_MAX - 24, budget).ok());
  EXPECT_EQ(budget->used_bytes(), 0);
}

}  // namespace
}  // namespace ow
