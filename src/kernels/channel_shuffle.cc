#include "kernels/channel_shuffle.h"

#include "base/thread_pool.h"

namespace ow::kernels {

void shuffle_channels(const float* in, int64_t in_ld, float* out, int64_t out_ld, int64_t pixels,
                      int64_t channels, int64_t groups, int threads) {
  const int64_t each = channels / groups;
  parallel_for(pixels, 1 + 16384 / (channels + 1), threads, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const float* __restrict x = in + p * in_ld;
      float* __restrict y = out + p * out_ld;
      if (groups == 2) {  // the usual number: pairs are interleaved by vectors
        for (int64_t i = 0; i < each; ++i) y[2 * i] = x[i], y[2 * i + 1] = x[each + i];
        continue;
      }
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t i = 0; i < each; ++i) y[i * groups + g] = x[g * each + i];
    }
  });
}

}  // namespace ow::kernels
