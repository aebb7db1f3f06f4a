// Packed weights: header (64 bytes) | the zeros that a tap in the padding reads | per group
// the panels of its [taps * in_channels / groups][out_channels / groups] matrix. Depthwise: header | its own
// layout. Winograd: header | its own layout.
#include "kernels/conv.h"

#include <algorithm>

#include "base/thread_pool.h"
#include "kernels/depthwise.h"
#include "kernels/dots.h"
#include "kernels/gemm_core.h"
#include "kernels/winograd.h"

namespace ow::kernels {
namespace {

// Few channels make short taps. Then a whole row of the kernel is one tap: its pixels lie side by side in a
// copy of the image that has the padding along w in it. The packed weights are in that order anyway. Dot
// products like long taps whatever the channels.
bool joins_rows(const ConvShape& s) {
  constexpr int64_t kFewChannels = 8;
  return s.groups == 1 && s.in_channels > 0 && s.kernel[2] > 1 && s.dilation[2] == 1 &&
         (s.method == ConvMethod::kDots ||
          (s.method == ConvMethod::kDirect && s.in_channels <= kFewChannels));
}
int64_t tap_floats(const ConvShape& s) { return joins_rows(s) ? s.kernel[2] * s.in_channels : s.in_channels; }
// Pixels of a row of that copy.
int64_t row_pixels(const ConvShape& s) { return (s.out[2] - 1) * s.stride[2] + s.kernel[2]; }

// Not where a wide padding would make that copy far larger than the image.
bool runs_joined(const ConvShape& s) { return joins_rows(s) && row_pixels(s) <= s.in[2] + 64; }

int64_t zero_floats(const ConvShape& s) { return (tap_floats(s) + 15) / 16 * 16; }

int64_t group_floats(const GemmTable& table, const ConvShape& s) {
  return panel_floats(table, s.taps() * (s.in_channels / s.groups), s.out_channels / s.groups);
}

// Walks output pixels, and finds the input pixel of each under one tap.
struct ConvRows {
  const ConvShape& s;
  const float* in;
  const float* zeros;
};

void conv_a_rows(const void* context, int64_t first, int count, int64_t tap, int64_t taps,
                 const float** out) {
  const auto& rows = *static_cast<const ConvRows*>(context);
  const ConvShape& s = rows.s;
  // Where the first tap of each output pixel reads: along each axis, and in floats from the image's start.
  int64_t at[3][kRowStep], start[kRowStep];
  int64_t w = first % s.out[2], line = first / s.out[2];
  bool inside = true;
  for (int i = 0; i < count; w = 0, ++line) {
    const int64_t h = line % s.out[1] * s.stride[1] - s.pad[1];
    const int64_t plane = line / s.out[1], d = plane % s.out[0] * s.stride[0] - s.pad[0];
    const int64_t row = ((plane / s.out[0] * s.in[0] + d) * s.in[1] + h) * s.in[2];
    inside = inside && s.reaches_inside(0, d) && s.reaches_inside(1, h);
    for (; i < count && w < s.out[2]; ++i, ++w) {
      at[0][i] = d, at[1][i] = h, at[2][i] = w * s.stride[2] - s.pad[2];
      start[i] = (row + at[2][i]) * s.in_ld;
      inside = inside && s.reaches_inside(2, at[2][i]);
    }
  }
  int64_t index[3] = {tap / s.kernel[2] / s.kernel[1], tap / s.kernel[2] % s.kernel[1], tap % s.kernel[2]};
  for (int64_t t = 0; t < taps; ++t, out += kRowStep) {
    const int64_t d = index[0] * s.dilation[0], h = index[1] * s.dilation[1], x = index[2] * s.dilation[2];
    const int64_t from = ((d * s.in[1] + h) * s.in[2] + x) * s.in_ld;
    const auto exists = [&](int i) {
      return static_cast<uint64_t>(at[0][i] + d) < static_cast<uint64_t>(s.in[0]) &&
             static_cast<uint64_t>(at[1][i] + h) < static_cast<uint64_t>(s.in[1]) &&
             static_cast<uint64_t>(at[2][i] + x) < static_cast<uint64_t>(s.in[2]);
    };
    for (int i = 0; i < count; ++i) out[i] = inside || exists(i) ? rows.in + (start[i] + from) : rows.zeros;
    if (++index[2] < s.kernel[2]) continue;
    index[2] = 0;
    if (++index[1] < s.kernel[1]) continue;
    index[1] = 0, ++index[0];
  }
}

// The convolution of that copy: no padding along w, and a kernel one tap wide there.
ConvShape joined_shape(const ConvShape& s) {
  ConvShape joined = s;
  joined.in[2] = row_pixels(s), joined.in_ld = s.in_channels, joined.pad[2] = 0, joined.kernel[2] = 1;
  joined.in_channels = tap_floats(s);
  return joined;
}

void copy_padded(const ConvShape& s, const float* in, float* to, int threads) {
  const int64_t pixels = row_pixels(s), channels = s.in_channels;
  parallel_for(s.batch * s.in[0] * s.in[1], 1 + 16384 / (pixels * channels), threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   const float* from = in + row * s.in[2] * s.in_ld;
                   float* out = to + row * pixels * channels;
                   const int64_t before = std::clamp<int64_t>(s.pad[2], 0, pixels),
                                 skipped = std::max<int64_t>(0, -s.pad[2]);
                   const int64_t inside = std::clamp<int64_t>(s.in[2] - skipped, 0, pixels - before);
                   std::fill(out, out + before * channels, 0.0f);
                   out += before * channels;
                   from += skipped * s.in_ld;
                   if (s.in_ld == channels) {
                     std::copy(from, from + inside * channels, out);
                   } else {
                     for (int64_t x = 0; x < inside; ++x)
                       std::copy(from + x * s.in_ld, from + x * s.in_ld + channels, out + x * channels);
                   }
                   std::fill(out + inside * channels, out + (pixels - before) * channels, 0.0f);
                 }
               });
}

// Output pixel i reads input pixel i alone.
void pointwise_a_rows(const void* context, int64_t first, int count, int64_t, int64_t, const float** out) {
  const auto& rows = *static_cast<const ConvRows*>(context);
  for (int i = 0; i < count; ++i) out[i] = rows.in + (first + i) * rows.s.in_ld;
}

bool is_pointwise(const ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    if (s.kernel[i] != 1 || s.stride[i] != 1 || s.pad[i] != 0 || s.in[i] != s.out[i]) return false;
  return true;
}

bool by_dots(const ConvShape& s) { return s.method == ConvMethod::kDots; }

// The m of F(m x m, 3 x 3); 0: not by Winograd.
int winograd_tile(const ConvShape& s) {
  return s.method == ConvMethod::kWinograd4 ? 4 : s.method == ConvMethod::kWinograd2 ? 2 : 0;
}

}  // namespace

// Costs in multiply-adds of a full register tile, fitted to measured times: what a tap, the transform of one
// element, a byte of weights beyond the second-level cache, the transform of one weight's kernel and the sum
// over the lanes of a dot product cost beside the products themselves.
ConvMethod quickest_method(const ConvShape& s, bool pack_too) {
  constexpr int64_t kMinChannels = 8, kTap = 150, kElement2 = 8, kElement4 = 16, kByte = 3, kPack = 200,
                    kLaneSum = 180;
  constexpr int64_t kCachedBytes = 8 << 20, kUsualExtent = 32;
  if (s.groups != 1) return ConvMethod::kDirect;
  const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  ConvShape usual = s;
  for (int i = 1; i < 3; ++i)
    if (s.out[i] <= 0) usual.out[i] = kUsualExtent;
  const int64_t pixels = usual.out[1] * usual.out[2], in = up(s.in_channels, 16) * 16,
                out = up(s.out_channels, 16) * 16;
  const auto cost = [&](int64_t rows, int64_t products, int64_t depth, int64_t per_row) {
    const int64_t bytes = 4 * products * depth * out;
    return static_cast<double>(rows) * static_cast<double>(products * depth * out + per_row) +
           static_cast<double>(kByte * std::max<int64_t>(0, bytes - kCachedBytes));
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
  if (const int m = winograd_tile(shape))
    return 64 + 4 * static_cast<size_t>(winograd_packed_floats(best_isa(), shape, m));
  if (is_depthwise(shape)) return 64 + 4 * static_cast<size_t>(depthwise_packed_floats(shape));
  if (by_dots(shape)) return 64 + 4 * static_cast<size_t>(dots_packed_floats(shape));
  const GemmTable& table = gemm_table(best_isa());
  return 64 + 4 * static_cast<size_t>(zero_floats(shape) + shape.groups * group_floats(table, shape));
}

void conv_pack(const ConvShape& shape, const float* w, void* packed, int threads) {
  const Isa isa = best_isa();
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (const int m = winograd_tile(shape)) return winograd_pack(isa, shape, m, w, data, threads);
  if (is_depthwise(shape)) return depthwise_pack(shape, w, data);
  if (by_dots(shape)) return dots_pack(shape, w, data);
  for (int64_t i = 0; i < zero_floats(shape); ++i) *data++ = 0;
  const GemmTable& table = gemm_table(isa);
  const int64_t taps = shape.taps(), k = shape.in_channels / shape.groups,
                n = shape.out_channels / shape.groups;
  for (int64_t g = 0; g < shape.groups; ++g, data += group_floats(table, shape)) {
    const BSource source = {.b = w + g * n * k * taps,
                            .taps = taps,
                            .k = k,
                            .n = n,
                            .stride_tap = 1,
                            .stride_k = taps,
                            .stride_n = k * taps};
    pack_panels(table, source, nullptr, data, threads);
  }
}

size_t conv_scratch_bytes(const ConvShape& shape, int threads) {
  if (const int m = winograd_tile(shape)) return winograd_scratch_bytes(best_isa(), shape, m, threads);
  if (!runs_joined(shape)) return 0;
  return 4 *
         static_cast<size_t>(shape.batch * shape.in[0] * shape.in[1] * row_pixels(shape) * shape.in_channels);
}

void conv(const ConvShape& shape, const void* packed, const float* in, float* out, const Epilogue& epilogue,
          void* scratch, int threads) {
  const Isa isa = packed_isa(packed);
  const float* data = packed_data(packed);
  if (const int m = winograd_tile(shape))
    return winograd_conv(isa, shape, m, data, in, out, epilogue, scratch, threads);
  if (is_depthwise(shape)) return depthwise_conv(isa, shape, data, in, out, epilogue, threads);
  const bool joined = runs_joined(shape);
  if (joined) copy_padded(shape, in, static_cast<float*>(scratch), threads);
  const ConvShape read = joined ? joined_shape(shape) : shape;
  const float* image = joined ? static_cast<const float*>(scratch) : in;
  if (by_dots(shape)) return dots_conv(isa, read, data, image, out, epilogue, threads);
  const ConvRows rows{read, image, data};
  const GemmProblem problem = {.m = shape.batch * shape.out_pixels(),
                               .n = shape.out_channels / shape.groups,
                               .k = read.in_channels / shape.groups,
                               .taps = read.taps(),
                               .rows = {is_pointwise(read) ? pointwise_a_rows : conv_a_rows, nullptr, &rows},
                               .panels = data + zero_floats(shape),
                               .c = out,
                               .ldc = shape.out_ld,
                               .epilogue = epilogue,
                               .groups = shape.groups,
                               .group_panel_floats = group_floats(gemm_table(isa), shape),
                               .zeros = data};
  run_gemm(isa, problem, threads);
}

}  // namespace ow::kernels
