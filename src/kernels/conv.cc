// Packed weights: header (64 bytes) | the layout of the method.
#include "kernels/conv.h"

#include <algorithm>
#include <optional>

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
bool by_depthwise(Isa isa, const ConvShape& s) {
  if constexpr (build::kDepthwiseKernels) return is_depthwise(s) || in_small_groups(isa, s);
  return false;
}

std::optional<WinogradForm> by_winograd(const ConvShape& s) {
  switch (s.method) {
    case ConvMethod::kWinograd2:
      return WinogradForm{2};
    case ConvMethod::kWinograd3:
      return WinogradForm{3};
    case ConvMethod::kWinograd4:
      return WinogradForm{4};
    case ConvMethod::kWinograd6:
      return WinogradForm{6};
    case ConvMethod::kWinograd2AtUse:
      return WinogradForm{2, true};
    case ConvMethod::kWinograd3AtUse:
      return WinogradForm{3, true};
    case ConvMethod::kWinograd4AtUse:
      return WinogradForm{4, true};
    case ConvMethod::kWinograd6AtUse:
      return WinogradForm{6, true};
    default:
      return std::nullopt;
  }
}

}  // namespace

// Costs in multiply-adds of a full register tile, fitted to measured times: what a tap, the transform of one
// element, a byte of weights beyond the second-level cache, the transform of one weight's kernel and the sum
// over the lanes of a dot product cost beside the products themselves; kMakeWeight: of a kernel that is
// transformed in the run, for each of its products. Not a time: what a byte of many packed weights is worth
// that stays in memory between runs.
ConvMethod quickest_method(const ConvShape& s, bool pack_too) {
  constexpr int64_t kMinChannels = 8, kTap = 150, kElement4 = 8, kElement6 = 16, kElement7 = 12,
                    kElement8 = 20, kByte = 3, kPack = 200, kMakeWeight = 5, kLaneSum = 180, kKeptByte = 10;
  constexpr int64_t kCachedBytes = 1 << 20, kFewBytes = 2 << 20, kUsualExtent = 32;
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
  const auto offer_winograd = [&](ConvMethod before, ConvMethod at_use, int m) {
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
    const int64_t per_tile = products * element * (planes * in + out);
    const double worth = n == 8 ? kWorthItsRounding : 1;
    const double pack = pack_too ? static_cast<double>(kPack * in * out) : 0;
    offer(before, worth * (pack + cost(tiles, products, weights, depth, per_tile)));
    const int64_t blocks = ceil_div(tiles, kWinogradTilesAtUse);
    const double make = static_cast<double>(kMakeWeight * weights * depth * out * blocks);
    offer(at_use, worth * (make + cost(tiles, products, s.kernel[1] * s.kernel[2], depth, per_tile)));
  };
  offer_winograd(ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse, 2);
  offer_winograd(ConvMethod::kWinograd3, ConvMethod::kWinograd3AtUse, 3);
  offer_winograd(ConvMethod::kWinograd4, ConvMethod::kWinograd4AtUse, 4);
  if (!pack_too) offer_winograd(ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse, 6);
  return method;
}

size_t conv_packed_bytes(const ConvShape& shape) {
  const Isa isa = best_isa();
  if (const auto form = by_winograd(shape))
    return 64 + 4 * static_cast<size_t>(winograd_packed_floats(isa, shape, *form));
  if (by_depthwise(isa, shape)) return 64 + 4 * static_cast<size_t>(depthwise_packed_floats(isa, shape));
  if (by_dots(shape)) return 64 + 4 * static_cast<size_t>(dots_packed_floats(shape));
  return 64 + 4 * direct_packed_floats(isa, shape);
}

void conv_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (const auto form = by_winograd(shape)) return winograd_pack(isa, shape, *form, w, data, threads);
  if (by_depthwise(isa, shape)) return depthwise_pack(isa, shape, w, data);
  if (by_dots(shape)) return dots_pack(shape, w, data);
  direct_pack(isa, shape, w, data, threads);
}

size_t conv_scratch_bytes(const ConvShape& shape, int threads) {
  if (const auto form = by_winograd(shape)) return winograd_scratch_bytes(best_isa(), shape, *form, threads);
  return direct_scratch_bytes(shape);
}

void conv(const ConvShape& shape, const void* packed, const float* in, float* out, const Epilogue& epilogue,
          void* scratch, int threads) {
  const Isa isa = packed_isa(packed);
  const float* data = packed_data(packed);
  if (const auto form = by_winograd(shape))
    return winograd_conv(isa, shape, *form, data, in, out, epilogue, scratch, threads);
  if (by_depthwise(isa, shape)) return depthwise_conv(isa, shape, data, in, out, epilogue, threads);
  const DirectConv direct(shape, data, in, scratch, threads);
  if (by_dots(shape)) return dots_conv(isa, direct.read(), data, direct.image(), out, epilogue, threads);
  run_gemm(isa, direct.problem(isa, out, epilogue), threads);
}

}  // namespace ow::kernels
