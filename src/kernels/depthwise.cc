// Rows of output pixels over threads. The inner pixels of a row read all taps along w and go to the kernel as
// one run; those at the borders go one by one, with the taps that lie inside the image.
#include "kernels/depthwise.h"

#include <algorithm>
#include <limits>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/depthwise_table.h"
#include "kernels/math_table.h"

namespace ow::kernels {
namespace {

constexpr int64_t kStripChannels =
    64;  // of the buffer through which several outputs per channel are interleaved

int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

struct TapRange {
  int64_t begin, count, position;  // position: the input that tap `begin` reads
};

// The taps of output `o` along `axis` that read inside the input.
TapRange taps_inside(const ConvShape& s, int axis, int64_t o) {
  const int64_t origin = o * s.stride[axis] - s.pad[axis], d = s.dilation[axis];
  const int64_t begin = std::max<int64_t>(0, ceil_div(-origin, d));
  const int64_t end = std::min(s.kernel[axis], ceil_div(s.in[axis] - origin, d));
  if (end <= begin) return {0, 0, 0};
  return {begin, end - begin, origin + begin * d};
}

class Depthwise {
 public:
  Depthwise(Isa isa, const ConvShape& s, const float* w, const float* in, float* out, const Epilogue& e)
      : s_(s),
        w_(w),
        in_(in),
        out_(out),
        e_(e),
        table_(depthwise_table(isa)),
        math_(math_table(isa)),
        outputs_(s.out_channels / s.groups) {
    if (e.activation == Activation::kRelu) clip_ = true, low_ = 0;
    if (e.activation == Activation::kClip) clip_ = true, low_ = e.alpha, high_ = e.beta;
    // Inner outputs along w: o * stride - pad >= 0 and the last tap inside too.
    const int64_t reach = (s.kernel[2] - 1) * s.dilation[2];
    inner_begin_ = std::clamp<int64_t>(ceil_div(s.pad[2], s.stride[2]), 0, s.out[2]);
    inner_end_ =
        std::clamp<int64_t>(ceil_div(s.in[2] - reach + s.pad[2], s.stride[2]), inner_begin_, s.out[2]);
  }

  void row(int64_t index) const {
    const int64_t h = index % s_.out[1], d = index / s_.out[1] % s_.out[0], b = index / s_.out[1] / s_.out[0];
    const TapRange td = taps_inside(s_, 0, d), th = taps_inside(s_, 1, h);
    for (int64_t o = 0; o < s_.out[2];) {
      const bool inner = o >= inner_begin_ && o < inner_end_;
      const int64_t pixels = inner ? inner_end_ - o : 1;
      run(b, td, th, taps_inside(s_, 2, o), index * s_.out[2] + o, pixels);
      o += pixels;
    }
  }

 private:
  void run(int64_t b, const TapRange& td, const TapRange& th, const TapRange& tw, int64_t pixel,
           int64_t pixels) const {
    const int64_t line = s_.in[2] * s_.in_ld, channels = s_.groups, kw = s_.kernel[2], kh = s_.kernel[1];
    DepthwiseRun r = {};
    r.in = in_ + ((b * s_.in[0] + td.position) * s_.in[1] + th.position) * line + tw.position * s_.in_ld;
    r.in_pixel = s_.stride[2] * s_.in_ld;
    const TapRange* taps[3] = {&td, &th, &tw};
    const int64_t in_unit[3] = {s_.in[1] * line, line, s_.in_ld}, w_unit[3] = {kh * kw, kw, 1};
    r.w = w_;
    for (int i = 0; i < 3; ++i) {
      r.taps[i] = taps[i]->count;
      r.in_step[i] = s_.dilation[i] * in_unit[i];
      r.w_step[i] = w_unit[i] * channels;
      r.w += taps[i]->begin * r.w_step[i];
    }
    r.channels = channels;
    r.clip = clip_, r.low = low_, r.high = high_;
    if (outputs_ == 1)
      run_single(r, pixel, pixels);
    else
      for (int64_t p = 0; p < pixels; ++p, r.in += r.in_pixel) run_several(r, pixel + p);
    for (int64_t p = 0; p < pixels; ++p) finish(pixel + p);
  }

  const float* early_residual(int64_t pixel) const {
    return e_.residual && !e_.residual_after_activation ? e_.residual + pixel * e_.residual_ld : nullptr;
  }

  void run_single(DepthwiseRun& r, int64_t pixel, int64_t pixels) const {
    r.pixels = pixels;
    r.out = out_ + pixel * s_.out_ld, r.out_pixel = s_.out_ld;
    r.bias = e_.bias;
    r.residual = early_residual(pixel), r.residual_pixel = e_.residual_ld;
    table_.run(r);
  }

  // Several outputs per channel: strips of one output each, then interleaved into the pixel.
  void run_several(const DepthwiseRun& whole, int64_t pixel) const {
    float strip[kStripChannels];
    const float* residual = early_residual(pixel);
    for (int64_t c0 = 0; c0 < s_.groups; c0 += kStripChannels)
      for (int64_t output = 0; output < outputs_; ++output) {
        DepthwiseRun r = whole;
        r.in += c0;
        r.w += output * s_.taps() * s_.groups + c0;
        r.channels = std::min(kStripChannels, s_.groups - c0);
        r.pixels = 1;
        r.out = strip;
        r.clip = false;
        table_.run(r);
        for (int64_t c = 0; c < r.channels; ++c) {
          const int64_t at = (c0 + c) * outputs_ + output;
          float y = strip[c];
          if (e_.bias) y += e_.bias[at];
          if (residual) y += residual[at];
          if (clip_) y = y < low_ ? low_ : y > high_ ? high_ : y;
          out_[pixel * s_.out_ld + at] = y;
        }
      }
  }

  void finish(int64_t pixel) const {
    float* y = out_ + pixel * s_.out_ld;
    if (!clip_ && e_.activation != Activation::kNone)
      math_.activate(e_.activation, e_.alpha, e_.beta, y, y, s_.out_channels);
    if (e_.residual && e_.residual_after_activation) {
      const float* residual = e_.residual + pixel * e_.residual_ld;
      for (int64_t c = 0; c < s_.out_channels; ++c) y[c] += residual[c];
    }
  }

  const ConvShape& s_;
  const float* w_;
  const float* in_;
  float* out_;
  const Epilogue& e_;
  const DepthwiseTable& table_;
  const MathTable& math_;
  int64_t outputs_, inner_begin_, inner_end_;
  bool clip_ = false;
  float low_ = -std::numeric_limits<float>::infinity(), high_ = std::numeric_limits<float>::infinity();
};

}  // namespace

bool is_depthwise(const ConvShape& shape) { return shape.groups > 1 && shape.in_channels == shape.groups; }

int64_t depthwise_packed_floats(const ConvShape& shape) { return shape.out_channels * shape.taps(); }

void depthwise_pack(const ConvShape& shape, const float* w, float* packed) {
  const int64_t outputs = shape.out_channels / shape.groups, taps = shape.taps();
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < shape.groups; ++c) *packed++ = w[(c * outputs + output) * taps + tap];
}

void depthwise_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                    const Epilogue& epilogue, int threads) {
  const Depthwise job(isa, shape, packed, in, out, epilogue);
  const int64_t row_work = shape.out[2] * shape.out_channels * shape.taps();
  parallel_for(shape.batch * shape.out[0] * shape.out[1], 1 + 100000 / (row_work + 1), threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end && !stop_requested(); ++i) job.row(i);
               });
}

}  // namespace ow::kernels
