// Convolution of unit stride and a square kernel of r = 3, 5 or 7 by Winograd's F(m x m, r x r): a tile of
// m x m outputs from n^2 products per pair of channels in place of r^2 m^2, n = m + r - 1 being 4, 6 or 8.
//
//   Y = A' ( sum_c (G w G') . (B' x B) ) A,   the sum over channels being n^2 matrix products
//
// A, B and G evaluate and interpolate polynomials (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015) at 0, the points of `winograd_points` with both signs, and infinity. The points are those
// of the least rounding error, found by trying all multiples of 1/8: of 6 the error stays near that of the
// plain sum, which the usual 1 and 2 do not; of 8 it is about four times that of 6.
//
// At stride 2 and r = 3, m is 3: the taps of even places are an F(3, 2) over the even pixels, and the middle
// one has the odd pixels to itself. That makes 49 products of 9 outputs in place of 81, with 25 sets of
// weights.
//
// With dilation d the pixels of a tile are d apart: each of the d phases of an axis is an image of its own.
//
// Along a third spatial axis the kernel's planes are summed as channels are: "channels" below is planes x
// channels.
//
//   packed: zeros for a pixel in the padding [in_channels, rounded up to 16] | weights (winograd_weights.h);
//           those that each run transforms: as conv_direct.h
//
// Tiles are taken in blocks whose transformed pixels stay in the second-level cache. An output element is
// computed in one way whatever the block, the thread or the place in the batch.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

// Whether F(m x m) can compute this convolution: a square kernel in the last two axes, unit stride there (m =
// 2, 4, 6) or 2 (m = 3), one group; any extent along the first axis, at unit stride.
bool winograd_applies(const ConvShape& shape, int m);

// Products of a tile along an axis, and how many of them have weights of their own.
struct WinogradLine {
  int64_t products, weights;
};
WinogradLine winograd_line(const ConvShape& shape, int m);

// Tiles along spatial axis 1 or 2.
int64_t winograd_tiles(const ConvShape& shape, int axis, int m);

// F(m x m), and whether each run transforms the weights, which are packed as they are.
struct WinogradForm {
  int m;
  bool at_use = false;
};

// So many tiles, about, share what is made of weights in a run.
inline constexpr int kWinogradTilesAtUse = 70;

// Of what is transformed before the run.
int64_t winograd_packed_floats(Isa isa, const ConvShape& shape, WinogradForm form);
void winograd_pack(Isa isa, const ConvShape& shape, WinogradForm form, const UnalignedFloat* w, float* packed,
                   int threads);

size_t winograd_scratch_bytes(Isa isa, const ConvShape& shape, WinogradForm form, int threads);
void winograd_conv(Isa isa, const ConvShape& shape, WinogradForm form, const float* packed, const float* in,
                   float* out, const Epilogue& epilogue, void* scratch, int threads);

}  // namespace ow::kernels
