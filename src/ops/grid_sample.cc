// GridSample: y[n, c, p] = x[n, c] interpolated at grid[n, p], whose last axis holds normalised coordinates
// (innermost spatial axis first) in [-1, 1]: the corner pixels' centres with align_corners, else their outer
// edges. mode linear, nearest (ties to even) or cubic (Keys, a = -0.75). What lies outside is zero, the
// border pixel, or reflected. Any number of spatial axes: the weights are a product over them. Pixels are
// channels-last: what a point looks at and with which weights is found once for all its channels.
//
// Cubic with border padding moves each neighbour to the border by itself, as PyTorch and ONNX Runtime do; the
// standard's text leaves that open. Opsets 16 to 19 call linear and cubic `bilinear` and `bicubic`.
#include <algorithm>
#include <cmath>
#include <complex>

#include "kernels/resize.h"
#include "ops/op/image.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

enum class Mode { kLinear, kNearest, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

struct Attrs {
  Mode mode = Mode::kLinear;
  Padding padding = Padding::kZeros;
  bool align_corners = false;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.align_corners = a.flag("align_corners", false)};
  const std::string mode = a.text("mode", "linear"), padding = a.text("padding_mode", "zeros");
  if (mode == "nearest")
    attrs.mode = Mode::kNearest;
  else if (mode == "cubic")
    attrs.mode = Mode::kCubic;
  else if (mode != "linear")
    a.fail("mode", cat("is '", mode, "', expected linear, nearest or cubic"));
  if (padding == "border")
    attrs.padding = Padding::kBorder;
  else if (padding == "reflection")
    attrs.padding = Padding::kReflection;
  else if (padding != "zeros")
    a.fail("padding_mode", cat("is '", padding, "', expected zeros, border or reflection"));
  return attrs;
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 20) return {};
  const std::string mode = AttrReader(c.node()).text("mode", "bilinear");
  c.set_attribute("mode", mode == "bilinear" ? std::string("linear") : mode == "bicubic" ? "cubic" : mode);
  return {};
}

Status infer(const Attrs&, InferContext& c) {
  const SymShape *x = c.shape(0), *grid = c.shape(1);
  c.set(0, c.dtype(0), std::nullopt);
  if (x && grid && x->size() != grid->size())
    return c.error("grid is ", list_text(*grid), ", expected rank ", x->size());
  if ((x && x->size() < 3) || (grid && grid->size() < 3)) return c.error("expected inputs of rank 3 or more");
  if (!x && !grid) return {};
  SymShape shape{x ? (*x)[0] : (*grid)[0], x ? (*x)[1] : Dim::unknown()};
  for (size_t i = 1; i + 1 < (grid ? *grid : *x).size(); ++i)
    shape.push_back(grid ? (*grid)[i] : Dim::unknown());
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

double reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  const double folded = std::fmod(std::fabs(x - low), 2 * range);
  return low + (folded > range ? 2 * range - folded : folded);
}

// Up to four input indices (-1: zero) and their weights, for one axis.
struct Taps {
  int count = 1;
  int64_t index[4];
  double weight[4] = {1, 0, 0, 0};
};

int64_t pad_index(const Attrs& a, int64_t i, int64_t extent) {
  if (i >= 0 && i < extent) return i;
  if (a.padding == Padding::kZeros) return -1;
  double at = static_cast<double>(i);
  const auto last = static_cast<double>(extent - 1);
  if (a.padding == Padding::kReflection)
    at = a.align_corners ? reflect(at, 0, last) : reflect(at, -0.5, last + 0.5);
  return static_cast<int64_t>(std::clamp(at, 0.0, last));
}

void cubic_weights(double t, double* w) {
  constexpr double kA = -0.75;
  auto near = [](double d) { return ((kA + 2) * d - (kA + 3)) * d * d + 1; };
  auto far = [](double d) { return ((kA * d - 5 * kA) * d + 8 * kA) * d - 4 * kA; };
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = near(1 - t);
  w[3] = far(2 - t);
}

Taps make_taps(const Attrs& a, double normalised, int64_t extent) {
  const auto n = static_cast<double>(extent);
  const double low = a.align_corners ? 0 : -0.5, high = a.align_corners ? n - 1 : n - 0.5;
  double x = a.align_corners ? (normalised + 1) / 2 * (n - 1) : ((normalised + 1) * n - 1) / 2;
  if (!std::isfinite(x)) x = -1;
  if (a.mode == Mode::kLinear && x >= 0 && x < n - 1) {
    const auto i = static_cast<int64_t>(x);
    const double t = x - static_cast<double>(i);
    return {2, {i, i + 1}, {1 - t, t}};
  }
  if (a.mode == Mode::kNearest) x = std::nearbyint(x);
  if (x < low || x > high) {
    if (a.padding == Padding::kBorder && a.mode != Mode::kCubic) x = std::clamp(x, 0.0, n - 1);
    if (a.padding == Padding::kReflection) x = reflect(x, low, high);
  }
  x = std::clamp(x, -3.0, n + 2);  // farther out nothing changes
  Taps taps;
  if (a.mode == Mode::kNearest) {
    taps.index[0] = pad_index(a, static_cast<int64_t>(x), extent);
    return taps;
  }
  const double base = std::floor(x);
  taps.count = a.mode == Mode::kLinear ? 2 : 4;
  const int64_t first = static_cast<int64_t>(base) - (a.mode == Mode::kCubic);
  for (int t = 0; t < taps.count; ++t) taps.index[t] = pad_index(a, first + t, extent);
  if (a.mode == Mode::kCubic) {
    cubic_weights(x - base, taps.weight);
  } else {
    taps.weight[0] = 1 - (x - base);
    taps.weight[1] = x - base;
  }
  return taps;
}

// The product of the taps of all axes: pixels of one image, and weights.
template <class T>
class Sample {
 public:
  explicit Sample(size_t axes)
      : pixels_(size_t{1} << (2 * axes)), weights_(pixels_.size()), rows_(pixels_.size()) {}

  void set(const Attrs& a, const Shape& x, const double* grid) {
    count_ = 1;
    pixels_[0] = 0;
    weights_[0] = 1;
    const size_t axes = x.rank() - 2;
    for (size_t i = 0; i < axes; ++i) {
      const int64_t extent = x[i + 2];
      const Taps taps = make_taps(a, grid[axes - 1 - i], extent);
      // From the last tap to the first, which takes the place of what was there.
      size_t many = 0;
      for (int t = 0; t < taps.count; ++t) many += taps.index[t] >= 0;
      size_t at = many;
      for (int t = taps.count; t-- > 0;) {
        if (taps.index[t] < 0) continue;
        --at;
        for (size_t k = 0; k < count_; ++k) {
          pixels_[at * count_ + k] = pixels_[k] * extent + taps.index[t];
          weights_[at * count_ + k] = weights_[k] * static_cast<T>(taps.weight[t]);
        }
      }
      count_ *= many;
    }
  }

  // y[k] = the sum for channel k of the image x.
  void add_up(const T* x, int64_t ld, int64_t channels, kernels::WeightedRows sum, T* y) {
    if constexpr (std::is_same_v<T, float>) {
      for (size_t t = 0; t < count_; ++t) rows_[t] = x + pixels_[t] * ld;
      if (count_ > 0) return sum(rows_.data(), weights_.data(), static_cast<int>(count_), channels, y);
    }
    std::fill_n(y, channels, T(0));
    for (size_t t = 0; t < count_; ++t)
      for (int64_t k = 0; k < channels; ++k) y[k] += weights_[t] * x[pixels_[t] * ld + k];
  }

 private:
  size_t count_ = 0;
  std::vector<int64_t> pixels_;
  std::vector<T> weights_;
  std::vector<const T*> rows_;
};

// All points of `grid` into output 0 of `shape`; x is float or double, with any strides.
template <class T>
Status sample_all(const Attrs& a, RunContext& c, const Tensor& x, const Tensor& grid, Tensor& y) {
  const auto image = ONWARD_TRY(image_input<T>(c, x));
  ImageOutput out = ONWARD_TRY(image_output(c, y));
  const int64_t points = grid.shape().count(1, grid.rank() - 1), axes = grid.shape().back();
  const int64_t channels = x.dim(1), pixels = x.shape().count(2, x.rank());
  const kernels::WeightedRows sum = kernels::weighted_rows();
  c.parallel_for(x.dim(0) * points, std::max<int64_t>(1, 8192 / channels), [&](int64_t begin, int64_t end) {
    Sample<T> sample(static_cast<size_t>(axes));
    for (int64_t i = begin; i < end; ++i) {
      sample.set(a, x.shape(), grid.data<double>() + i * axes);
      sample.add_up(image.data + i / points * pixels * image.ld, image.ld, channels, sum,
                    out.template data<T>() + i * out.ld);
    }
  });
  out.finish(c);
  return {};
}

// The real and the imaginary parts of a dense x, each sampled by itself.
template <class T>
Status sample_parts(const Attrs& a, RunContext& c, const Tensor& x, const Tensor& points, Tensor& y) {
  Tensor part = ONWARD_TRY(Tensor::allocate(DType::kFloat64, x.shape(), c.budget()));
  Tensor result = ONWARD_TRY(Tensor::allocate(DType::kFloat64, y.shape(), c.budget()));
  Tensor whole = ONWARD_TRY(Tensor::allocate(x.dtype(), y.shape(), c.budget()));
  for (const bool imaginary : {false, true}) {
    const auto* from = x.data<std::complex<T>>();
    for (int64_t i = 0; i < x.count(); ++i)
      part.mutable_data<double>()[i] = double{imaginary ? from[i].imag() : from[i].real()};
    ONWARD_TRY(sample_all<double>(a, c, part, points, result));
    auto* to = whole.mutable_data<std::complex<T>>();
    for (int64_t i = 0; i < y.count(); ++i) {
      const auto v = static_cast<T>(result.data<double>()[i]);
      to[i] = imaginary ? std::complex<T>(to[i].real(), v) : std::complex<T>(v, 0);
    }
  }
  copy_elements(whole, y);
  return {};
}

// Text is moved: the nearest position is sampled, counted from 1, and 0 is outside.
Status sample_text(const Attrs& a, RunContext& c, const Tensor& x, const Tensor& points, Tensor& y) {
  if (a.mode != Mode::kNearest) return c.error("text cannot be interpolated, only moved (mode nearest)");
  Tensor positions = ONWARD_TRY(Tensor::allocate(DType::kFloat64, x.shape(), c.budget()));
  Tensor found = ONWARD_TRY(Tensor::allocate(DType::kFloat64, y.shape(), c.budget()));
  Tensor texts = ONWARD_TRY(Tensor::allocate(DType::kString, y.shape(), c.budget()));
  for (int64_t i = 0; i < x.count(); ++i) positions.mutable_data<double>()[i] = static_cast<double>(i + 1);
  ONWARD_TRY(sample_all<double>(a, c, positions, points, found));
  for (int64_t i = 0; i < y.count(); ++i) {
    const auto at = static_cast<int64_t>(found.data<double>()[i]);
    if (at > 0) texts.mutable_data<std::string>()[i] = x.data<std::string>()[at - 1];
  }
  copy_elements(texts, y);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &grid = c.in(1);
  if (x.rank() < 3 || x.rank() > 8 || grid.rank() != x.rank() || grid.dim(0) != x.dim(0) ||
      grid.shape().back() != static_cast<int64_t>(x.rank() - 2))
    return c.error("a grid of shape ", grid.shape(), " does not fit an input of shape ", x.shape());
  Shape shape{x.dim(0), x.dim(1)};
  for (size_t i = 1; i + 1 < grid.rank(); ++i) shape.push_back(grid.dim(i));
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), shape));
  if (y.count() == 0) return {};
  if (x.count() == 0) return c.error("input of shape ", x.shape(), " has nothing to sample");
  const Tensor points = ONWARD_TRY(convert(grid, DType::kFloat64, true, Round::kUp, c.budget()));
  if (x.dtype() == DType::kFloat32) return sample_all<float>(a, c, x, points, y);
  if (x.dtype() == DType::kFloat64) return sample_all<double>(a, c, x, points, y);
  const Tensor dense = ONWARD_TRY(x.owned(c.budget()));
  if (x.dtype() == DType::kString) return sample_text(a, c, dense, points, y);
  if (x.dtype() == DType::kComplex64) return sample_parts<float>(a, c, dense, points, y);
  if (x.dtype() == DType::kComplex128) return sample_parts<double>(a, c, dense, points, y);
  const Tensor wide = ONWARD_TRY(convert(dense, DType::kFloat64, true, Round::kUp, c.budget()));
  Tensor result = ONWARD_TRY(Tensor::allocate(DType::kFloat64, shape, c.budget()));
  ONWARD_TRY(sample_all<double>(a, c, wide, points, result));
  copy_elements(ONWARD_TRY(convert(result, x.dtype(), true, Round::kUp, c.budget())), y);
  return {};
}

}  // namespace

ONWARD_OPS(grid_sample) {
  return {op<Attrs>({.name = "GridSample",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
