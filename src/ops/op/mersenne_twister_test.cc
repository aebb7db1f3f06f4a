// Numbers that numpy 2 prints after numpy.random.seed: the first three of numpy.random.random(), and the one
// after a thousand.
#include "ops/op/mersenne_twister.h"

#include <gtest/gtest.h>

namespace ow {
namespace {

TEST(MersenneTwister, DrawsNumpysNumbers) {
  const struct {
    uint64_t seed;
    double first[3], later;
  } rows[] = {
      {0, {0x1.18fe1565f12a8p-1, 0x1.6e2d4cf608733p-1, 0x1.349d66b6e894bp-1}, 0x1.2f8e00bae5bb8p-1},
      {7, {0x1.388f0a7465c98p-4, 0x1.8f5184146a0a7p-1, 0x1.c0ee597d36686p-2}, 0x1.572fda3d37988p-4},
      {0xffffffff, {0x1.8fe69a3924820p-4, 0x1.d323d824032b1p-1, 0x1.93fc6f61af3f9p-1}, 0x1.f4e9151f5d2acp-1},
      // numpy.random.seed([1, 1]) and seed([2, 2**32 - 1])
      {0x100000001, {0x1.d8f374804005cp-3, 0x1.065ad8f5e2a27p-1, 0x1.a8885ce825b6ap-2}, 0x1.bad0ae800eb37p-1},
      {0xffffffff00000002,
       {0x1.d397df4b1da26p-1, 0x1.0ae325394af0cp-1, 0x1.a5911955087b0p-4},
       0x1.4a6d6a713cc6cp-3},
  };
  for (const auto& row : rows) {
    MersenneTwister numbers(row.seed), skipped(row.seed);
    for (double expected : row.first) EXPECT_EQ(numbers.uniform(), expected) << row.seed;
    skipped.skip(1000);
    EXPECT_EQ(skipped.uniform(), row.later) << row.seed;
    for (int i = 3; i < 1000; ++i) numbers.uniform();
    EXPECT_EQ(numbers.uniform(), row.later) << row.seed;
  }
}

}  // namespace
}  // namespace ow
