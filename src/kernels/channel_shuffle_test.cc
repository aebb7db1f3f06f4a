#include "kernels/channel_shuffle.h"

#include <gtest/gtest.h>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

TEST(ShuffleChannels, IsATransposition) {
  for (const auto& [channels, groups] :
       {std::pair<int64_t, int64_t>{6, 2}, {58, 2}, {12, 3}, {5, 5}, {7, 1}, {36, 4}}) {
    const int64_t pixels = 9, in_ld = channels + 2, out_ld = channels + 1, each = channels / groups;
    Random random(2);
    const auto x = random.floats((pixels - 1) * in_ld + channels);
    std::vector<float> y(static_cast<size_t>((pixels - 1) * out_ld + channels), 7);
    shuffle_channels(x.data(), in_ld, y.data(), out_ld, pixels, channels, groups, 2);
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c)
        ASSERT_EQ(y[static_cast<size_t>(p * out_ld + c)],
                  x[static_cast<size_t>(p * in_ld + c % groups * each + c / groups)]);
    for (int64_t p = 0; p + 1 < pixels; ++p) ASSERT_EQ(y[static_cast<size_t>(p * out_ld + channels)], 7);
  }
}

}  // namespace
}  // namespace ow::kernels
