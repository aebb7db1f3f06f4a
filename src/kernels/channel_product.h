// A small matrix times the channels of every pixel of a channels-last image, as MaskFormer, DETR and DDColor
// end:
//
//   y[p, o * positions + j] = sum_c m[o, c] * x[p, c * positions + j],   j < positions
//
// positions > 1 is the product of an image whose channels are still blocks of pixels (before DepthToSpace in
// CRD mode). Few outputs are bound by reading x, so x is read once and the matrix, spread over the positions,
// stays in cache; many outputs at one position go through the packed GEMM, as does every
// single position that is summed in double. An output's order of summation
// depends on `channels` and `positions` alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ow::kernels {

struct ChannelProduct {
  int64_t outputs, channels, positions;
  int64_t pixels;
  int64_t in_ld, out_ld;   // from pixel to pixel; at least channels * positions, outputs * positions
  bool in_double = false;  // the sums, which are rounded once; else in float
};

// Bytes of the matrix as channel_product() reads it, to be aligned to 64 bytes.
size_t channel_matrix_bytes(const ChannelProduct& s);
// From m: [outputs, channels].
void pack_channel_matrix(const ChannelProduct& s, const float* m, void* packed, int threads);
void channel_product(const ChannelProduct& s, const void* packed, const float* x, float* y, int threads);

}  // namespace ow::kernels
