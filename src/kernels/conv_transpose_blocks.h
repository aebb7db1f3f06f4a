// Transposed convolutions of few output channels, whose products by phase (conv_transpose.cc) would be of
// panels that are mostly padding: one ordinary convolution gives all phases of a block of outputs.
//
// A block is the stride[i] outputs along each axis with the same (o + pad) / stride. Its values are the
// channels of a pixel, [phase][output channel], of an image of blocks; they are then moved to their places.
#pragma once
#include <vector>

#include "kernels/conv.h"
#include "kernels/isa_table.h"

namespace ow::kernels {

// Whether that is less work, and each phase has the same number of taps: where one lacked some, zeros in
// their place would make NaN of an infinity that does not reach it. Looks at what packing looks at.
bool in_blocks(Isa isa, const ConvShape& shape);

// As of conv_transpose.h, where in_blocks(); sizes of packed weights in floats, without a header.
size_t blocks_packed_floats(Isa isa, const ConvShape& shape);
void blocks_pack(Isa isa, const ConvShape& shape, const UnalignedFloat* w, float* packed, int threads);
size_t blocks_scratch_bytes(const ConvShape& shape);
void conv_transpose_blocks(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                           const Epilogue& epilogue, void* scratch, int threads);

// The bias of a product whose columns are the output channels, so many times; empty without one.
std::vector<float> repeated_bias(const Epilogue& epilogue, int64_t channels, int64_t times);

}  // namespace ow::kernels
