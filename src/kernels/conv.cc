// Packed weights: header (64 bytes) | the layout of the method.
#include "kernels/conv.h"

#include <algorithm>

#include "kernels/conv_direct.h"
#include "kernels/depthwise.h"
#include "kernels/dots.h"
#include "kernels/winograd.h"

namespace ow::kernels {
namespace {

bool by_dots(const ConvShape& s) { return s.method == ConvMethod::kDots; }

// The m of F(m x m, 3 x 3); 0: not by Winograd.
int winograd_tile(const ConvShape& s) {
  return s.method == ConvMethod::kWinograd4 ? 4 : s.method == ConvMethod::kWinograd2 ? 2 : 0;
}

}  // namespace

// Costs in multiply-adds of a full register tile, fitted to measured times: what a tap, the transform of one
// element, a byte of weights beyond the second-level cache, the transform of one weight's kernel and the sum
// over the lanes of a dot product cost beside the products themselves. Not a time: what a byte of many packed
// weights is worth that stays in memory between runs.
ConvMethod quickest_method(const ConvShape& s, bool pack_too) {
  constexpr int64_t kMinChannels = 8, kTap = 150, kElement2 = 8, kElement4 = 16, kByte = 3, kPack = 200,
                    kLaneSum = 180, kKeptByte = 10;
  constexpr int64_t kCachedBytes = 8 << 20, kFewBytes = 17 << 20, kUsualExtent = 32;
  if (s.groups != 1) return ConvMethod::kDirect;
  const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  ConvShape usual = s;
  for (int i = 1; i < 3; ++i)
    if (s.out[i] <= 0) usual.out[i] = kUsualExtent;
  const int64_t pixels = usual.out[1] * usual.out[2], in = up(s.in_channels, 16) * 16,
                out = up(s.out_channels, 16) * 16;
  const auto cost = [&](int64_t rows, int64_t products, int64_t depth, int64_t per_row) {
    const int64_t bytes = 4 * products * depth * out;
    const int64_t kept = pack_too ? 0 : std::max<int64_t>(0, bytes - kFewBytes);
    return static_cast<double>(rows) * static_cast<double>(products * depth * out + per_row) +
           static_cast<double>(kByte * std::max<int64_t>(0, bytes - kCachedBytes) + kKeptByte * kept);
  };
  const int64_t taps = s.taps();
  double least = cost(pixels, taps, in, taps * kTap * up(out, 32));
  ConvMethod method = ConvMethod::kDirect;
  const auto offer = [&](ConvMethod offered, double price) {
    if (price < least) least = price, method = offered;
  };
  if (dots_apply(s)) {
    const int64_t run = s.dilation[2] == 1 ? s.kernel[2] * s.in_channels : s.in_channels;
    const int64_t sum = taps * s.in_channels / run * up(run, 16) * 16;
    offer(ConvMethod::kDots, static_cast<double>(pixels * s.out_channels * (sum + kLaneSum)));
  }
  if (winograd_applies(s) && s.in_channels >= kMinChannels) {
    const auto tiles = [&](int m) { return winograd_tiles(usual, 1, m) * winograd_tiles(usual, 2, m); };
    const double pack = pack_too ? static_cast<double>(kPack * in * out) : 0;
    const int64_t depth = s.kernel[0] * in;
    offer(ConvMethod::kWinograd4, pack + cost(tiles(4), 36, depth, 36 * kElement4 * (depth + out)));
    offer(ConvMethod::kWinograd2, pack + cost(tiles(2), 16, depth, 16 * kElement2 * (depth + out)));
  }
  return method;
}

size_t conv_packed_bytes(const ConvShape& shape) {
  const Isa isa = best_isa();
  if (const int m = winograd_tile(shape))
    return 64 + 4 * static_cast<size_t>(winograd_packed_floats(isa, shape, m));
  if (is_depthwise(shape)) return 64 + 4 * static_cast<size_t>(depthwise_packed_floats(shape));
  if (by_dots(shape)) return 64 + 4 * static_cast<size_t>(dots_packed_floats(shape));
  return 64 + 4 * direct_packed_floats(isa, shape);
}

void conv_pack(const ConvShape& shape, const float* w, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (const int m = winograd_tile(shape)) return winograd_pack(isa, shape, m, w, data, threads);
  if (is_depthwise(shape)) return depthwise_pack(shape, w, data);
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
  if (is_depthwise(shape)) return depthwise_conv(isa, shape, data, in, out, epilogue, threads);
  const DirectConv direct(shape, data, in, scratch, threads);
  if (by_dots(shape)) return dots_conv(isa, direct.read(), data, direct.image(), out, epilogue, threads);
  run_gemm(isa, direct.problem(isa, out, epilogue), threads);
}

}  // namespace ow::kernels
