// Depthwise transposed convolutions: each channel is a group of its own, so there is no product of matrices.
// An output is a sum over the few pixels that reach it, all channels at once.
#pragma once
#include "kernels/conv.h"
#include "kernels/cpu.h"

namespace ow::kernels {

// Whether each channel has its own kernel and output. Looks at what packing looks at.
bool transposes_depthwise(const ConvShape& shape);

// As of conv_transpose.h, where transposes_depthwise(); packed: [tap][channel], without a header.
size_t transposed_depthwise_floats(const ConvShape& shape);
void pack_transposed_depthwise(const ConvShape& shape, const UnalignedFloat* w, float* packed);
void conv_transpose_depthwise(Isa isa, const ConvShape& shape, const float* packed, const float* in,
                              float* out, const Epilogue& epilogue, int threads);

}  // namespace ow::kernels
