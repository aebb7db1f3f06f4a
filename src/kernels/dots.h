// Convolution to few output channels, where the columns of a register tile (gemm.h) would be mostly padding:
// each output is a dot product, with vectors along the sum instead of along the outputs.
//
//   packed: [out_channels][taps * in_channels], taps as in ONNX, channels innermost
//
// A pixel's taps along w that lie side by side in memory are one run of that sum. Strips of output pixels go
// over the runs together, so that weights are read from the first-level cache. Every lane sums on its own,
// and the lanes are added at the end: an output's value depends on its pixel alone, but on the instruction
// set too.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

bool dots_apply(const ConvShape& shape);

int64_t dots_packed_floats(const ConvShape& shape);
void dots_pack(const ConvShape& shape, const UnalignedFloat* w, float* packed);

// `shape` may be that of a copy whose kernel is one tap wide, each of `shape.in_channels` floats (a joined
// row).
void dots_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
               const Epilogue& epilogue, int threads);

}  // namespace ow::kernels
