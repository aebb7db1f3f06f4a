// Convolution whose groups have one input channel each: out[.., c * m + r] reads in[.., c] alone, m outputs
// per input channel. Called by conv(); see conv.h for the shapes.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

bool is_depthwise(const ConvShape& shape);

// Packed: [r < m][tap][channel].
int64_t depthwise_packed_floats(const ConvShape& shape);
void depthwise_pack(const ConvShape& shape, const float* w, float* packed);
void depthwise_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                    const Epilogue& epilogue, int threads);

}  // namespace ow::kernels
