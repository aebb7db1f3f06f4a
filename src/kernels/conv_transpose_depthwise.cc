#include "kernels/conv_transpose_depthwise.h"

#include <algorithm>
#include <vector>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/finish.h"

namespace ow::kernels {
namespace {

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

// For each output of an axis the inputs that reach it, and through which taps, in the order of the taps.
class Links {
 public:
  struct Link {
    int64_t in, tap;
  };

  Links(const ConvShape& s, int axis) : begin_(static_cast<size_t>(s.out[axis]) + 1, 0) {
    const auto each = [&](auto found) {
      for (int64_t k = 0; k < s.kernel[axis]; ++k)
        for (int64_t i = 0; i < s.in[axis]; ++i) {
          const int64_t o = i * s.stride[axis] + k * s.dilation[axis] - s.pad[axis];
          if (o >= 0 && o < s.out[axis]) found(static_cast<size_t>(o), Link{i, k});
        }
    };
    each([&](size_t o, Link) { ++begin_[o + 1]; });
    for (size_t o = 1; o < begin_.size(); ++o) begin_[o] += begin_[o - 1];
    links_.resize(begin_.back());
    std::vector<size_t> next(begin_.begin(), begin_.end() - 1);
    each([&](size_t o, Link link) { links_[next[o]++] = link; });
  }

  const Link* begin(int64_t o) const { return links_.data() + begin_[static_cast<size_t>(o)]; }
  const Link* end(int64_t o) const { return begin(o + 1); }

 private:
  std::vector<size_t> begin_;
  std::vector<Link> links_;
};

// An input row that reaches an output row, and the kernel's row that it does so through.
struct Row {
  const float *pixels, *weights;
};

struct Line {
  const ConvShape& s;
  const std::vector<Row>& rows;
  const Links& along;
  const float* bias;

  // Channels [c, c + 4 kFours) of output w.
  template <int kFours>
  void sum(int64_t w, int64_t c, float* out) const {
    Four sums[kFours] = {};
    for (int i = 0; bias && i < kFours; ++i) sums[i] = *reinterpret_cast<const Four*>(bias + c + 4 * i);
    for (const Row& row : rows)
      for (const Links::Link* link = along.begin(w); link != along.end(w); ++link) {
        const float* const x = row.pixels + link->in * s.in_ld + c;
        const float* const k = row.weights + link->tap * s.in_channels + c;
#pragma GCC unroll 4
        for (int i = 0; i < kFours; ++i)
          sums[i] += *reinterpret_cast<const Four*>(x + 4 * i) * *reinterpret_cast<const Four*>(k + 4 * i);
      }
    for (int i = 0; i < kFours; ++i) *reinterpret_cast<Four*>(out + c + 4 * i) = sums[i];
  }
  void sum_one(int64_t w, int64_t c, float* out) const {
    float sum = bias ? bias[c] : 0;
    for (const Row& row : rows)
      for (const Links::Link* link = along.begin(w); link != along.end(w); ++link)
        sum += row.pixels[link->in * s.in_ld + c] * row.weights[link->tap * s.in_channels + c];
    out[c] = sum;
  }
  void pixel(int64_t w, float* out) const {
    int64_t c = 0;
    for (; c + 16 <= s.in_channels; c += 16) sum<4>(w, c, out);
    for (; c + 4 <= s.in_channels; c += 4) sum<1>(w, c, out);
    for (; c < s.in_channels; ++c) sum_one(w, c, out);
  }
};

}  // namespace

bool transposes_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.in_channels == s.groups && s.out_channels == s.groups &&
         s.method != ConvMethod::kInDouble;
}

size_t transposed_depthwise_floats(const ConvShape& shape) {
  return static_cast<size_t>(shape.taps() * shape.in_channels);
}

void pack_transposed_depthwise(const ConvShape& s, const UnalignedFloat* w, float* packed) {
  for (int64_t c = 0; c < s.in_channels; ++c)
    for (int64_t t = 0; t < s.taps(); ++t) packed[t * s.in_channels + c] = *w++;
}

void conv_transpose_depthwise(Isa isa, const ConvShape& s, const float* packed, const float* in, float* out,
                              const Epilogue& epilogue, int threads) {
  constexpr int64_t kGrain = 16384;  // products that are worth a thread
  const Links planes(s, 0), lines(s, 1), along(s, 2);
  Epilogue rest = epilogue;
  rest.bias = nullptr;
  const int64_t work = s.in[2] * s.in_channels * s.kernel[2] * (s.kernel[1] / s.stride[1] + 1);
  parallel_for(
      s.batch * s.out[0] * s.out[1], 1 + kGrain / (work + 1), threads, [&](int64_t begin, int64_t end) {
        std::vector<Row> rows;
        for (int64_t line = begin; line < end && !stop_requested(); ++line) {
          const int64_t h = line % s.out[1], plane = line / s.out[1], d = plane % s.out[0],
                        image = plane / s.out[0];
          rows.clear();
          for (const auto* of_d = planes.begin(d); of_d != planes.end(d); ++of_d)
            for (const auto* of_h = lines.begin(h); of_h != lines.end(h); ++of_h)
              rows.push_back({in + ((image * s.in[0] + of_d->in) * s.in[1] + of_h->in) * s.in[2] * s.in_ld,
                              packed + (of_d->tap * s.kernel[1] + of_h->tap) * s.kernel[2] * s.in_channels});
          const Line sums{s, rows, along, epilogue.bias};
          const int64_t pixel = line * s.out[2];
          for (int64_t w = 0; w < s.out[2]; ++w) sums.pixel(w, out + (pixel + w) * s.out_ld);
          finish_pixels(rest, math_table(isa), pixel, s.out[2], s.out_channels, out + pixel * s.out_ld,
                        s.out_ld);
        }
      });
}

}  // namespace ow::kernels
