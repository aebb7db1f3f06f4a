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

// Costs in multiply-adds of a full register tile, fitted to measured times: what a tap, the transform of one
// element, a byte of weights beyond the second-level cache, the transform of one weight's kernel and the sum
// over the lanes of a dot product cost beside the products themselves; kMakeWeight: of a kernel that is
// transformed in the run, for each of its products. Not a time: what a byte of many packed weights is worth
// that stays in memory between runs.
class Costs {
 public:
  // pack_too: the weights are packed in each run.
  Costs(const ConvShape& s, bool pack_too) : s_(s), pack_too_(pack_too) {}

  // taps: those that are not all in the padding.
  double direct(int64_t taps) const {
    return cost(s_.out[1] * s_.out[2], taps, taps, in_, taps * kTap * ceil_div(out_, 32));
  }
  double dots() const {
    const int64_t run = s_.dilation[2] == 1 ? s_.kernel[2] * s_.in_channels : s_.in_channels;
    const int64_t sum = s_.taps() * s_.in_channels / run * ceil_div(run, 16) * 16;
    return static_cast<double>(s_.out[1] * s_.out[2] * s_.out_channels * (sum + kLaneSum));
  }
  double winograd(WinogradForm form) const {
    const WinogradLine line = winograd_line(s_, form.m);
    const int64_t n = line.products, tiles = winograd_tiles(s_, 1, form.m) * winograd_tiles(s_, 2, form.m),
                  depth = ceil_div(s_.kernel[0] * s_.in_channels, 16) * 16, products = n * n,
                  weights = line.weights * line.weights,
                  element = n == 4   ? kElement4
                            : n == 6 ? kElement6
                            : n == 7 ? kElement7
                                     : kElement8;
    const int64_t planes = s_.dilation[0] == 1 ? 1 : s_.kernel[0];  // transformed for each output plane
    const int64_t per_tile = products * element * (planes * in_ + out_);
    const double worth = n == 8 ? kWorthItsRounding : 1;
    if (!form.at_use) {
      const double pack = pack_too_ ? static_cast<double>(kPack * in_ * out_) : 0;
      return worth * (pack + cost(tiles, products, weights, depth, per_tile));
    }
    const int64_t blocks = ceil_div(tiles, kWinogradTilesAtUse);
    const double make = static_cast<double>(kMakeWeight * weights * depth * out_ * blocks);
    return worth * (make + cost(tiles, products, s_.kernel[1] * s_.kernel[2], depth, per_tile));
  }

 private:
  static constexpr int64_t kTap = 150, kElement4 = 8, kElement6 = 16, kElement7 = 12, kElement8 = 20,
                           kByte = 3, kPack = 200, kMakeWeight = 5, kLaneSum = 180, kKeptByte = 10;
  static constexpr int64_t kCachedBytes = 1 << 20, kFewBytes = 2 << 20;
  static constexpr double kWorthItsRounding = 1.08;  // what 8 points must be quicker by

  double cost(int64_t rows, int64_t products, int64_t weights, int64_t depth, int64_t per_row) const {
    const int64_t bytes = 4 * weights * depth * out_;
    const int64_t kept = pack_too_ ? 0 : std::max<int64_t>(0, bytes - kFewBytes);
    return static_cast<double>(rows) * static_cast<double>(products * depth * out_ + per_row) +
           static_cast<double>(kByte * std::max<int64_t>(0, bytes - kCachedBytes) + kKeptByte * kept);
  }

  const ConvShape& s_;
  const bool pack_too_;
  const int64_t in_ = ceil_div(s_.in_channels, 16) * 16, out_ = ceil_div(s_.out_channels, 16) * 16;
};

// Taps along an axis that read the image for any output.
int64_t taps_inside(const ConvShape& s, int axis) {
  int64_t taps = 0;
  for (int64_t k = 0; k < s.kernel[axis]; ++k) {
    const int64_t first = k * s.dilation[axis] - s.pad[axis],
                  last = first + (s.out[axis] - 1) * s.stride[axis];
    taps += first < s.in[axis] && last >= 0;
  }
  return taps;
}

ConvShape as_direct(ConvShape s) {
  s.method = ConvMethod::kDirect;
  return s;
}

}  // namespace

ConvMethod quickest_method(const ConvShape& s, bool pack_too) {
  constexpr int64_t kMinChannels = 8, kUsualExtent = 32;
  if (s.groups != 1) return ConvMethod::kDirect;
  ConvShape usual = s;
  bool guessed = false;  // what a phase of the dilation has of pixels, which may be less than a tile
  for (int i = 1; i < 3; ++i)
    if (s.out[i] <= 0) {
      usual.out[i] = kUsualExtent;
      guessed = guessed || s.dilation[i] > 1;
    }
  const Costs costs(usual, pack_too);
  double least = costs.direct(s.taps());
  ConvMethod method = ConvMethod::kDirect;
  const auto offer = [&](ConvMethod offered, double price) {
    if (price < least) least = price, method = offered;
  };
  if (dots_apply(s)) offer(ConvMethod::kDots, costs.dots());
  const auto offer_winograd = [&](ConvMethod before, ConvMethod at_use, int m) {
    if (!winograd_applies(s, m) || s.in_channels < kMinChannels) return;
    if (!guessed) offer(before, costs.winograd({m}));  // the other may change to kDirect
    offer(at_use, costs.winograd({m, true}));
  };
  offer_winograd(ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse, 2);
  offer_winograd(ConvMethod::kWinograd3, ConvMethod::kWinograd3AtUse, 3);
  offer_winograd(ConvMethod::kWinograd4, ConvMethod::kWinograd4AtUse, 4);
  if (!pack_too) offer_winograd(ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse, 6);
  return method;
}

ConvMethod method_of_run(const ConvShape& s) {
  const auto form = by_winograd(s);
  if (!form || !form->at_use) return s.method;
  const Costs costs(s, false);
  const int64_t taps = taps_inside(s, 0) * taps_inside(s, 1) * taps_inside(s, 2);
  return costs.direct(taps) < costs.winograd(*form) ? ConvMethod::kDirect : s.method;
}

size_t conv_packed_bytes(const ConvShape& shape) {
  const Isa isa = best_isa();
  if (const auto form = by_winograd(shape); form && !form->at_use)
    return 64 + 4 * static_cast<size_t>(winograd_packed_floats(isa, shape, *form));
  if (by_depthwise(isa, shape)) return 64 + 4 * static_cast<size_t>(depthwise_packed_floats(isa, shape));
  if (by_dots(shape)) return 64 + 4 * static_cast<size_t>(dots_packed_floats(shape));
  return 64 + 4 * direct_packed_floats(isa, by_winograd(shape) ? as_direct(shape) : shape);
}

void conv_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (const auto form = by_winograd(shape); form && !form->at_use)
    return winograd_pack(isa, shape, *form, w, data, threads);
  if (by_depthwise(isa, shape)) return depthwise_pack(isa, shape, w, data);
  if (by_dots(shape)) return dots_pack(shape, w, data);
  direct_pack(isa, by_winograd(shape) ? as_direct(shape) : shape, w, data, threads);
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
