// A convolution and the depthwise one that alone reads it, as in inverted residuals, without the image
// between them in memory: a thread makes a panel of its channels for a strip of rows, small enough for the
// second-level cache, and reads it at once. The rows that the next strip reads again are kept.
#pragma once
#include "kernels/conv.h"

namespace ow::kernels {

struct ConvDepthwise {
  // depthwise.in is first.out, of first.out_channels; depthwise.in_ld is not used.
  ConvShape first, depthwise;
};

// first: one group, kDirect or kInDouble, one image plane; depthwise: a square kernel of 3, 5 or 7,
// undilated, of stride 1 or 2, one output per channel, no negative pad.
bool conv_depthwise_applies(const ConvDepthwise& c);

// How the work is cut: into slices of so many panels of channels, times `parts` ranges of output rows of each
// image. A strip has `rows` rows of a slice of the first convolution's output, with the padding along w.
struct ConvDepthwiseCut {
  int threads = 1;
  int64_t panels = 1, slices = 1, parts = 1;
  int64_t channels = 0, width = 0, rows = 0;

  int64_t row_floats() const { return width * channels; }
  int64_t strip_floats() const { return rows * row_floats(); }
};
// For the first weights as conv_pack packed them, on at most so many threads (>= 1).
ConvDepthwiseCut cut_conv_depthwise(const ConvDepthwise& c, const void* packed_first, int threads);

// packed_first and packed_depthwise: as conv_pack packs the weights of each. The epilogues have no residual.
// scratch: conv_depthwise_scratch_bytes(c, cut) bytes, aligned to 64. `out` must not overlap `in`. The result
// is that of the two convolutions one after the other, bit for bit.
size_t conv_depthwise_scratch_bytes(const ConvDepthwise& c, const ConvDepthwiseCut& cut);
void conv_depthwise(const ConvDepthwise& c, const ConvDepthwiseCut& cut, const void* packed_first,
                    const void* packed_depthwise, const float* in, float* out, const Epilogue& first,
                    const Epilogue& depthwise, void* scratch);

}  // namespace ow::kernels
