#include "kernels/conv_depthwise.h"

#include <algorithm>
#include <cstring>

#include "base/parallel_tasks.h"
#include "base/stop.h"
#include "kernels/ceil_div.h"
#include "kernels/conv_direct.h"
#include "kernels/depthwise.h"

namespace ow::kernels {
namespace {

constexpr int64_t kStripBytes = 256 * 1024;

// Output pixels of the first convolution, from one on, and where they go in the strip.
struct StripRows {
  const IndirectRows& whole;
  int64_t first_pixel, width, strip_width;
};

void strip_a_rows(const void* context, int64_t first, int count, int64_t tap, int64_t taps,
                  const float** out) {
  const auto& rows = *static_cast<const StripRows*>(context);
  rows.whole.a_rows(rows.whole.context, rows.first_pixel + first, count, tap, taps, out);
}

void strip_c_rows(const void* context, int64_t first, int count, int64_t* out) {
  const auto& rows = *static_cast<const StripRows*>(context);
  int64_t line = first / rows.width, w = first % rows.width;
  for (int i = 0; i < count; w = 0, ++line)
    for (; i < count && w < rows.width; ++i, ++w) out[i] = line * rows.strip_width + w;
}

// Costs in cycles per tile of 14 pixels: what the products, a tile of a slice and a row that is kept take.
// Slices of many panels make strips of few rows, and shares of threads that are not equal.
ConvDepthwiseCut best_cut(Isa isa, const ConvDepthwise& c, int threads) {
  constexpr double kProduct = 28, kTile = 150, kKept = 90;
  const ConvShape &f = c.first, &d = c.depthwise;
  const auto number = [](int64_t n) { return static_cast<double>(n); };
  const int64_t columns = gemm_table(isa).panel_columns, all = ceil_div(f.out_channels, columns);
  const int64_t kept = std::max<int64_t>(0, d.kernel[1] - d.stride[1]);
  const int64_t most = (d.out[1] - 1) * d.stride[1] + d.kernel[1];
  ConvDepthwiseCut best;
  double least = 0;
  for (int64_t slices = 1; slices <= all; ++slices) {
    ConvDepthwiseCut cut;
    cut.threads = threads;
    cut.panels = ceil_div(all, slices), cut.slices = ceil_div(all, cut.panels);
    if (cut.slices != slices) continue;
    cut.channels = cut.panels * columns;
    cut.width = std::max((d.out[2] - 1) * d.stride[2] + d.kernel[2], d.pad[2] + d.in[2]);
    cut.rows = std::min(most, kStripBytes / (4 * cut.row_floats()));
    if (cut.rows < d.kernel[1] && slices < all) continue;
    cut.rows = std::max(cut.rows, d.kernel[1]);
    const int64_t step = (cut.rows - d.kernel[1]) / d.stride[1] + 1;
    const double moved = step < d.out[1] ? number(kept) / number(step * d.stride[1]) : 0;
    const double tile =
        number(cut.panels) * (kProduct * number(f.in_channels * f.taps()) + kKept * moved) + kTile;
    for (cut.parts = 1; cut.parts <= std::min<int64_t>(2 * threads, d.out[1]); ++cut.parts) {
      const int64_t rounds = ceil_div(d.batch * cut.parts * slices, threads);
      const double twice = 1 + number((cut.parts - 1) * kept) / number(d.in[1]);
      const double cost = number(rounds) / number(cut.parts) * twice * tile;
      if (least == 0 || cost < least) best = cut, least = cost;
    }
  }
  return best;
}

// The first convolution's own part of the scratch memory.
int64_t direct_bytes(const ConvDepthwise& c) {
  return ceil_div(static_cast<int64_t>(direct_scratch_bytes(c.first)), 64) * 64;
}

class Job {
 public:
  Job(const ConvDepthwise& c, const ConvDepthwiseCut& cut, const void* packed_first,
      const void* packed_depthwise, const float* in, float* out, const Epilogue& first,
      const Epilogue& depthwise, void* scratch)
      : d_(c.depthwise),
        isa_(packed_isa(packed_first)),
        cut_(cut),
        direct_(c.first, packed_data(packed_first), in, scratch, cut.threads),
        problem_(direct_.problem(isa_, nullptr, first)),
        packed_depthwise_(packed_data(packed_depthwise)),
        out_(out),
        depthwise_epilogue_(depthwise),
        strips_(static_cast<float*>(scratch) + direct_bytes(c) / static_cast<int64_t>(sizeof(float))) {}

  void run() const {
    parallel_tasks(d_.batch * cut_.parts * cut_.slices, cut_.threads, [&](int64_t thread, int64_t task) {
      if (stop_requested()) return;
      const int64_t slice = task % cut_.slices, part = task / cut_.slices % cut_.parts,
                    image = task / cut_.slices / cut_.parts;
      band(image, slice, d_.out[1] * part / cut_.parts, d_.out[1] * (part + 1) / cut_.parts,
           strips_ + thread * cut_.strip_floats());
    });
  }

 private:
  // Output rows [begin, end) of a slice.
  void band(int64_t image, int64_t slice, int64_t begin, int64_t end, float* strip) const {
    clear_sides(strip);
    const int64_t kernel = d_.kernel[1], stride = d_.stride[1];
    const int64_t step = (cut_.rows - kernel) / stride + 1;  // output rows of a strip
    int64_t made = begin * stride - d_.pad[1];               // rows before it are in the strip
    for (int64_t row = begin; row < end; row += step) {
      const int64_t rows = std::min(step, end - row), top = row * stride - d_.pad[1],
                    bottom = top + (rows - 1) * stride + kernel;
      const int64_t kept = std::max<int64_t>(0, made - top);
      if (kept > 0 && row > begin)
        std::memmove(strip, strip + step * stride * cut_.row_floats(),
                     static_cast<size_t>(kept * cut_.row_floats()) * sizeof(float));
      make(image, slice, top + kept, bottom, strip + kept * cut_.row_floats());
      made = bottom;
      read(image, slice, row, rows, strip);
    }
  }

  // Zeros to the left and right of the image between; nothing else is ever written there.
  void clear_sides(float* strip) const {
    const int64_t left = d_.pad[2] * cut_.channels, right = left + d_.in[2] * cut_.channels;
    for (int64_t row = 0; row < cut_.rows; ++row, strip += cut_.row_floats()) {
      std::fill(strip, strip + left, 0.0f);
      std::fill(strip + right, strip + cut_.row_floats(), 0.0f);
    }
  }

  // Rows [top, bottom) of the image between, zeros outside of it.
  void make(int64_t image, int64_t slice, int64_t top, int64_t bottom, float* to) const {
    const int64_t first = std::clamp<int64_t>(0, top, bottom), last = std::clamp(d_.in[1], first, bottom);
    const auto row = [&](int64_t at) { return to + (at - top) * cut_.row_floats(); };
    std::fill(row(top), row(first), 0.0f);
    std::fill(row(last), row(bottom), 0.0f);
    if (first == last) return;
    const StripRows rows = {problem_.rows, (image * d_.in[1] + first) * d_.in[2], d_.in[2], cut_.width};
    const int64_t column = slice * cut_.channels;
    GemmProblem p = problem_;
    p.m = (last - first) * d_.in[2];
    p.n = std::min(cut_.channels, problem_.n - column);
    p.rows = {strip_a_rows, strip_c_rows, &rows};
    p.panels += slice * cut_.channels * p.taps * p.k;
    p.c = row(first) + d_.pad[2] * cut_.channels;
    p.ldc = cut_.channels;
    if (p.epilogue.bias) p.epilogue.bias += column;
    run_gemm(isa_, p, 1);
  }

  // Output rows [row, row + rows) out of the strip.
  void read(int64_t image, int64_t slice, int64_t row, int64_t rows, const float* strip) const {
    const int64_t column = slice * cut_.channels;
    ConvShape s = d_;
    s.batch = 1;
    s.in[1] = (rows - 1) * s.stride[1] + s.kernel[1], s.in[2] = cut_.width, s.in_ld = cut_.channels;
    s.out[1] = rows;
    s.pad[1] = s.pad[2] = 0;
    s.in_channels = s.out_channels = s.groups = std::min(cut_.channels, problem_.n - column);
    Epilogue e = depthwise_epilogue_;
    if (e.bias) e.bias += column;
    depthwise_slice(isa_, s, packed_depthwise_ + column, d_.groups, strip,
                    out_ + ((image * d_.out[1] + row) * d_.out[2]) * d_.out_ld + column, e);
  }

  const ConvShape& d_;
  const Isa isa_;
  const ConvDepthwiseCut& cut_;
  const DirectConv direct_;
  const GemmProblem problem_;  // of all channels and images
  const float* packed_depthwise_;
  float* out_;
  const Epilogue& depthwise_epilogue_;
  float* strips_;
};

}  // namespace

bool conv_depthwise_applies(const ConvDepthwise& c) {
  const ConvShape &f = c.first, &d = c.depthwise;
  const bool flat = d.in[0] == 1 && d.out[0] == 1 && d.pad[0] == 0;
  const bool direct = f.method == ConvMethod::kDirect || f.method == ConvMethod::kInDouble;
  return f.groups == 1 && direct && flat && is_depthwise(d) && depthwise_in_tiles(d) && d.pad[1] >= 0 &&
         d.pad[2] >= 0 && d.in_channels == f.out_channels;
}

ConvDepthwiseCut cut_conv_depthwise(const ConvDepthwise& c, const void* packed_first, int threads) {
  // Less is not worth a parallel region; in multiply-adds.
  constexpr int64_t kParallelWork = 200000;
  const ConvShape& f = c.first;
  const int64_t each = f.in_channels * f.taps() + c.depthwise.taps();
  const bool shares = f.batch * f.out_pixels() * f.out_channels * each >= kParallelWork;
  return best_cut(packed_isa(packed_first), c, shares ? threads : 1);
}

size_t conv_depthwise_scratch_bytes(const ConvDepthwise& c, const ConvDepthwiseCut& cut) {
  return static_cast<size_t>(direct_bytes(c)) +
         static_cast<size_t>(cut.threads * cut.strip_floats()) * sizeof(float);
}

void conv_depthwise(const ConvDepthwise& c, const ConvDepthwiseCut& cut, const void* packed_first,
                    const void* packed_depthwise, const float* in, float* out, const Epilogue& first,
                    const Epilogue& depthwise, void* scratch) {
  Job(c, cut, packed_first, packed_depthwise, in, out, first, depthwise, scratch).run();
}

}  // namespace ow::kernels
