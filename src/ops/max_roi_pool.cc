// MaxRoiPool (Fast R-CNN): each region [batch index, x1, y1, x2, y2], scaled and rounded to whole pixels,
// both ends included, is cut into pooled_shape bins that may share pixels; a bin is the largest pixel in it,
// 0 if it lies outside the image.
#include <algorithm>
#include <cmath>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t height = 1, width = 1;
  double spatial_scale = 1;
};

Result<Attrs> read(const AttrReader& a) {
  const auto shape = a.maybe_integers("pooled_shape");
  constexpr int64_t kMost = 1 << 20;
  if (!shape || shape->size() != 2 ||
      std::any_of(shape->begin(), shape->end(), [](int64_t i) { return i < 1 || i > kMost; })) {
    a.fail("pooled_shape", "is not two numbers within [1, 2^20]");
    return Attrs{};
  }
  return Attrs{(*shape)[0], (*shape)[1], double{a.real("spatial_scale", 1)}};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *rois = c.shape(1);
  if (x && x->size() != 4) return c.error("X is ", list_text(*x), ", expected rank 4");
  if (rois && rois->size() != 2) return c.error("rois are ", list_text(*rois), ", expected rank 2");
  c.set(0, c.dtype(0),
        SymShape{rois ? (*rois)[0] : Dim::unknown(), x ? (*x)[1] : Dim::unknown(), Dim(a.height),
                 Dim(a.width)});
  return {};
}

// One axis of a region: its first pixel and how many it has, as doubles, and the pixels of the image.
struct Axis {
  double first, length;
  int64_t extent;
  // Pixels [begin, end) of bin `i` of `bins` within the image.
  std::pair<int64_t, int64_t> bin(int64_t i, int64_t bins) const {
    const double size = length / static_cast<double>(bins), most = static_cast<double>(extent);
    const double begin = first + std::floor(static_cast<double>(i) * size);
    const double end = first + std::ceil(static_cast<double>(i + 1) * size);
    auto inside = [most](double p) { return static_cast<int64_t>(p > 0 ? std::min(p, most) : 0.0); };
    return {inside(begin), inside(end)};
  }
};

Axis make_axis(double low, double high, double scale, int64_t extent) {
  const double first = std::round(low * scale), last = std::round(high * scale);
  return {first, std::max(last - first + 1, 1.0), extent};
}

template <class T>
T largest(const T* x, int64_t width, std::pair<int64_t, int64_t> rows, std::pair<int64_t, int64_t> columns) {
  if (rows.first >= rows.second || columns.first >= columns.second) return T(0);
  T most = x[rows.first * width + columns.first];
  for (int64_t i = rows.first; i < rows.second; ++i)
    for (int64_t j = columns.first; j < columns.second; ++j) most = std::max(most, x[i * width + j]);
  return most;
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &rois = c.in(1);
  const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3), n = rois.dim(0);
  for (int64_t r = 0; r < n; ++r) {
    const auto index = static_cast<double>(rois.data<T>()[r * 5]);
    if (!(index >= 0 && index < static_cast<double>(x.dim(0))))
      return c.error("region ", r, " is of image ", index, ", expected one of ", x.dim(0));
  }
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), {n, channels, a.height, a.width}));
  if (y.count() == 0) return {};
  c.parallel_for(n * channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* roi = rois.data<T>() + i / channels * 5;
      auto axis = [&](int k, int64_t extent) {
        return make_axis(static_cast<double>(roi[k]), static_cast<double>(roi[k + 2]), a.spatial_scale,
                         extent);
      };
      const Axis columns = axis(1, width), rows = axis(2, height);
      const T* from = x.data<T>() + (static_cast<int64_t>(roi[0]) * channels + i % channels) * height * width;
      T* to = y.mutable_data<T>() + i * a.height * a.width;
      for (int64_t v = 0; v < a.height; ++v)
        for (int64_t h = 0; h < a.width; ++h)
          *to++ = largest(from, width, rows.bin(v, a.height), columns.bin(h, a.width));
    }
  });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &rois = c.in(1);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 5)
    return c.error("X ", x.shape(), " and rois ", rois.shape(), " do not fit [N, C, H, W] and [n, 5]");
  return x.dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(max_roi_pool) {
  return {op<Attrs>(
      {.name = "MaxRoiPool", .read = read, .infer = infer, .run = run, .native = types<float, double>})};
}

}  // namespace ow
