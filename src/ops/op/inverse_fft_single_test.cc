// Bit for bit against numpy: tests/python/test_dft.py. Here against the transform in double.
#include "ops/op/inverse_fft_single.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/op/fft.h"

namespace ow {
namespace {

TEST(InverseFftSingle, IsCloseToTheTransformInDouble) {
  int covered = 0;
  for (int64_t n = 1; n <= 2400; n += n < 130 ? 1 : 61) {
    if (!InverseFftSingle::covers(n)) continue;
    ++covered;
    const auto single = InverseFftSingle::create(n);
    const auto wide = Fft::create(n);
    ASSERT_TRUE(single.ok() && wide.ok());
    std::vector<InverseFftSingle::Complex> found, work(static_cast<size_t>(single->work_length()));
    for (int64_t i = 0; i < n; ++i)
      found.emplace_back(std::sin(static_cast<float>(i * i)), 0.3f * std::cos(static_cast<float>(7 * i)));
    std::vector<Fft::Complex> expected(found.begin(), found.end()),
        wide_work(static_cast<size_t>(wide->work_length()));
    single->run(found.data(), work.data());
    wide->run(expected.data(), wide_work.data(), true);
    double error = 0, norm = 0;
    for (size_t k = 0; k < found.size(); ++k) {
      error += std::norm(Fft::Complex(found[k]) - expected[k]);
      norm += std::norm(expected[k]);
    }
    EXPECT_LE(std::sqrt(error / norm), 2e-7) << n;
  }
  EXPECT_GT(covered, 60);
}

TEST(InverseFftSingle, CoversSmallFactorsOnly) {
  for (int64_t n : {1, 2, 3, 5, 7, 8, 10, 11, 64, 1155, 1 << 20})
    EXPECT_TRUE(InverseFftSingle::covers(n)) << n;
  for (int64_t n : {0, -8, 13, 26, 17, 53, 1024 * 13}) EXPECT_FALSE(InverseFftSingle::covers(n)) << n;
}

TEST(InverseFftSingle, RefusesALengthWhoseTablesDoNotFit) {
  auto budget = std::make_shared<Budget>();
  budget->set_memory_limit(1 << 20);
  EXPECT_FALSE(InverseFftSingle::create(1 << 22, budget).ok());
  EXPECT_FALSE(InverseFftSingle::create(int64_t{1} << 62, budget).ok());
  EXPECT_EQ(budget->used_bytes(), 0);
}

}  // namespace
}  // namespace ow
