#include "kernels/conv_direct.h"

#include <algorithm>

#include "base/thread_pool.h"

namespace ow::kernels {
namespace {

// Few channels make short taps. Then a whole row of the kernel is one tap: its pixels lie side by side, in
// the image or in a copy of it that has the padding along w in it. The packed weights are in that order
// anyway. Dot products like long taps whatever the channels.
bool joins_rows(const ConvShape& s) {
  constexpr int64_t kFewChannels = 8;
  return s.groups == 1 && s.in_channels > 0 && s.kernel[2] > 1 && s.dilation[2] == 1 &&
         (s.method == ConvMethod::kDots ||
          (s.method == ConvMethod::kDirect && s.in_channels <= kFewChannels));
}
int64_t tap_floats(const ConvShape& s) { return joins_rows(s) ? s.kernel[2] * s.in_channels : s.in_channels; }
// Pixels that the taps of a row of outputs read.
int64_t row_pixels(const ConvShape& s) { return (s.out[2] - 1) * s.stride[2] + s.kernel[2]; }

// Not where a wide padding would make that copy far larger than the image.
bool runs_joined(const ConvShape& s) { return joins_rows(s) && row_pixels(s) <= s.in[2] + 64; }
// Whether the image itself has its rows so.
bool joined_already(const ConvShape& s) {
  return s.pad[2] == 0 && s.in_ld == s.in_channels && row_pixels(s) <= s.in[2];
}
bool needs_copy(const ConvShape& s) { return runs_joined(s) && !joined_already(s); }

int64_t zero_floats(const ConvShape& s) { return (tap_floats(s) + 15) / 16 * 16; }

int64_t group_floats(const GemmTable& table, const ConvShape& s) {
  return panel_floats(table, s.taps() * (s.in_channels / s.groups), s.out_channels / s.groups);
}

// Of small numbers, most often below b: a division takes as long as many multiplications.
struct Quotient {
  int64_t whole, rest;
  Quotient(int64_t a, int64_t b) : whole(0), rest(a) {
    if (a >= b) whole = a / b, rest = a % b;
  }
};

// Calls line(i, n, at, first) for the runs of output pixels that lie side by side: n of them from the i-th
// on. at: where the first one's first tap reads along each axis; first: and in pixels from the image's start.
template <class F>
inline void for_each_line(const ConvShape& s, int64_t pixel, int count, F line) {
  const Quotient width(pixel, s.out[2]);
  int64_t w = width.rest, number = width.whole;
  for (int64_t i = 0; i < count; w = 0, ++number) {
    const int64_t n = std::min(count - i, s.out[2] - w);
    const Quotient height(number, s.out[1]), plane(height.whole, s.out[0]);
    const int64_t at[3] = {plane.rest * s.stride[0] - s.pad[0], height.rest * s.stride[1] - s.pad[1],
                           w * s.stride[2] - s.pad[2]};
    line(i, n, at, ((plane.whole * s.in[0] + at[0]) * s.in[1] + at[1]) * s.in[2] + at[2]);
    i += n;
  }
}

void conv_a_rows(const void* context, int64_t first, int count, int64_t tap, int64_t taps,
                 const float** out) {
  const auto& conv = *static_cast<const DirectConv*>(context);
  const ConvShape& s = conv.read();
  int64_t start[kRowStep];
  bool inside = true;
  for_each_line(s, first, count, [&](int64_t i, int64_t n, const int64_t* at, int64_t pixel) {
    const int64_t step = s.stride[2] * s.in_ld;
    for (int64_t j = 0; j < n; ++j) start[i + j] = pixel * s.in_ld + j * step;
    inside = inside && s.reaches_inside(0, at[0]) && s.reaches_inside(1, at[1]) &&
             s.reaches_inside(2, at[2]) && s.reaches_inside(2, at[2] + (n - 1) * s.stride[2]);
  });
  int64_t at[3][kRowStep];
  if (!inside)
    for_each_line(s, first, count, [&](int64_t i, int64_t n, const int64_t* from, int64_t) {
      for (int64_t j = 0; j < n; ++j)
        at[0][i + j] = from[0], at[1][i + j] = from[1], at[2][i + j] = from[2] + j * s.stride[2];
    });
  const Quotient column(tap, s.kernel[2]), rows(column.whole, s.kernel[1]);
  int64_t index[3] = {rows.whole, rows.rest, column.rest};
  for (int64_t t = 0; t < taps; ++t, out += kRowStep) {
    const int64_t d = index[0] * s.dilation[0], h = index[1] * s.dilation[1], x = index[2] * s.dilation[2];
    const int64_t from = ((d * s.in[1] + h) * s.in[2] + x) * s.in_ld;
    const auto exists = [&](int i) {
      return static_cast<uint64_t>(at[0][i] + d) < static_cast<uint64_t>(s.in[0]) &&
             static_cast<uint64_t>(at[1][i] + h) < static_cast<uint64_t>(s.in[1]) &&
             static_cast<uint64_t>(at[2][i] + x) < static_cast<uint64_t>(s.in[2]);
    };
    const float* const image = conv.image() + from;
    if (inside)
      for (int i = 0; i < count; ++i) out[i] = image + start[i];
    else
      for (int i = 0; i < count; ++i) out[i] = exists(i) ? image + start[i] : conv.zeros();
    if (++index[2] < s.kernel[2]) continue;
    index[2] = 0;
    if (++index[1] < s.kernel[1]) continue;
    index[1] = 0, ++index[0];
  }
}

// The convolution of joined rows: no padding along w, and a kernel one tap wide there.
ConvShape joined_shape(const ConvShape& s) {
  ConvShape joined = s;
  if (!joined_already(s)) joined.in[2] = row_pixels(s);
  joined.in_ld = s.in_channels, joined.pad[2] = 0, joined.kernel[2] = 1;
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
  const auto& conv = *static_cast<const DirectConv*>(context);
  for (int i = 0; i < count; ++i) out[i] = conv.image() + (first + i) * conv.read().in_ld;
}

bool is_pointwise(const ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    if (s.kernel[i] != 1 || s.stride[i] != 1 || s.pad[i] != 0 || s.in[i] != s.out[i]) return false;
  return true;
}

}  // namespace

int64_t direct_zero_floats(const ConvShape& shape) {
  ConvShape s = shape;
  s.method = ConvMethod::kDirect;
  return zero_floats(s);
}

size_t direct_packed_floats(Isa isa, const ConvShape& s) {
  return static_cast<size_t>(zero_floats(s) + s.groups * group_floats(gemm_table(isa), s));
}

void direct_pack(Isa isa, const ConvShape& shape, const UnalignedFloat* w, float* packed, int threads) {
  for (int64_t i = 0; i < zero_floats(shape); ++i) *packed++ = 0;
  const GemmTable& table = gemm_table(isa);
  const int64_t taps = shape.taps(), k = shape.in_channels / shape.groups,
                n = shape.out_channels / shape.groups;
  for (int64_t g = 0; g < shape.groups; ++g, packed += group_floats(table, shape)) {
    const BSource source = {.b = w + g * n * k * taps,
                            .taps = taps,
                            .k = k,
                            .n = n,
                            .stride_tap = 1,
                            .stride_k = taps,
                            .stride_n = k * taps};
    pack_panels(table, source, nullptr, packed, threads);
  }
}

size_t direct_scratch_bytes(const ConvShape& shape) {
  if (!needs_copy(shape)) return 0;
  return 4 *
         static_cast<size_t>(shape.batch * shape.in[0] * shape.in[1] * row_pixels(shape) * shape.in_channels);
}

DirectConv::DirectConv(const ConvShape& shape, const float* packed, const float* in, void* scratch,
                       int threads)
    : shape_(shape), read_(shape), packed_(packed), image_(in) {
  if (runs_joined(shape)) read_ = joined_shape(shape);
  if (!needs_copy(shape)) return;
  copy_padded(shape, in, static_cast<float*>(scratch), threads);
  image_ = static_cast<const float*>(scratch);
}

GemmProblem DirectConv::problem(Isa isa, float* out, const Epilogue& epilogue) const {
  return {.m = shape_.batch * shape_.out_pixels(),
          .n = shape_.out_channels / shape_.groups,
          .k = read_.in_channels / shape_.groups,
          .taps = read_.taps(),
          .rows = {is_pointwise(read_) ? pointwise_a_rows : conv_a_rows, nullptr, this},
          .panels = packed_ + zero_floats(shape_),
          .c = out,
          .ldc = shape_.out_ld,
          .epilogue = epilogue,
          .groups = shape_.groups,
          .group_panel_floats = group_floats(gemm_table(isa), shape_),
          .zeros = packed_,
          .in_double = shape_.method == ConvMethod::kInDouble};
}

}  // namespace ow::kernels
