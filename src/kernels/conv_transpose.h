// Transposed convolution of channels-last float32 images.
//
//   out[b, i * stride + k * dilation - pad, co] += in[b, i, ci] * w[ci, co, k]        (then bias, activation)
//
// Output positions with the same residue of (o + pad) mod stride read the same taps, so each such phase is an
// ordinary convolution over a part of the taps: no column buffer, no scattered additions.
#pragma once
#include "kernels/conv.h"

namespace ow::kernels {

// w: [in_channels][out_channels / groups][kd][kh][kw], contiguous (ONNX). shape.pad: ONNX's pads (begin); the
// output extent is the caller's, so output_padding is in it. Packing looks at kernel, stride, dilation,
// channels and groups alone.
size_t conv_transpose_packed_bytes(const ConvShape& shape);
void conv_transpose_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads);

// As conv(), by kDirect or kInDouble. scratch: conv_transpose_scratch_bytes(shape, threads) bytes, aligned to
// 64; null if that is 0.
size_t conv_transpose_scratch_bytes(const ConvShape& shape, int threads);
void conv_transpose(const ConvShape& shape, const void* packed, const float* in, float* out,
                    const Epilogue& epilogue, void* scratch, int threads);

}  // namespace ow::kernels
