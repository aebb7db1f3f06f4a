// Convolution whose groups have one input channel each: out[.., c * m + r] reads in[.., c] alone, m outputs
// per input channel; and 3x3 convolution in groups of as many channels as go into a vector, or of a few.
// Called by conv(); see conv.h for the shapes.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

bool is_depthwise(const ConvShape& shape);
// Whether it goes in rectangles of pixels: flat square kernels of 3, 5 or 7, undilated, stride 1 or 2, as
// many channels out as in. Depends on the weights and the strides alone.
bool depthwise_in_tiles(const ConvShape& shape);

// Whether its groups are of 2 channels to a vector of them, as many in as out, and it goes in rectangles; not
// if it is summed in double.
bool in_small_groups(Isa isa, const ConvShape& shape);

// Packed: [r < m][tap][channel]; of small groups [vector of channels][channel in its group][tap][lane].
int64_t depthwise_packed_floats(Isa isa, const ConvShape& shape);
void depthwise_pack(Isa isa, const ConvShape& shape, const UnalignedFloat* w, float* packed);
void depthwise_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                    const Epilogue& epilogue, int threads);

// Some of the channels, in the thread that calls: `shape` has those alone, `packed` is of all
// packed_channels, at the first of them. One image; in rectangles, unless it is summed in double.
void depthwise_slice(Isa isa, const ConvShape& shape, const float* packed, int64_t packed_channels,
                     const float* in, float* out, const Epilogue& epilogue);

}  // namespace ow::kernels
