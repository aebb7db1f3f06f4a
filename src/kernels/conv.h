// Convolution of channels-last float32 images of one, two or three spatial axes.
//
//   out[b, o, co] = act( sum_k sum_ci in[b, o * stride + k * dilation - pad, ci] * w[co, ci, k] + bias[co] +
//   .. )
//
// An image is [batch][d][h][w] pixels of `ld` floats, the first C of which are its channels: ld > C is a
// slice of a wider image (concatenation in place) or padding. Fewer axes: leading axes of extent 1. Method:
// 1x1 with unit stride is one GEMM; groups of one input channel run a direct kernel over channels; square
// kernels of 3 to 7 with unit stride, and of 3 with stride 2, may take Winograd's algorithm (winograd.h) and
// few output channels dot products (dots.h) where that is quicker; all else is the batch-reduce GEMM over row
// pointers, where padding is a pointer to a row of zeros.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/gemm.h"

namespace ow::kernels {

// Direct: products of register tiles; Winograd (winograd.h): F(m x m), the weights being transformed before
// the run or in it; dots (dots.h): dot products, for few output channels. InDouble: direct, with sums in
// double that are rounded once (BSource::in_double).
enum class ConvMethod : uint8_t {
  kDirect,
  kWinograd2,
  kWinograd3,
  kWinograd4,
  kWinograd6,
  kDots,
  kInDouble,
  kWinograd2AtUse,
  kWinograd3AtUse,
  kWinograd4AtUse,
  kWinograd6AtUse
};

// Spatial values are {d, h, w}. Also describes a transposed convolution: in and out as its caller sees them.
struct ConvShape {
  int64_t batch = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  int64_t in_channels = 0, out_channels = 0, groups = 1;  // groups divides both
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t pad[3] = {0, 0, 0};     // before the first element (may be negative); behind it: follows from `out`
  int64_t in_ld = 0, out_ld = 0;  // floats from pixel to pixel
  ConvMethod method = ConvMethod::kDirect;  // others only where they apply; kInDouble does everywhere

  // Whether all taps of a window that begins at `position` lie inside the image.
  bool reaches_inside(int axis, int64_t position) const {
    return position >= 0 && position + (kernel[axis] - 1) * dilation[axis] < in[axis];
  }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }  // of one image
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

// The quickest method where the weights are packed before the run, or with `pack_too` once in each run; its
// cost is set against that of one image. Extents of 0 are unknown. Depends on the shape without its batch, so
// that results do not differ between runs.
ConvMethod quickest_method(const ConvShape& shape, bool pack_too = false);

// By which method these extents are computed quickest with weights that shape.method packed: the methods that
// transform weights at use pack them as kDirect does, and may not have known the extents.
ConvMethod method_of_run(const ConvShape& shape);

// Packs the weights for best_isa(). w: [out_channels][in_channels / groups][kd][kh][kw], contiguous (ONNX).
// The batch, spatial extents, pads and lds of `shape` are not looked at, so they may change from run to run;
// the method must stay, but for what method_of_run says.
size_t conv_packed_bytes(const ConvShape& shape);
void conv_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads);

// scratch: conv_scratch_bytes(shape, threads) bytes, aligned to 64; null if that is 0. Residual rows are
// output pixels. `out` must not overlap `in`. Writes only the out_channels of each output pixel.
size_t conv_scratch_bytes(const ConvShape& shape, int threads);
void conv(const ConvShape& shape, const void* packed, const float* in, float* out, const Epilogue& epilogue,
          void* scratch, int threads);

}  // namespace ow::kernels
