// 3x3 convolution of unit stride by Winograd's F(m x m, 3 x 3), m = 2 or 4: a tile of m x m outputs from
// (m + 2)^2 products per pair of channels in place of 9 m^2.
//
//   Y = A' ( sum_c (G w G') . (B' x B) ) A,   the sum over channels being (m + 2)^2 matrix products
//
// A, B and G evaluate and interpolate polynomials (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015) at 0, the points of `winograd_points` with both signs, and infinity. Those of F(4) keep
// its rounding error near that of the plain sum, which the usual 1 and 2 do not.
//
// With dilation d the pixels of a tile are d apart: each of the d phases of an axis is an image of its own.
//
// Along a third spatial axis the kernel's planes are summed as channels are: "channels" below is planes x
// channels.
//
//   packed: zeros for a pixel in the padding [in_channels, rounded up to 16]
//           | for each of the (m + 2)^2 products, B as in gemm.h: [channels][out_channels]
//
// Tiles are taken in blocks whose transformed pixels stay in the second-level cache. An output element is
// computed in one way whatever the block, the thread or the place in the batch.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

inline constexpr double kWinogradPoints4[] = {0.625, 1.5};
inline constexpr double kWinogradPoints2[] = {1};

// Whether the method can compute this convolution: 3 x 3 in the last two axes, unit stride there, one group;
// any extent along the first axis, at unit stride.
bool winograd_applies(const ConvShape& shape);

// Tiles along spatial axis 1 or 2.
int64_t winograd_tiles(const ConvShape& shape, int axis, int m);

int64_t winograd_packed_floats(Isa isa, const ConvShape& shape, int m);
void winograd_pack(Isa isa, const ConvShape& shape, int m, const float* w, float* packed, int threads);

size_t winograd_scratch_bytes(Isa isa, const ConvShape& shape, int m, int threads);
void winograd_conv(Isa isa, const ConvShape& shape, int m, const float* packed, const float* in, float* out,
                   const Epilogue& epilogue, void* scratch, int threads);

}  // namespace ow::kernels
