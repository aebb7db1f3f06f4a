#include "kernels/dots.h"

#include <algorithm>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/dots_table.h"
#include "kernels/finish.h"
#include "kernels/taps.h"

namespace ow::kernels {
namespace {

constexpr int64_t kMaxOutputs = 12;
constexpr int64_t kStripPixels = 32;
constexpr int64_t kPassFloats = 1024;  // of a row of weights at a time
constexpr int64_t kPassRuns = 64;
constexpr int64_t kMaxLanes = 16;

class Dots {
 public:
  Dots(Isa isa, const ConvShape& s, const float* w, const float* in, float* out, const Epilogue& e)
      : s_(s), w_(w), in_(in), out_(out), e_(e), table_(dot_table(isa)), math_(math_table(isa)) {
    // Outputs whose taps along w are all inside.
    while (inner_begin_ < s.out[2] && taps_inside(s, 2, inner_begin_).count < s.kernel[2]) ++inner_begin_;
    inner_end_ = s.out[2];
    while (inner_end_ > inner_begin_ && taps_inside(s, 2, inner_end_ - 1).count < s.kernel[2]) --inner_end_;
  }

  void line(int64_t index) const {
    for (int64_t o = 0; o < s_.out[2];) {
      const bool inner = o >= inner_begin_ && o < inner_end_;
      const int64_t pixels = inner ? std::min(inner_end_ - o, kStripPixels) : 1;
      strip(index, o, pixels);
      o += pixels;
    }
  }

 private:
  struct Runs {
    int64_t x[kPassRuns], w[kPassRuns], count = 0;
  };

  // `pixels` outputs from (line, column) on, which have the same taps.
  void strip(int64_t line, int64_t column, int64_t pixels) const {
    const int64_t h = line % s_.out[1], d = line / s_.out[1] % s_.out[0], b = line / s_.out[1] / s_.out[0];
    const TapRange taps[3] = {taps_inside(s_, 0, d), taps_inside(s_, 1, h), taps_inside(s_, 2, column)};
    float sums[kStripPixels * kMaxOutputs];
    for (int64_t first = 0; first < s_.out_channels; first += kDotOutputs)
      outputs(b, taps, pixels, first, sums);
    finish(line * s_.out[2] + column, pixels, sums);
  }

  void outputs(int64_t b, const TapRange (&taps)[3], int64_t pixels, int64_t first, float* sums) const {
    const int64_t count = std::min<int64_t>(kDotOutputs, s_.out_channels - first), c = s_.in_channels;
    const int64_t piece = std::min(c, kPassFloats),
                  most = std::clamp<int64_t>(kPassFloats / piece, 1, kPassRuns);
    alignas(64) float acc[kStripPixels * kDotOutputs * kMaxLanes];
    DotPass pass = {in_, s_.stride[2] * s_.in_ld, w_ + first * s_.taps() * c, s_.taps() * c};
    pass.pixels = pixels, pass.acc = acc, pass.first = true;
    Runs runs;
    const auto flush = [&](int64_t length) {
      pass.x_runs = runs.x, pass.w_runs = runs.w, pass.runs = runs.count, pass.length = length;
      table_.pass[count - 1](pass);
      pass.first = false;
      runs.count = 0;
    };
    for (int64_t k = 0; k < c; k += piece) {
      const int64_t length = std::min(piece, c - k);
      for (int64_t i = 0; i < taps[0].count * taps[1].count * taps[2].count; ++i) {
        const int64_t at[3] = {i / taps[2].count / taps[1].count, i / taps[2].count % taps[1].count,
                               i % taps[2].count};
        int64_t x = b, tap = 0;
        for (int axis = 0; axis < 3; ++axis) {
          x = x * s_.in[axis] + taps[axis].position + at[axis] * s_.dilation[axis];
          tap = tap * s_.kernel[axis] + taps[axis].begin + at[axis];
        }
        runs.x[runs.count] = x * s_.in_ld + k, runs.w[runs.count++] = tap * c + k;
        if (runs.count == most) flush(length);
      }
      if (runs.count) flush(length);
    }
    if (pass.first) flush(0);
    float found[kStripPixels * kDotOutputs];
    table_.sums(acc, pixels * count, found);
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t o = 0; o < count; ++o) sums[p * s_.out_channels + first + o] = found[p * count + o];
  }

  void finish(int64_t pixel, int64_t pixels, float* y) const {
    const int64_t n = s_.out_channels;
    if (e_.bias)
      for (int64_t i = 0; i < pixels * n; ++i) y[i] += e_.bias[i % n];
    finish_pixels(e_, math_, pixel, pixels, n, y, n);
    for (int64_t p = 0; p < pixels; ++p)
      std::copy(y + p * n, y + (p + 1) * n, out_ + (pixel + p) * s_.out_ld);
  }

  const ConvShape& s_;
  const float* w_;
  const float* in_;
  float* out_;
  const Epilogue& e_;
  const DotTable& table_;
  const MathTable& math_;
  int64_t inner_begin_ = 0, inner_end_;
};

}  // namespace

bool dots_apply(const ConvShape& s) {
  return s.groups == 1 && s.out_channels <= kMaxOutputs && s.in_channels > 0;
}

int64_t dots_packed_floats(const ConvShape& s) { return s.out_channels * s.taps() * s.in_channels; }

void dots_pack(const ConvShape& s, const UnalignedFloat* w, float* packed) {
  for (int64_t o = 0; o < s.out_channels; ++o, w += s.in_channels * s.taps())
    for (int64_t tap = 0; tap < s.taps(); ++tap)
      for (int64_t c = 0; c < s.in_channels; ++c) *packed++ = w[c * s.taps() + tap];
}

void dots_conv(Isa isa, const ConvShape& s, const float* packed, const float* in, float* out,
               const Epilogue& e, int threads) {
  const Dots job(isa, s, packed, in, out, e);
  const int64_t line_work = s.out[2] * s.out_channels * s.taps() * s.in_channels;
  parallel_for(s.batch * s.out[0] * s.out[1], 1 + 500000 / (line_work + 1), threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end && !stop_requested(); ++i) job.line(i);
               });
}

}  // namespace ow::kernels
