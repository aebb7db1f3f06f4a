// Against float64 sums, at sizes that fill no vector, and every output alone against all of them at once.
#include "kernels/channel_product.h"

#include <cstring>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

std::vector<float> product(const ChannelProduct& s, const std::vector<float>& m, const std::vector<float>& x,
                           int threads) {
  const Buffer packed = aligned_buffer(channel_matrix_bytes(s));
  pack_channel_matrix(s, m.data(), packed.get(), threads);
  std::vector<float> y(static_cast<size_t>((s.pixels - 1) * s.out_ld + s.outputs * s.positions), 7.0f);
  channel_product(s, packed.get(), x.data(), y.data(), threads);
  return y;
}

void check(const ChannelProduct& s) {
  SCOPED_TRACE(testing::Message() << s.outputs << " x " << s.channels << " at " << s.positions << ", "
                                  << s.pixels << " pixels");
  Random random(static_cast<uint64_t>(s.channels * 31 + s.outputs));
  const auto m = random.floats(s.outputs * s.channels);
  const auto x = random.floats((s.pixels - 1) * s.in_ld + s.channels * s.positions);
  const auto y = product(s, m, x, 1);
  for (int64_t p = 0; p < s.pixels; ++p)
    for (int64_t n = 0; n < s.outputs * s.positions; ++n) {
      double sum = 0, size = 1;
      for (int64_t c = 0; c < s.channels; ++c) {
        const double v =
            double{m[n / s.positions * s.channels + c]} * x[p * s.in_ld + c * s.positions + n % s.positions];
        sum += v, size += std::abs(v);
      }
      ASSERT_NEAR(y[p * s.out_ld + n], sum, 1e-6 * size) << "pixel " << p << ", output " << n;
      // The numbers have so few bits that their sums are exact in double.
      if (s.in_double)
        ASSERT_EQ(y[p * s.out_ld + n], static_cast<float>(sum)) << "pixel " << p << ", output " << n;
    }
  const auto threaded = product(s, m, x, 3);
  EXPECT_EQ(std::memcmp(y.data(), threaded.data(), y.size() * sizeof(float)), 0)
      << "results must not depend on the number of threads";
}

TEST(ChannelProduct, MatchesFloat64Sums) {
  for_each_isa([] {
    for (int64_t positions : {1, 2, 4, 16, 32, 3})
      for (int64_t channels : {1, 7, 16, 37})
        for (int64_t outputs : {1, 2, 3, 7, 19})
          for (int64_t pixels : {1, 2, 35})
            for (bool in_double : {false, true})
              check({outputs, channels, positions, pixels, channels * positions + pixels % 3,
                     outputs * positions + pixels % 2, in_double});
  });
}

}  // namespace
}  // namespace ow::kernels
