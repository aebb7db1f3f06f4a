// Transposed convolutions of few output channels, whose products by phase (conv_transpose.cc) would be of
// panels that are mostly padding: one product of input pixels and all weights of a plane of the kernel gives
// what each pixel adds to its window of outputs. Each thread goes down its output rows, keeps what the input
// rows that reach the current one give, and adds that up.
#pragma once
#include "kernels/conv.h"
#include "kernels/isa_table.h"

namespace ow::kernels {

// Whether that is less work. Looks at what packing looks at.
bool in_columns(Isa isa, const ConvShape& shape);

// As of conv_transpose.h, where in_columns(); sizes of packed weights in floats, without a header.
size_t columns_packed_floats(Isa isa, const ConvShape& shape);
void columns_pack(Isa isa, const ConvShape& shape, const UnalignedFloat* w, float* packed, int threads);
size_t columns_scratch_bytes(const ConvShape& shape, int threads);
void conv_transpose_columns(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                            const Epilogue& epilogue, void* scratch, int threads);

}  // namespace ow::kernels
