// Work is split over output pixels, and over channels where there are few pixels (global pooling). Each
// output is reduced over its window in one order: lines along w, then the lines.
#include "kernels/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/compensated_sum.h"
#include "kernels/pool_table.h"

namespace ow::kernels {
namespace {

constexpr int64_t kChannelChunk = 64;
constexpr int64_t kFewPixels = 64;  // of a window whose sum may be one of floats

// One output pixel.
struct PixelWindow {
  PoolWindow window;
  int64_t batch, first[3];  // first position inside the image
  int64_t padded_size;      // positions inside the image or its pads
};

// Taps t with low <= origin + t * dilation < high: {begin, end}.
struct Range {
  int64_t begin, end;
};
Range taps_between(int64_t low, int64_t high, int64_t origin, int64_t dilation, int64_t kernel) {
  const int64_t begin = std::max<int64_t>(0, ceil_div(low - origin, dilation));
  return {begin, std::max(begin, std::min(kernel, ceil_div(high - origin, dilation)))};
}

// Of the window's positions along axis i, those in the image, for output position o; returns how many there
// are in the image or its pads. Away from the edges that is the whole kernel.
int64_t place_axis(const PoolShape& s, int i, int64_t o, PixelWindow& p) {
  const int64_t origin = o * s.stride[i] - s.pad_begin[i], reach = (s.kernel[i] - 1) * s.dilation[i];
  if (origin >= 0 && origin + reach < s.in[i]) {
    p.window.count[i] = s.kernel[i];
    p.first[i] = origin;
    return s.kernel[i];
  }
  const Range inside = taps_between(0, s.in[i], origin, s.dilation[i], s.kernel[i]);
  const Range padded =
      taps_between(-s.pad_begin[i], s.in[i] + s.pad_end[i], origin, s.dilation[i], s.kernel[i]);
  p.window.count[i] = inside.end - inside.begin;
  p.first[i] = origin + inside.begin * s.dilation[i];
  return padded.end - padded.begin;
}

// The windows of output pixels one after the other: within a row only the last axis changes.
class Windows {
 public:
  Windows(const PoolShape& s, int64_t pixel) : s_(s) {
    for (int i = 2; i >= 0; --i) {
      o_[i] = pixel % s.out[i];
      pixel /= s.out[i];
    }
    p_.batch = pixel;
    const int64_t line = s.in[2] * s.in_ld, unit[3] = {s.in[1] * line, line, s.in_ld};
    for (int i = 0; i < 3; ++i) {
      unit_[i] = unit[i];
      p_.window.step[i] = s.dilation[i] * unit[i];
    }
    start_row();
    start_pixel();
  }
  const PixelWindow& operator*() const { return p_; }
  void operator++() {
    if (++o_[2] == s_.out[2]) {
      o_[2] = 0;
      if (++o_[1] == s_.out[1]) {
        o_[1] = 0;
        if (++o_[0] == s_.out[0]) o_[0] = 0, ++p_.batch;
      }
      start_row();
    }
    start_pixel();
  }

 private:
  void start_row() {
    row_padded_ = place_axis(s_, 0, o_[0], p_) * place_axis(s_, 1, o_[1], p_);
    row_offset_ = p_.batch * s_.in[0] * unit_[0];
    for (int i = 0; i < 2; ++i)
      if (p_.window.count[i] > 0) row_offset_ += p_.first[i] * unit_[i];
  }
  void start_pixel() {
    p_.padded_size = row_padded_ * place_axis(s_, 2, o_[2], p_);
    p_.window.offset = row_offset_ + (p_.window.count[2] > 0 ? p_.first[2] * unit_[2] : 0);
  }

  const PoolShape& s_;
  PixelWindow p_ = {};
  int64_t o_[3], unit_[3], row_padded_ = 1, row_offset_ = 0;
};

// Calls f(window, output pixel, first channel, channels) for disjoint pieces.
template <class F>
void for_each_output(const PoolShape& s, int threads, F f) {
  const int64_t pixels = s.batch * s.out[0] * s.out[1] * s.out[2];
  const int64_t chunk = pixels < 64 ? kChannelChunk : s.channels;
  const int64_t chunks = ceil_div(s.channels, std::max<int64_t>(chunk, 1));
  const int64_t work = s.kernel[0] * s.kernel[1] * s.kernel[2] * chunk;
  parallel_for(pixels * chunks, 1 + 30000 / (work + 1), threads, [&](int64_t begin, int64_t end) {
    Windows windows(s, begin / chunks);
    for (int64_t i = begin; i < end; ++i) {
      if (i % 64 == 0 && stop_requested()) return;
      const int64_t c = chunks == 1 ? 0 : i % chunks * chunk;
      f(*windows, chunks == 1 ? i : i / chunks, c, std::min(chunk, s.channels - c));
      if ((chunks == 1 || (i + 1) % chunks == 0) && i + 1 < end) ++windows;
    }
  });
}

// total = join(total, line) over the lines of the window, line = step(line, x) along each, from `start`; y =
// finish(total).
template <class T, class Total, class Step, class Join, class Finish>
void reduce(const PoolWindow& w, const T* in, int64_t channels, Total start, T* y, Step step, Join join,
            Finish finish) {
  for (int64_t c = 0; c < channels; ++c) {
    Total total = start;
    for (int64_t i = 0; i < w.count[0]; ++i)
      for (int64_t j = 0; j < w.count[1]; ++j) {
        const T* x = in + w.offset + i * w.step[0] + j * w.step[1] + c;
        Total line = start;
        for (int64_t l = 0; l < w.count[2]; ++l) line = step(line, x[l * w.step[2]]);
        total = join(total, line);
      }
    y[c] = finish(total);
  }
}

template <class T>
constexpr T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

template <class T>
bool beats(T x, T best) {
  return x > best || (x != x && best == best);
}

template <class T>
struct IndexedMax {
  T value = lowest<T>();
  int64_t index = -1;
};

template <class T>
IndexedMax<T> indexed_max(const PoolShape& s, const PixelWindow& p, const T* in, bool column_major) {
  const int64_t unit[3] = {column_major ? 1 : s.in[1] * s.in[2], column_major ? s.in[0] : s.in[2],
                           column_major ? s.in[0] * s.in[1] : 1};
  const PoolWindow& w = p.window;
  IndexedMax<T> best;
  for (int64_t i = 0; i < w.count[0]; ++i)
    for (int64_t j = 0; j < w.count[1]; ++j)
      for (int64_t l = 0; l < w.count[2]; ++l) {
        const T x = in[w.offset + i * w.step[0] + j * w.step[1] + l * w.step[2]];
        if (best.index >= 0 && !beats(x, best.value)) continue;
        best.value = x;
        best.index = (p.first[0] + i * s.dilation[0]) * unit[0] + (p.first[1] + j * s.dilation[1]) * unit[1] +
                     (p.first[2] + l * s.dilation[2]) * unit[2];
      }
  return best;
}

}  // namespace

template <class T>
void max_pool(const PoolShape& s, const T* in, T* out, int threads) {
  [[maybe_unused]] const PoolTable& table = pool_table(best_isa());
  for_each_output(s, threads, [&](const PixelWindow& p, int64_t pixel, int64_t c, int64_t channels) {
    T* y = out + pixel * s.out_ld + c;
    if constexpr (std::is_same_v<T, float>) {
      table.max(p.window, in + c, channels, y);
    } else {
      auto larger = [](T best, T x) { return beats(x, best) ? x : best; };
      reduce(p.window, in + c, channels, lowest<T>(), y, larger, larger, [](T best) { return best; });
    }
  });
}

template <class T>
void max_pool_indices(const PoolShape& s, const T* in, T* out, int64_t* indices, int64_t indices_ld,
                      bool column_major, int threads) {
  const int64_t in_pixels = s.in[0] * s.in[1] * s.in[2];
  for_each_output(s, threads, [&](const PixelWindow& p, int64_t pixel, int64_t first, int64_t channels) {
    for (int64_t c = first; c < first + channels; ++c) {
      const IndexedMax<T> best = indexed_max(s, p, in + c, column_major);
      out[pixel * s.out_ld + c] = best.value;
      indices[pixel * indices_ld + c] =
          best.index < 0 ? -1 : (p.batch * s.channels + c) * in_pixels + best.index;
    }
  });
}

// The sums of a window's channels [0, channels), channels <= kChannelChunk, rounded once but for those of 16
// neighbours of float.
template <class T>
void exact_sums(const PoolWindow& w, const T* in, int64_t channels, double* y) {
  CompensatedSum total[kChannelChunk];
  [[maybe_unused]] const PoolTable& table = pool_table(best_isa());
  const T* image = in + w.offset;
  for (int64_t i = 0; i < w.count[0]; ++i)
    for (int64_t j = 0; j < w.count[1]; ++j) {
      const T* line = image + i * w.step[0] + j * w.step[1];
      if constexpr (std::is_same_v<T, float>) {
        constexpr int64_t kPixels = 16;
        float sum[kChannelChunk];
        for (int64_t l = 0; l < w.count[2]; l += kPixels) {
          table.sum({l * w.step[2], {1, 1, std::min(kPixels, w.count[2] - l)}, {0, 0, w.step[2]}}, line,
                    channels, sum);
          for (int64_t c = 0; c < channels; ++c) total[c] += static_cast<double>(sum[c]);
        }
      } else {
        for (int64_t l = 0; l < w.count[2]; ++l)
          for (int64_t c = 0; c < channels; ++c) total[c] += line[l * w.step[2] + c];
      }
    }
  for (int64_t c = 0; c < channels; ++c) y[c] = static_cast<double>(total[c]);
}

template <class T>
void average_pool(const PoolShape& s, bool count_include_pad, const T* in, T* out, int threads) {
  [[maybe_unused]] const PoolTable& table = pool_table(best_isa());
  for_each_output(s, threads, [&](const PixelWindow& p, int64_t pixel, int64_t c, int64_t channels) {
    T* y = out + pixel * s.out_ld + c;
    const int64_t count = count_include_pad ? p.padded_size : p.window.size();
    const auto divisor = static_cast<double>(std::max<int64_t>(count, 1));
    if constexpr (std::is_same_v<T, float>)
      if (p.window.size() <= kFewPixels)
        return table.average(p.window, in + c, channels, static_cast<float>(divisor), y);
    for (int64_t first = 0; first < channels; first += kChannelChunk) {
      const int64_t some = std::min(kChannelChunk, channels - first);
      double sum[kChannelChunk];
      exact_sums(p.window, in + c + first, some, sum);
      for (int64_t i = 0; i < some; ++i) y[first + i] = static_cast<T>(sum[i] / divisor);
    }
  });
}

template <class T>
void lp_pool(const PoolShape& s, int64_t p, const T* in, T* out, int threads) {
  using Sum = FloatSum<T>;
  const auto power = static_cast<double>(p);
  for_each_output(s, threads, [&](const PixelWindow& w, int64_t pixel, int64_t c, int64_t channels) {
    const auto sum_of = [&](auto term, auto root) {
      reduce(
          w.window, in + c, channels, Sum(0), out + pixel * s.out_ld + c,
          [&](Sum sum, T x) { return sum += term(static_cast<double>(x)); },
          [](Sum a, const Sum& b) { return a += b; },
          [&](const Sum& sum) { return static_cast<T>(root(static_cast<double>(sum))); });
    };
    if (p == 1)
      sum_of([](double x) { return std::fabs(x); }, [](double sum) { return sum; });
    else if (p == 2)
      sum_of([](double x) { return x * x; }, [](double sum) { return std::sqrt(sum); });
    else
      sum_of([&](double x) { return std::pow(std::fabs(x), power); },
             [&](double sum) { return std::pow(sum, 1 / power); });
  });
}

template void max_pool(const PoolShape&, const float*, float*, int);
template void max_pool(const PoolShape&, const double*, double*, int);
template void max_pool(const PoolShape&, const int8_t*, int8_t*, int);
template void max_pool(const PoolShape&, const uint8_t*, uint8_t*, int);
template void max_pool_indices(const PoolShape&, const float*, float*, int64_t*, int64_t, bool, int);
template void max_pool_indices(const PoolShape&, const double*, double*, int64_t*, int64_t, bool, int);
template void max_pool_indices(const PoolShape&, const int8_t*, int8_t*, int64_t*, int64_t, bool, int);
template void max_pool_indices(const PoolShape&, const uint8_t*, uint8_t*, int64_t*, int64_t, bool, int);
template void average_pool(const PoolShape&, bool, const float*, float*, int);
template void average_pool(const PoolShape&, bool, const double*, double*, int);
template void lp_pool(const PoolShape&, int64_t, const float*, float*, int);
template void lp_pool(const PoolShape&, int64_t, const double*, double*, int);

void average_pixels(const float* x, int64_t pixels, int64_t stride, int64_t channels, float* y) {
  constexpr int64_t kChannels = 256, kPixels = 16;  // what a float adds up
  const PoolTable& table = pool_table(best_isa());
  for (int64_t c = 0; c < channels; c += kChannels) {
    const int64_t n = std::min(kChannels, channels - c);
    double total[kChannels] = {};
    for (int64_t i = 0; i < pixels; i += kPixels) {
      float sum[kChannels];
      table.sum({i * stride, {1, 1, std::min(kPixels, pixels - i)}, {0, 0, stride}}, x + c, n, sum);
      for (int64_t j = 0; j < n; ++j) total[j] += static_cast<double>(sum[j]);
    }
    for (int64_t j = 0; j < n; ++j) y[c + j] = static_cast<float>(total[j] / static_cast<double>(pixels));
  }
}

}  // namespace ow::kernels
