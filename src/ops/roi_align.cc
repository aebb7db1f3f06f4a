// RoiAlign: each region of interest [x1, y1, x2, y2] is cut into output_height x output_width bins; a bin is
// the average (or maximum) over a grid of bilinear samples. Mode max takes the largest single weighted
// corner, as the official tests have it. half_pixel shifts the region by half a pixel; below opset 16 there
// is no shift, and regions are at least one pixel wide.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool half_pixel = true, max = false;
  int64_t output_height = 1, output_width = 1, sampling_ratio = 0;
  double spatial_scale = 1;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string shift = a.text("coordinate_transformation_mode", "half_pixel"),
                    mode = a.text("mode", "avg");
  if (shift != "half_pixel" && shift != "output_half_pixel")
    a.fail("coordinate_transformation_mode",
           cat("is '", shift, "', expected half_pixel or output_half_pixel"));
  if (mode != "avg" && mode != "max") a.fail("mode", cat("is '", mode, "', expected avg or max"));
  Attrs attrs{.half_pixel = shift == "half_pixel",
              .max = mode == "max",
              .output_height = a.integer("output_height", 1),
              .output_width = a.integer("output_width", 1),
              .sampling_ratio = a.integer("sampling_ratio", 0),
              .spatial_scale = double{a.real("spatial_scale", 1)}};
  constexpr int64_t kMost = 1 << 20;
  if (attrs.output_height < 1 || attrs.output_height > kMost || attrs.output_width < 1 ||
      attrs.output_width > kMost)
    a.fail("output_height", "or output_width is outside [1, 2^20]");
  if (attrs.sampling_ratio < 0 || attrs.sampling_ratio > 4096)
    a.fail("sampling_ratio", "is outside [0, 4096]");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *rois = c.shape(1);
  if (x && x->size() != 4) return c.error("input is ", list_text(*x), ", expected rank 4");
  if (rois && rois->size() != 2) return c.error("rois are ", list_text(*rois), ", expected rank 2");
  c.set(0, c.dtype(0),
        SymShape{rois ? (*rois)[0] : Dim::unknown(), x ? (*x)[1] : Dim::unknown(), Dim(a.output_height),
                 Dim(a.output_width)});
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() < 16)
    c.set_attribute("coordinate_transformation_mode", std::string("output_half_pixel"));
  return {};
}

struct Corner {
  int64_t low = 0, high = 0;
  double low_weight = 0, high_weight = 0;
};

Corner corner(double p, int64_t extent) {
  if (!(p >= -1 && p <= static_cast<double>(extent))) return {};
  p = std::max(p, 0.0);
  const auto low = static_cast<int64_t>(p);
  if (low >= extent - 1) return {extent - 1, extent - 1, 1, 0};
  const double t = p - static_cast<double>(low);
  return {low, low + 1, 1 - t, t};
}

// One axis of a region: where it begins, the size of its bins and how many samples each has.
struct Bins {
  double start, size;
  int64_t samples;
  double at(int64_t bin, int64_t sample) const {
    return start + static_cast<double>(bin) * size +
           (static_cast<double>(sample) + 0.5) * size / static_cast<double>(samples);
  }
};

Bins make_bins(const Attrs& a, double low, double high, int64_t bins) {
  const double offset = a.half_pixel ? 0.5 : 0;
  const double start = low * a.spatial_scale - offset;
  double length = high * a.spatial_scale - offset - start;
  if (!a.half_pixel) length = std::max(length, 1.0);
  const double size = length / static_cast<double>(bins);
  const double wanted = std::isnan(size) ? 1.0 : std::clamp(std::ceil(size), 0.0, 4096.0);
  return {start, size, a.sampling_ratio ? a.sampling_ratio : static_cast<int64_t>(wanted)};
}

// The corners of one bin's samples.
void find_corners(const Bins& axis, int64_t bin, int64_t extent, std::vector<Corner>& out) {
  out.resize(static_cast<size_t>(axis.samples));
  for (int64_t i = 0; i < axis.samples; ++i) out[static_cast<size_t>(i)] = corner(axis.at(bin, i), extent);
}

// Calls f(value times its weight) for the four neighbours of each sample.
template <class T, class F>
void for_each_part(const T* x, int64_t width, const std::vector<Corner>& rows,
                   const std::vector<Corner>& columns, F f) {
  for (const Corner& v : rows) {
    const T *low = x + v.low * width, *high = x + v.high * width;
    for (const Corner& h : columns) {
      f(v.low_weight * h.low_weight * static_cast<double>(low[h.low]));
      f(v.low_weight * h.high_weight * static_cast<double>(low[h.high]));
      f(v.high_weight * h.low_weight * static_cast<double>(high[h.low]));
      f(v.high_weight * h.high_weight * static_cast<double>(high[h.high]));
    }
  }
}

// One bin of a channel.
template <class T>
double pool_bin(const Attrs& a, const T* x, int64_t width, const std::vector<Corner>& rows,
                const std::vector<Corner>& columns) {
  if (a.max) {
    double most = -INFINITY;
    for_each_part(x, width, rows, columns, [&](double part) { most = std::max(most, part); });
    return most == -INFINITY ? 0 : most;
  }
  double sum = 0;
  for_each_part(x, width, rows, columns, [&](double part) { sum += part; });
  return sum / static_cast<double>(std::max<size_t>(rows.size() * columns.size(), 1));
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &rois = c.in(1);
  const auto batches = ONWARD_TRY(read_indices(c, 2, x.dim(0)));
  for (int64_t index : c.in(2).span<int64_t>())
    if (index < 0) return c.error("batch_indices has ", index, ", expected 0 or more");
  const int64_t n = rois.dim(0), channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  const int64_t bins = a.output_height * a.output_width;
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), {n, channels, a.output_height, a.output_width}));
  if (y.count() == 0) return {};
  if (height == 0 || width == 0) return c.error("input of shape ", x.shape(), " has nothing to sample");
  constexpr int64_t kChannels = 32;  // of a region that share its corners
  const int64_t blocks = (channels + kChannels - 1) / kChannels, plane = height * width;
  c.parallel_for(n * blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<Corner> rows, columns;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / blocks, first = i % blocks * kChannels,
                    last = std::min(first + kChannels, channels);
      const T* roi = rois.data<T>() + r * 4;
      const Bins across =
          make_bins(a, static_cast<double>(roi[0]), static_cast<double>(roi[2]), a.output_width);
      const Bins down =
          make_bins(a, static_cast<double>(roi[1]), static_cast<double>(roi[3]), a.output_height);
      const T* image = x.data<T>() + batches[static_cast<size_t>(r)] * channels * plane;
      T* to = y.mutable_data<T>() + r * channels * bins;
      for (int64_t b = 0; b < bins; ++b) {
        if (b % a.output_width == 0) find_corners(down, b / a.output_width, height, rows);
        find_corners(across, b % a.output_width, width, columns);
        for (int64_t k = first; k < last; ++k)
          to[k * bins + b] = static_cast<T>(pool_bin(a, image + k * plane, width, rows, columns));
      }
    }
  });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &rois = c.in(1);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 4 || c.in(2).rank() != 1 ||
      c.in(2).dim(0) != rois.dim(0))
    return c.error("input ", x.shape(), ", rois ", rois.shape(), " and batch_indices ", c.in(2).shape(),
                   " do not fit [N, C, H, W], [n, 4] and [n]");
  return x.dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(roi_align) {
  return {op<Attrs>({.name = "RoiAlign",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .native = types<float, double>})};
}

}  // namespace ow
