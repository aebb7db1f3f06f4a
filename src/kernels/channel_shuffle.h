// The channel shuffle of ShuffleNet on channels-last pixels: channels are seen as [groups][channels / groups]
// and become [channels / groups][groups].
#pragma once
#include <cstdint>

namespace ow::kernels {

// in_ld, out_ld: floats from pixel to pixel. groups divides channels. `out` must not overlap `in`.
void shuffle_channels(const float* in, int64_t in_ld, float* out, int64_t out_ld, int64_t pixels,
                      int64_t channels, int64_t groups, int threads);

}  // namespace ow::kernels
