// Square kernels of 3, 5 and 7 go in rectangles of pixels, a vector of channels at a time, small enough that
// what they read stays in the first-level cache; at the border of the image it is copied with the padding
// around it.
//
// 3x3 kernels in small groups go the same way: a vector holds one group or several.
//
// All others, and all whose sums are in double, go in rows of output pixels. The inner pixels of a row read
// all taps along w and go to the kernel as one run; those at the borders go one by one, with the taps that
// lie inside the image.
#include "kernels/depthwise.h"

#include <algorithm>
#include <cstring>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/depthwise_table.h"
#include "kernels/math_table.h"
#include "kernels/taps.h"

namespace ow::kernels {
namespace {

constexpr int64_t kStripChannels =
    64;  // of the buffer through which several outputs per channel are interleaved

class Depthwise {
 public:
  // w: packed, of w_channels channels, at the first of s.
  Depthwise(Isa isa, const ConvShape& s, const float* w, int64_t w_channels, const float* in, float* out,
            const Epilogue& e, int threads)
      : s_(s),
        w_(w),
        w_channels_(w_channels),
        in_(in),
        out_(out),
        e_(e),
        table_(depthwise_table(isa)),
        math_(math_table(isa)),
        bounds_(e),
        run_(s.method == ConvMethod::kInDouble ? table_.run_in_double : table_.run),
        outputs_(s.out_channels / s.groups),
        group_(s.in_channels / s.groups),
        channels_(s.groups * group_) {
    // Inner outputs along w: o * stride - pad >= 0 and the last tap inside too.
    const int64_t reach = (s.kernel[2] - 1) * s.dilation[2];
    inner_begin_ = std::clamp<int64_t>(ceil_div(s.pad[2], s.stride[2]), 0, s.out[2]);
    inner_end_ =
        std::clamp<int64_t>(ceil_div(s.in[2] - reach + s.pad[2], s.stride[2]), inner_begin_, s.out[2]);
    if (!depthwise_in_tiles(s) || s.out[1] == 0) return;
    down_ = tiles_along(1, kWindow);
    // Few rows make wide rectangles.
    across_ = tiles_along(2, kWindow * kWindow / reach_of(1, ceil_div(s.out[1], down_)));
    // Products before and after cut such an image into rows for the threads, too.
    if (planes() * down_ * across_ < threads && s.out[1] >= kBandRows * threads) down_ = threads;
  }

  // How many rectangles there are in the images and vectors over the channels.
  int64_t tiles() const { return planes() * down_ * across_; }
  int64_t vectors() const { return ceil_div(channels_, table_.lanes); }
  // Pixels of one rectangle `tile`, the channels of vectors [first, last).
  void tile(int64_t index, int64_t first, int64_t last) const;

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
  // A rectangle's window is of at most kWindow squared pixels.
  static constexpr int64_t kWindow = 18, kMaxLanes = 16, kBandRows = 5;
  int64_t planes() const { return s_.batch * s_.out[0]; }
  // Pixels of the image that so many outputs read.
  int64_t reach_of(int axis, int64_t outputs) const {
    return (outputs - 1) * s_.stride[axis] + s_.kernel[axis];
  }
  // Pieces of an axis whose outputs read at most `window` pixels along it.
  int64_t tiles_along(int axis, int64_t window) const {
    return ceil_div(s_.out[axis], (window - s_.kernel[axis]) / s_.stride[axis] + 1);
  }
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
      r.w_step[i] = w_unit[i] * w_channels_;
      r.w += taps[i]->begin * r.w_step[i];
    }
    r.channels = channels;
    r.clip = bounds_.cuts, r.low = bounds_.low, r.high = bounds_.high;
    if (outputs_ == 1)
      run_single(r, pixel, pixels);
    else
      for (int64_t p = 0; p < pixels; ++p, r.in += r.in_pixel) run_several(r, pixel + p);
    for (int64_t p = 0; p < pixels; ++p) finish(pixel + p, 0, s_.out_channels);
  }

  const float* early_residual(int64_t pixel) const {
    return e_.residual && !e_.residual_after_activation ? e_.residual + pixel * e_.residual_ld : nullptr;
  }

  void run_single(DepthwiseRun& r, int64_t pixel, int64_t pixels) const {
    r.pixels = pixels;
    r.out = out_ + pixel * s_.out_ld, r.out_pixel = s_.out_ld;
    r.bias = e_.bias;
    r.residual = early_residual(pixel), r.residual_pixel = e_.residual_ld;
    run_(r);
  }

  // Several outputs per channel: strips of one output each, then interleaved into the pixel.
  void run_several(const DepthwiseRun& whole, int64_t pixel) const {
    float strip[kStripChannels], bias[kStripChannels], added[kStripChannels];
    const float* residual = early_residual(pixel);
    for (int64_t c0 = 0; c0 < s_.groups; c0 += kStripChannels)
      for (int64_t output = 0; output < outputs_; ++output) {
        DepthwiseRun r = whole;
        const auto place = [&](int64_t c) { return (c0 + c) * outputs_ + output; };
        r.in += c0;
        r.w += output * s_.taps() * s_.groups + c0;
        r.channels = std::min(kStripChannels, s_.groups - c0);
        r.pixels = 1;
        r.out = strip;
        for (int64_t c = 0; e_.bias && c < r.channels; ++c) bias[c] = e_.bias[place(c)];
        for (int64_t c = 0; residual && c < r.channels; ++c) added[c] = residual[place(c)];
        r.bias = e_.bias ? bias : nullptr;
        r.residual = residual ? added : nullptr;
        run_(r);
        for (int64_t c = 0; c < r.channels; ++c) out_[pixel * s_.out_ld + place(c)] = strip[c];
      }
  }

  // What a rectangle's outputs of a vector of n channels from c on are multiplied by.
  struct Weights {
    alignas(64) float taps[49 * kMaxLanes], bias[kMaxLanes];
  };
  const float* weights(int64_t c, int64_t n, Weights& buffer) const {
    const int64_t lanes = table_.lanes, taps = s_.taps();
    if (n < lanes) std::memset(&buffer, 0, sizeof buffer);
    const auto bytes = static_cast<size_t>(n) * sizeof(float);
    if (e_.bias)
      std::memcpy(buffer.bias, e_.bias + c, bytes);
    else
      std::memset(buffer.bias, 0, sizeof buffer.bias);
    if (group_ > 1) return w_ + c * group_ * taps;
    if (bytes == 64)  // known to the compiler, it is a move
      for (int64_t t = 0; t < taps; ++t) std::memcpy(buffer.taps + t * lanes, w_ + t * w_channels_ + c, 64);
    else
      for (int64_t t = 0; t < taps; ++t)
        std::memcpy(buffer.taps + t * lanes, w_ + t * w_channels_ + c, bytes);
    return buffer.taps;
  }
  using TileKernel = void (*)(const DepthwiseTile& tile);
  TileKernel tile_kernel() const {
    const int64_t stride = s_.stride[1] - 1;
    if (group_ == 1) return table_.tile[(s_.kernel[1] - 3) / 2][stride];
    return group_ == table_.lanes ? table_.whole_group[stride] : table_.part_group[stride];
  }

  // What the kernel left over, for `count` channels of a pixel.
  void finish(int64_t pixel, int64_t channel, int64_t count) const {
    float* y = out_ + pixel * s_.out_ld + channel;
    if (bounds_.activation_left) math_.activate(e_.activation, e_.alpha, e_.beta, y, y, count);
    if (e_.residual && e_.residual_after_activation) {
      const float* residual = e_.residual + pixel * e_.residual_ld + channel;
      for (int64_t c = 0; c < count; ++c) y[c] += residual[c];
    }
  }

  const ConvShape& s_;
  const float* w_;
  const int64_t w_channels_;
  const float* in_;
  float* out_;
  const Epilogue& e_;
  const DepthwiseTable& table_;
  const MathTable& math_;
  const Bounds bounds_;
  void (*const run_)(const DepthwiseRun& run);
  int64_t outputs_, group_, channels_;  // per group, and input channels in all
  int64_t inner_begin_, inner_end_;
  int64_t down_ = 0, across_ = 0;  // rectangles of an image, where it goes in such
};

void Depthwise::tile(int64_t index, int64_t first, int64_t last) const {
  const auto part = [](int64_t extent, int64_t parts, int64_t i) { return extent * i / parts; };
  const int64_t column = index % across_, line = index / across_ % down_, plane = index / across_ / down_;
  const int64_t h0 = part(s_.out[1], down_, line), h1 = part(s_.out[1], down_, line + 1);
  const int64_t w0 = part(s_.out[2], across_, column), w1 = part(s_.out[2], across_, column + 1);
  const int64_t stride = s_.stride[1];
  const int64_t y0 = h0 * stride - s_.pad[1], x0 = w0 * stride - s_.pad[2];
  const int64_t height = reach_of(1, h1 - h0), width = reach_of(2, w1 - w0);
  const int64_t d = plane % s_.out[0] * s_.stride[0] - s_.pad[0];
  const bool exists = d >= 0 && d < s_.in[0];  // else the plane reads padding alone
  const bool inside = exists && y0 >= 0 && x0 >= 0 && y0 + height <= s_.in[1] && x0 + width <= s_.in[2];
  const int64_t lanes = table_.lanes, pixel = (plane * s_.out[1] + h0) * s_.out[2] + w0;
  const float* const image =
      in_ + (exists ? (plane / s_.out[0] * s_.in[0] + d) * s_.in[1] * s_.in[2] * s_.in_ld : 0);
  const TileKernel kernel_of = tile_kernel();
  const float* const residual = early_residual(pixel);
  alignas(64) float window[kWindow * kWindow * kMaxLanes];
  Weights buffer;
  for (int64_t v = first; v < last; ++v) {
    const int64_t c = v * lanes, n = std::min(lanes, channels_ - c);
    const float* const w = weights(c, n, buffer);
    DepthwiseTile t = {image + (y0 * s_.in[2] + x0) * s_.in_ld + c,
                       s_.in[2] * s_.in_ld,
                       s_.in_ld,
                       h1 - h0,
                       w1 - w0,
                       w,
                       buffer.bias};
    if (!inside || n < lanes) {
      table_.copy({image + c, s_.in_ld, exists ? s_.in[1] : 0, s_.in[2], y0, x0, height, width, n, window});
      t.in = window, t.in_row = width * lanes, t.in_pixel = lanes;
    }
    t.out = out_ + pixel * s_.out_ld + c, t.out_row = s_.out[2] * s_.out_ld, t.out_pixel = s_.out_ld;
    t.residual = residual ? residual + c : nullptr;
    t.residual_row = s_.out[2] * e_.residual_ld, t.residual_pixel = e_.residual_ld;
    t.channels = n, t.low = bounds_.low, t.high = bounds_.high, t.group = group_;
    kernel_of(t);
  }
  const int64_t begin = first * lanes, count = std::min(channels_, last * lanes) - begin;
  for (int64_t h = h0; h < h1; ++h)
    for (int64_t w = w0; w < w1; ++w) finish((plane * s_.out[1] + h) * s_.out[2] + w, begin, count);
}

}  // namespace

bool is_depthwise(const ConvShape& shape) { return shape.groups > 1 && shape.in_channels == shape.groups; }

bool depthwise_in_tiles(const ConvShape& s) {
  const bool flat = s.kernel[0] == 1;
  const bool square = s.kernel[1] == s.kernel[2] && s.stride[1] == s.stride[2];
  return flat && square && s.out_channels == s.in_channels && s.dilation[1] == 1 && s.dilation[2] == 1 &&
         (s.kernel[1] == 3 || s.kernel[1] == 5 || s.kernel[1] == 7) && s.stride[1] <= 2;
}

bool in_small_groups(Isa isa, const ConvShape& s) {
  const DepthwiseTable& table = depthwise_table(isa);
  const int64_t group = s.in_channels / s.groups;
  const bool fits = group == table.lanes ||
                    (table.part_group[0] && group > 1 && table.lanes % group == 0 && group < table.lanes);
  return s.method != ConvMethod::kInDouble && s.groups > 1 && fits && s.kernel[1] == 3 &&
         depthwise_in_tiles(s);
}

int64_t depthwise_packed_floats(Isa isa, const ConvShape& s) {
  if (!in_small_groups(isa, s)) return s.out_channels * s.taps();
  const int64_t lanes = depthwise_table(isa).lanes;
  return ceil_div(s.out_channels, lanes) * lanes * s.taps() * (s.in_channels / s.groups);
}

void depthwise_pack(Isa isa, const ConvShape& s, const UnalignedFloat* w, float* packed) {
  const int64_t outputs = s.out_channels / s.groups, taps = s.taps();
  if (in_small_groups(isa, s)) {
    const int64_t lanes = depthwise_table(isa).lanes;
    for (int64_t vector = 0; vector < s.out_channels; vector += lanes)
      for (int64_t in = 0; in < outputs; ++in)
        for (int64_t tap = 0; tap < taps; ++tap)
          for (int64_t c = vector; c < vector + lanes; ++c)
            *packed++ = c < s.out_channels ? w[(c * outputs + in) * taps + tap] : UnalignedFloat{};
    return;
  }
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c = 0; c < s.groups; ++c) *packed++ = w[(c * outputs + output) * taps + tap];
}

void depthwise_conv(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                    const Epilogue& epilogue, int threads) {
  if (threads <= 0) threads = usable_threads();
  const Depthwise job(isa, shape, packed, shape.groups, in, out, epilogue, threads);
  if (depthwise_in_tiles(shape) && shape.method != ConvMethod::kInDouble) {
    // A task is a rectangle, or some of its channels where rectangles are few.
    const int64_t vectors = job.vectors(), wanted = 4 * int64_t{threads};
    const int64_t parts = std::clamp<int64_t>(ceil_div(wanted, job.tiles() + 1), 1, vectors);
    const int64_t work = shape.out_pixels() * shape.batch * shape.out_channels * shape.taps() *
                         (shape.in_channels / shape.groups) / (job.tiles() * parts + 1);
    parallel_for(job.tiles() * parts, 1 + 100000 / (work + 1), threads, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end && !stop_requested(); ++i)
        job.tile(i / parts, vectors * (i % parts) / parts, vectors * (i % parts + 1) / parts);
    });
    return;
  }
  const int64_t row_work = shape.out[2] * shape.out_channels * shape.taps();
  parallel_for(shape.batch * shape.out[0] * shape.out[1], 1 + 100000 / (row_work + 1), threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end && !stop_requested(); ++i) job.row(i);
               });
}

void depthwise_slice(Isa isa, const ConvShape& shape, const float* packed, int64_t packed_channels,
                     const float* in, float* out, const Epilogue& epilogue) {
  const Depthwise job(isa, shape, packed, packed_channels, in, out, epilogue, 1);
  if (shape.method == ConvMethod::kInDouble) {
    for (int64_t i = 0; i < shape.out[1]; ++i) job.row(i);
    return;
  }
  for (int64_t i = 0; i < job.tiles(); ++i) job.tile(i, 0, job.vectors());
}

}  // namespace ow::kernels
