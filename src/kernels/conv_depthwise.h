// A convolution and the depthwise one that alone reads it, as in inverted residuals, without the image
// between them in memory: a thread makes a panel of its channels for a strip of rows, small enough for the
// second-level cache, and reads it at once. The rows that the next strip reads again are kept.
#pragma once
#include "kernels/conv.h"

namespace ow::kernels {

struct ConvDepthwise {
  ConvShape first,
      depthwise;  // depthwise.in is first.out, of first.out_channels; depthwise.in_ld is not used
};

// first: one group, kDirect, one image plane; depthwise: a square kernel of 3, 5 or 7, undilated, of stride 1
// or 2, one output per channel, no negative pad.
bool conv_depthwise_applies(const ConvDepthwise& c);

// packed_first and packed_depthwise: as conv_pack packs the weights of each. The epilogues have no residual.
// scratch: conv_depthwise_scratch_bytes(c, threads) bytes, aligned to 64. threads >= 1. `out` must not
// overlap `in`. The result is that of the two convolutions one after the other, bit for bit.
size_t conv_depthwise_scratch_bytes(const ConvDepthwise& c, int threads);
void conv_depthwise(const ConvDepthwise& c, const void* packed_first, const void* packed_depthwise,
                    const float* in, float* out, const Epilogue& first, const Epilogue& depthwise,
                    void* scratch, int threads);

}  // namespace ow::kernels
