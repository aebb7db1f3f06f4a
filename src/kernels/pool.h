// Max, average and Lp pooling of channels-last images of one, two or three spatial axes.
//
// Window of output o along an axis: inputs o * stride - pad_begin + j * dilation, j in [0, kernel). Positions
// outside the input never win a maximum and add nothing to a sum. The output extent (floor or ceil_mode) is
// the caller's. Fewer axes: leading axes of extent 1.
#pragma once
#include <cstdint>

namespace ow::kernels {

// Spatial values are {d, h, w}; an image is [batch][d][h][w] pixels of ld elements, as in conv.h.
struct PoolShape {
  int64_t batch = 1, channels = 0;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t pad_begin[3] = {0, 0, 0}, pad_end[3] = {0, 0, 0};  // pad_end: only for count_include_pad
  int64_t in_ld = 0, out_ld = 0;                             // elements from pixel to pixel
};

// T: float, double, int8_t, uint8_t. NaN in a window gives NaN. A window outside the input gives the lowest
// value of T (-inf for floats).
template <class T>
void max_pool(const PoolShape& shape, const T* in, T* out, int threads);

// Also writes ONNX's Indices: the flat index of the (first) maximum in the [N][C][D][H][W] tensor, row-major,
// or with column_major (storage_order 1) with the spatial axes in reverse order. `indices` is channels-last
// with pixel stride indices_ld. Of NaNs the first counts; a window outside the input gives -1.
template <class T>
void max_pool_indices(const PoolShape& shape, const T* in, T* out, int64_t* indices, int64_t indices_ld,
                      bool column_major, int threads);

// T: float, double. Divides by the number of window positions inside the input, or with count_include_pad
// inside the input with its pads. A window without such positions gives 0.
template <class T>
void average_pool(const PoolShape& shape, bool count_include_pad, const T* in, T* out, int threads);

// T: float, double. (sum |x|^p)^(1/p) over the positions inside the input; p >= 1.
template <class T>
void lp_pool(const PoolShape& shape, int64_t p, const T* in, T* out, int threads);

// y[c] = the mean of x[i * stride + c] over all pixels i: sums of 64 pixels each, joined in double. pixels >
// 0.
void average_pixels(const float* x, int64_t pixels, int64_t stride, int64_t channels, float* y);

}  // namespace ow::kernels
