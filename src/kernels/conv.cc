// Packed weights: header (64 bytes) | the layout of the method.
#include "kernels/conv.h"

#include <algorithm>

#include "build_parts.h"
#include "kernels/ceil_div.h"
#include "kernels/conv_direct.h"
#include "kernels/depthwise.h"
#include "kernels/dots.h"
#include "kernels/winograd.h"

namespace ow::kernels {
namespace {

bool by_dots(const ConvShape& s) { return s.method == ConvMethod::kDots; }

// Whether the kernels for depthwise convolutions take it; a build for some operators may lack them.
bool by_depthwise(const ConvShape& s) {
  if constexpr (build::kDepthwiseKernels) return is_depthwise(s);
  return false;
}

// The m of F(m x m); 0: not by Winograd.
int winograd_tile(const ConvShape& s) {
  switch (s.method) {
    case ConvMethod::kWinograd2:
      return 2;
    case ConvMethod::kWinograd3:
      return 3;
    case ConvMethod::kWinograd4:
      return 4;
    case ConvMethod::kWinograd6:
      return 6;
    default:
      return 0;
  }
}

}  // namespace

// Costs in multiply-adds of a full register tile, fitted to measured times: what a tap, the transform of one
// element, a byte of weights beyond the second-level cache, the transform of one weight's kernel and the sum
// over the lanes of a dot product cost beside the products themselves. Not a time: what a byte of many packed
// weights is worth that stays in memory between runs.
ConvMethod quickest_method(const ConvShape& s, bool pack_too) {
  constexpr int64_t kMinChannels = 8, kTap = 150, kElement4 = 8, kElement6 = 16, kElement7 = 12,
                    kElement8 = 20, kByte = 3, kPack = 200, kLaneSum = 180, kKeptByte = 10;
  constexpr int64_t kCachedBytes = 8 << 20, kFewBytes = 8 << 20, kUsualExtent = 32;
  constexpr double kWorthItsRounding = 1.08;  // what 8 points must be quicker by
  if (s.groups != 1) return ConvMethod::kDirect;
  ConvShape usual = s;
  for (int i = 1; i < 3; ++i)
    if (s.out[i] <= 0) usual.out[i] = kUsualExtent;
  const int64_t pixels = usual.out[1] * usual.out[2], in = ceil_div(s.in_channels, 16) * 16,
                out = ceil_div(s.out_channels, 16) * 16;
  const auto cost = [&](int64_t rows, int64_t products, int64_t weights, int64_t depth, int64_t per_row) {
    const int64_t bytes = 4 * weights * depth * out;
    const int64_t kept = pack_too ? 0 : std::max<int64_t>(0, bytes - kFewBytes);
    return static_cast<double>(rows) * static_cast<double>(products * depth * out + per_row) +
           static_cast<double>(kByte * std::max<int64_t>(0, bytes - kCachedBytes) + kKeptByte * kept);
  };
  const int64_t taps = s.taps();
  double least = cost(pixels, taps, taps, in, taps * kTap * ceil_div(out, 32));
  ConvMethod method = ConvMethod::kDirect;
  const auto offer = [&](ConvMethod offered, double price) {
    if (price < least) least = price, method = offered;
  };
  if (dots_apply(s)) {
    const int64_t run = s.dilation[2] == 1 ? s.kernel[2] * s.in_channels : s.in_channels;
    const int64_t sum = taps * s.in_channels / run * ceil_div(run, 16) * 16;
    offer(ConvMethod::kDots, static_cast<double>(pixels * s.out_channels * (sum + kLaneSum)));
  }
  const auto offer_winograd = [&](ConvMethod offered, int m) {
    if (!winograd_applies(s, m) || s.in_channels < kMinChannels) return;
    const WinogradLine line = winograd_line(s, m);
    const int64_t n = line.products, tiles = winograd_tiles(usual, 1, m) * winograd_tiles(usual, 2, m),
                  depth = ceil_div(s.kernel[0] * s.in_channels, 16) * 16, products = n * n,
                  weights = line.weights * line.weights,
                  element = n == 4   ? kElement4
                            : n == 6 ? kElement6
                            : n == 7 ? kElement7
                                     : kElement8;
    const int64_t planes = s.dilation[0] == 1 ? 1 : s.kernel[0];  // transformed for each output plane
    const double pack = pack_too ? static_cast<double>(kPack * in * out) : 0;
    const double price =
        pack + cost(tiles, products, weights, depth, products * element * (planes * in + out));
    offer(offered, n == 8 ? price * kWorthItsRounding : price);
  };
  offer_winograd(ConvMethod::kWinograd2, 2);
  offer_winograd(ConvMethod::kWinograd3, 3);
  offer_winograd(ConvMethod::kWinograd4, 4);
  if (!pack_too) offer_winograd(ConvMethod::kWinograd6, 6);
  return method;
}

size_t conv_packed_bytes(const ConvShape& shape) {
  const Isa isa = best_isa();
  if (const int m = winograd_tile(shape))
    return 64 + 4 * static_cast<size_t>(winograd_packed_floats(isa, shape, m));
  if (by_depthwise(shape)) return 64 + 4 * static_cast<size_t>(depthwise_packed_floats(shape));
  if (by_dots(shape)) return 64 + 4 * static_cast<size_t>(dots_packed_floats(shape));
  return 64 + 4 * direct_packed_floats(isa, shape);
}

void conv_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (const int m = winograd_tile(shape)) return winograd_pack(isa, shape, m, w, data, threads);
  if (by_depthwise(shape)) return depthwise_pack(shape, w, data);
  if (by_dots(shape)) return dots_pack(shape, w, data);
  direct_pack(isa, shape, w, data, threads);
}

size_t conv_scratch_bytes(const ConvShape& shape, int threads) {
  if (const int m = winograd_tile(shape)) return winograd_scratch_bytes(best_isa(), shape, m, threads);
  return direct_scratch_bytes(shape);
}

void conv(const ConvShape& shape, const void* packed, const float* in, float* out, const Epilogue& epilogue,
          void* scratch, int threads) {
  const Isa isa = packed_isa(packed);
  const float* data = packed_data(packed);
  if (const int m = winograd_tile(shape))
    return winograd_conv(isa, shape, m, data, in, out, epilogue, scratch, threads);
  if (by_depthwise(shape)) return depthwise_conv(isa, shape, data, in, out, epilogue, threads);
  const DirectConv direct(shape, data, in, scratch, threads);
  if (by_dots(shape)) return dots_conv(isa, direct.read(), data, direct.image(), out, epilogue, threads);
  run_gemm(isa, direct.problem(isa, out, epilogue), threads);
}

}  // namespace ow::kernels
