// Convolution whose groups have one input channel each: out[.., c * m + r] reads in[.., c] alone, m outputs
// per input channel. Called by conv(); see conv.h for the shapes.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

bool is_depthwise(const ConvShape& shape);
// Whether it goes in rectangles of pixels: flat square kernels of 3, 5 or 7, undilated, stride 1 or 2.
bool depthwise_in_tiles(const ConvShape& shape);

// Packed: [r < m][tap][channel].
int64_t depthwise_packed_floats(const ConvShape& shape);
void depthwise_pack(const ConvShape& shape, const UnalignedFloat* w, float* packed);
void depthwise_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                    const Epilogue& epilogue, int threads);

// Some of the channels, in the thread that calls: `shape` has those alone, `packed` is of all
// packed_channels, at the first of them. In rectangles.
void depthwise_slice(Isa isa, const ConvShape& shape, const float* packed, int64_t packed_channels,
                     const float* in, float* out, const Epilogue& epilogue);

}  // namespace ow::kernels
