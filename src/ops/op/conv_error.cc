#include "ops/op/conv_error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "tensor/tensor.h"

namespace ow {
namespace {

using kernels::ConvMethod;
using kernels::ConvShape;

constexpr int64_t kTile = 6, kChannels = 8;  // outputs of a line of the image; output channels looked at
constexpr double kMostError = 2e-6;

// One tile of `shape` with the given number of output channels: no padding, taps next to each other.
ConvShape tile_of(const ConvShape& shape, int64_t channels) {
  ConvShape s = shape;
  s.batch = 1, s.out_channels = s.out_ld = channels, s.in_ld = s.in_channels;
  for (int axis = 0; axis < 3; ++axis) {
    s.out[axis] = axis == 0 ? 1 : kTile;
    s.dilation[axis] = 1, s.pad[axis] = 0;
    s.in[axis] = (s.out[axis] - 1) * s.stride[axis] + s.kernel[axis];
  }
  return s;
}

// The output of a channel where the window begins at (h0, w0).
double sum_at(const ConvShape& s, const float* in, const float* w, int64_t h0, int64_t w0) {
  double sum = 0;
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t d = tap / s.kernel[2] / s.kernel[1], h = h0 + tap / s.kernel[2] % s.kernel[1],
                  x = w0 + tap % s.kernel[2];
    const float* pixel = in + ((d * s.in[1] + h) * s.in[2] + x) * s.in_channels;
    for (int64_t c = 0; c < s.in_channels; ++c) sum += double{pixel[c]} * double{w[c * s.taps() + tap]};
  }
  return sum;
}

}  // namespace

Result<double> conv_error(const ConvShape& shape, const kernels::UnalignedFloat* w) {
  const ConvShape s = tile_of(shape, std::min(kChannels, shape.out_channels));
  const int64_t kernel = s.in_channels * s.taps();
  std::vector<float> weights(static_cast<size_t>(s.out_channels * kernel));
  for (int64_t o = 0; o < s.out_channels; ++o)
    std::memcpy(weights.data() + o * kernel, w + o * shape.out_channels / s.out_channels * kernel,
                static_cast<size_t>(kernel) * sizeof(float));
  std::vector<float> in(static_cast<size_t>(s.in_pixels() * s.in_channels)),
      out(static_cast<size_t>(s.out_pixels() * s.out_channels));
  std::mt19937 random(1);
  for (float& x : in) x = 0.875f + static_cast<float>(random() >> 8) * 0x1p-26f;
  const auto buffer = [](size_t bytes) {
    return allocate_buffer(static_cast<int64_t>(std::max<size_t>(bytes, 64)));
  };
  const Buffer packed = ONWARD_TRY(buffer(kernels::conv_packed_bytes(s))),
               scratch = ONWARD_TRY(buffer(kernels::conv_scratch_bytes(s, 1)));
  kernels::conv_pack(s, weights.data(), packed.get(), 1);
  kernels::conv(s, packed.get(), in.data(), out.data(), {}, scratch.get(), 1);
  double errors = 0, squares = 0;
  for (int64_t o = 0; o < s.out_channels; ++o)
    for (const auto& [h, x] : {std::pair{0, 0}, {1, 4}, {3, 2}, {5, 5}}) {
      const double want = sum_at(s, in.data(), weights.data() + o * kernel, h * s.stride[1], x * s.stride[2]);
      const double got = out[static_cast<size_t>((h * kTile + x) * s.out_channels + o)];
      errors += (got - want) * (got - want), squares += want * want;
    }
  return errors == 0 ? 0.0 : std::sqrt(errors / squares);
}

Result<ConvMethod> accurate_method(const ConvShape& shape, const kernels::UnalignedFloat* w) {
  const auto next = [](ConvMethod method) {
    switch (method) {
      case ConvMethod::kWinograd6:
        return ConvMethod::kWinograd4;
      case ConvMethod::kWinograd4:
        return ConvMethod::kWinograd2;
      case ConvMethod::kWinograd6AtUse:
        return ConvMethod::kWinograd4AtUse;
      case ConvMethod::kWinograd4AtUse:
        return ConvMethod::kWinograd2AtUse;
      default:
        return ConvMethod::kDirect;
    }
  };
  ConvShape s = shape;
  for (;; s.method = next(s.method)) {
    const bool winograd = s.method != ConvMethod::kDirect && s.method != ConvMethod::kDots;
    if (!winograd || ONWARD_TRY(conv_error(s, w)) <= kMostError) return s.method;
  }
}

}  // namespace ow
