#include "ops/op/statistics.h"

#include <array>
#include <cmath>

#include "kernels/compensated_sum.h"
#include "kernels/normalize.h"

namespace ow {
namespace {

constexpr int64_t kBlock = 64;  // channels that are summed side by side where they are neighbours

template <class T>
void moments_of(const T* x, const Planes& p, int64_t channels, Moments* out) {
  std::array<kernels::CompensatedSum, kBlock> sum, square;
  for (int64_t i = 0; i < p.pixels; ++i)
    for (int64_t ch = 0; ch < channels; ++ch)
      sum[static_cast<size_t>(ch)] += static_cast<double>(x[i * p.pixel_stride + ch * p.channel_stride]);
  const double n = static_cast<double>(p.pixels);
  std::array<double, kBlock> mean;
  for (size_t ch = 0; ch < kBlock; ++ch) mean[ch] = static_cast<double>(sum[ch]) / n;
  for (int64_t i = 0; i < p.pixels; ++i)
    for (int64_t ch = 0; ch < channels; ++ch) {
      const double d =
          static_cast<double>(x[i * p.pixel_stride + ch * p.channel_stride]) - mean[static_cast<size_t>(ch)];
      square[static_cast<size_t>(ch)] += d * d;
    }
  for (int64_t ch = 0; ch < channels; ++ch)
    out[ch] = {mean[static_cast<size_t>(ch)], static_cast<double>(square[static_cast<size_t>(ch)]) / n};
}

// Channels that are last in memory. Segments of pixels are measured apart, so that an image of few channels
// has work for several threads, and joined in order.
void moments_last(const RunContext& c, const float* x, const Planes& p, Moments* out) {
  constexpr int64_t kSegment = 4096;
  const int64_t segments = (p.pixels + kSegment - 1) / kSegment, blocks = (p.channels + kBlock - 1) / kBlock;
  std::vector<kernels::Spread> parts(static_cast<size_t>(p.batch * segments * p.channels));
  c.parallel_for(
      p.batch * segments * blocks, std::max<int64_t>(1, 16384 / (std::min(kSegment, p.pixels) * kBlock)),
      [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t first = i % blocks * kBlock, part = i / blocks;
          const int64_t pixel = part % segments * kSegment;
          kernels::join_channels(x + part / segments * p.batch_stride + pixel * p.pixel_stride + first,
                                 std::min(kSegment, p.pixels - pixel), p.pixel_stride,
                                 std::min(kBlock, p.channels - first),
                                 &parts[static_cast<size_t>(part * p.channels + first)]);
        }
      });
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t ch = 0; ch < p.channels; ++ch) {
      kernels::Spread all;
      for (int64_t s = 0; s < segments; ++s)
        all.join(parts[static_cast<size_t>((n * segments + s) * p.channels + ch)]);
      out[n * p.channels + ch] = {all.mean, all.squares / static_cast<double>(p.pixels)};
    }
}

// Channels whose pixels are neighbours in memory, in segments too.
void moments_first(const RunContext& c, const float* x, const Planes& p, Moments* out) {
  constexpr int64_t kSegment = 65536;
  const int64_t segments = (p.pixels + kSegment - 1) / kSegment, lines = p.batch * p.channels;
  std::vector<kernels::Spread> parts(static_cast<size_t>(lines * segments));
  c.parallel_for(lines * segments, std::max<int64_t>(1, 16384 / std::min(kSegment, p.pixels)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t line = i / segments, pixel = i % segments * kSegment;
                     parts[static_cast<size_t>(i)] =
                         kernels::spread_line(x + line / p.channels * p.batch_stride +
                                                  line % p.channels * p.channel_stride + pixel,
                                              std::min(kSegment, p.pixels - pixel));
                   }
                 });
  for (int64_t line = 0; line < lines; ++line) {
    kernels::Spread all;
    for (int64_t s = 0; s < segments; ++s) all.join(parts[static_cast<size_t>(line * segments + s)]);
    out[line] = {all.mean, all.squares / static_cast<double>(p.pixels)};
  }
}

template <class T>
void moments_all(const RunContext& c, const T* x, const Planes& p, Moments* out) {
  const int64_t block = p.channel_stride == 1 ? kBlock : 1, blocks = (p.channels + block - 1) / block;
  c.parallel_for(p.batch * blocks, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.pixels * block)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t n = i / blocks, first = i % blocks * block;
                     moments_of(x + n * p.batch_stride + first * p.channel_stride, p,
                                std::min(block, p.channels - first), out + n * p.channels + first);
                   }
                 });
}

template <class T>
struct Coefficients {
  std::vector<T> mean, scale, bias;
};

// One channel, whatever the strides, by the kernel's arithmetic: the same bits in every layout.
void affine_line(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t n,
                 const float (&k)[3]) {
  if (x_stride == 1 && y_stride == 1) return kernels::affine_line(x, y, n, k[0], k[1], k[2]);
  constexpr int64_t kPiece = 256;
  float piece[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = std::min(kPiece, n - i);
    for (int64_t j = 0; j < count; ++j) piece[j] = x[(i + j) * x_stride];
    kernels::affine_line(piece, piece, count, k[0], k[1], k[2]);
    for (int64_t j = 0; j < count; ++j) y[(i + j) * y_stride] = piece[j];
  }
}

// Pixels [begin, end) of image n, walked in the order of the output's memory.
template <class T>
void affine_pixels(const T* x, const Planes& px, T* y, const Planes& py, const Coefficients<T>& k,
                   int64_t first, int64_t begin, int64_t end) {
  const T *m = k.mean.data() + first, *s = k.scale.data() + first, *b = k.bias.data() + first;
  if constexpr (std::is_same_v<T, float>)
    if (py.channel_stride == 1 && px.channel_stride == 1)
      return kernels::affine_channels({x + begin * px.pixel_stride, px.pixel_stride,
                                       y + begin * py.pixel_stride, py.pixel_stride, end - begin, px.channels,
                                       m, s, b});
  if (py.channel_stride == 1 && py.channels > 1) {
    for (int64_t i = begin; i < end; ++i) {
      const T* from = x + i * px.pixel_stride;
      T* to = y + i * py.pixel_stride;
      for (int64_t ch = 0; ch < px.channels; ++ch)
        to[ch] = (from[ch * px.channel_stride] - m[ch]) * s[ch] + b[ch];
    }
    return;
  }
  for (int64_t ch = 0; ch < px.channels; ++ch) {
    const T* from = x + ch * px.channel_stride;
    T* to = y + ch * py.channel_stride;
    if constexpr (std::is_same_v<T, float>) {
      affine_line(from + begin * px.pixel_stride, px.pixel_stride, to + begin * py.pixel_stride,
                  py.pixel_stride, end - begin, {m[ch], s[ch], b[ch]});
      continue;
    }
    for (int64_t i = begin; i < end; ++i)
      to[i * py.pixel_stride] = (from[i * px.pixel_stride] - m[ch]) * s[ch] + b[ch];
  }
}

// Pixels [begin, end) of one image, in place.
void activate_pixels(const FusedActivation& a, float* y, const Planes& p, int64_t begin, int64_t end) {
  const auto run = [&](float* at, int64_t n) { kernels::activate(a.kind, a.alpha, a.beta, at, at, n); };
  if (p.channel_stride == 1 && p.pixel_stride == p.channels)
    return run(y + begin * p.pixel_stride, (end - begin) * p.channels);
  if (p.channel_stride == 1)
    for (int64_t i = begin; i < end; ++i) run(y + i * p.pixel_stride, p.channels);
  else if (p.pixel_stride == 1)
    for (int64_t ch = 0; ch < p.channels; ++ch) run(y + ch * p.channel_stride + begin, end - begin);
  else
    for (int64_t i = begin; i < end; ++i)
      for (int64_t ch = 0; ch < p.channels; ++ch) run(y + ch * p.channel_stride + i * p.pixel_stride, 1);
}

// Mean, scale and bias in T: the bias with what the type loses of the mean, which may be far larger than the
// distances from it.
template <class T>
std::array<T, 3> rounded(const Affine& a) {
  const T mean = static_cast<T>(a.mean);
  const double lost = a.mean - static_cast<double>(mean);
  return {mean, static_cast<T>(a.scale), static_cast<T>(a.bias - (std::isfinite(lost) ? lost * a.scale : 0))};
}

template <class T>
void apply(const RunContext& c, const T* x, const Planes& px, T* y, const Planes& py,
           const std::vector<Affine>& coefficients, bool per_image, const FusedActivation& activation) {
  Coefficients<T> k;
  for (std::vector<T>* v : {&k.mean, &k.scale, &k.bias}) v->reserve(coefficients.size());
  for (const Affine& a : coefficients) {
    const auto [mean, scale, bias] = rounded<T>(a);
    k.mean.push_back(mean), k.scale.push_back(scale), k.bias.push_back(bias);
  }
  const int64_t piece = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, px.channels));
  const int64_t pieces = (px.pixels + piece - 1) / piece;
  const bool activates = std::is_same_v<T, float> && activation.kind != kernels::Activation::kNone;
  // What is activated is still in the first cache.
  const int64_t step = activates ? std::max<int64_t>(1, piece / 4) : piece;
  c.parallel_for(px.batch * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / pieces, last = std::min(px.pixels, (i % pieces + 1) * piece);
      for (int64_t at = i % pieces * piece; at < last; at += step) {
        T* const to = y + n * py.batch_stride;
        affine_pixels(x + n * px.batch_stride, px, to, py, k, per_image ? n * px.channels : 0, at,
                      std::min(last, at + step));
        if constexpr (std::is_same_v<T, float>)
          if (activates) activate_pixels(activation, to, py, at, std::min(last, at + step));
      }
    }
  });
}

}  // namespace

Result<std::vector<Moments>> channel_moments(RunContext& c, const Tensor& t) {
  const auto as_it_is = planes(t);
  const bool usable = as_it_is && (t.dtype() == DType::kFloat64 || as_it_is->pixel_stride == 1);
  const Tensor last = usable ? t : ONWARD_TRY(channels_last(c, t));
  const Planes p = *planes(last);
  std::vector<Moments> out(static_cast<size_t>(p.batch * p.channels));
  if (t.dtype() == DType::kFloat64)
    moments_all(c, last.data<double>(), p, out.data());
  else if (p.pixels > 0 && p.pixel_stride == 1 && p.channel_stride != 1)
    moments_first(c, last.data<float>(), p, out.data());
  else if (p.pixels > 0)
    moments_last(c, last.data<float>(), p, out.data());
  return out;
}

Moments joined(const Moments* each, int64_t count, int64_t step) {
  const auto number = static_cast<double>(count);
  Moments m;
  for (int64_t i = 0; i < count; ++i) m.mean += each[i * step].mean / number;
  for (int64_t i = 0; i < count; ++i) {
    const Moments& e = each[i * step];
    m.variance += (e.variance + (e.mean - m.mean) * (e.mean - m.mean)) / number;
  }
  return m;
}

void apply_affine(const RunContext& c, const Tensor& x, const Planes& px, Tensor& y, const Planes& py,
                  const std::vector<Affine>& coefficients, bool per_image,
                  const FusedActivation& activation) {
  if (x.count() == 0) return;
  if (x.dtype() == DType::kFloat64)
    apply(c, x.data<double>(), px, y.mutable_data<double>(), py, coefficients, per_image, activation);
  else
    apply(c, x.data<float>(), px, y.mutable_data<float>(), py, coefficients, per_image, activation);
}

void apply_affine(const float* x, float* y, int64_t n, const Affine& a, const FusedActivation& activation) {
  constexpr int64_t kPiece = 4096;  // what is activated is still in the first-level cache
  const auto [mean, scale, bias] = rounded<float>(a);
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = std::min(kPiece, n - i);
    kernels::affine_line(x + i, y + i, count, mean, scale, bias);
    if (activation.kind != kernels::Activation::kNone)
      kernels::activate(activation.kind, activation.alpha, activation.beta, y + i, y + i, count);
  }
}

std::vector<double> as_doubles(const Tensor& t) {
  std::vector<double> out(static_cast<size_t>(t.count()));
  if (t.dtype() == DType::kFloat64)
    std::copy_n(t.data<double>(), t.count(), out.begin());
  else
    std::copy_n(t.data<float>(), t.count(), out.begin());
  return out;
}

}  // namespace ow
