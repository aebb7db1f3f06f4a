#include "ops/op/resize_axis.h"

#include <algorithm>
#include <cmath>

namespace ow {
namespace {

double original(const ResizeRule& rule, const ResizeAxis& a, double x) {
  const auto in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  switch (rule.coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5) / a.scale - 0.5;
    case Coordinates::kHalfPixelSymmetric: {
      const double adjustment = out / (a.scale * in);
      return in / 2 * (1 - adjustment) + (x + 0.5) / a.scale - 0.5;
    }
    case Coordinates::kPytorchHalfPixel:
      return a.out > 1 ? (x + 0.5) / a.scale - 0.5 : 0;
    case Coordinates::kAlignCorners: {
      // The official tests take the length before it is rounded down to an extent.
      const double length = std::fabs(a.scale * in - out) < 1e-6 * out ? out : a.scale * in;
      return a.out > 1 ? x * (in - 1) / (length - 1) : 0;
    }
    case Coordinates::kAsymmetric:
      return x / a.scale;
    case Coordinates::kTfCropAndResize:
      return a.out > 1 ? a.start * (in - 1) + x * (a.end - a.start) * (in - 1) / (out - 1)
                       : 0.5 * (a.start + a.end) * (in - 1);
  }
  return 0;
}

double nearest(NearestMode mode, double x) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::kFloor:
      return std::floor(x);
    case NearestMode::kCeil:
      return std::ceil(x);
  }
  return 0;
}

double kernel(const ResizeRule& rule, double d) {
  d = std::fabs(d);
  if (rule.mode == ResizeMode::kLinear) return std::max(0.0, 1 - d);
  const double a = rule.cubic_a;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

// The weights of one output index, around base = floor(x).
void fill_taps(const ResizeRule& rule, const ResizeAxis& a, double x, double stretch, int64_t first,
               int64_t* index, double* weight) {
  const double base = std::floor(x);
  double sum = 0;
  for (int t = 0; t < a.taps; ++t) {
    const double at = base + static_cast<double>(first + t), last = static_cast<double>(a.in - 1);
    const bool dropped = rule.exclude_outside && (at < 0 || at > last);
    index[t] = static_cast<int64_t>(std::clamp(at, 0.0, last));
    sum += weight[t] = dropped ? 0 : kernel(rule, (at - x) * stretch);
  }
  if (sum != 0 && (rule.exclude_outside || stretch < 1))
    for (int t = 0; t < a.taps; ++t) weight[t] /= sum;
}

}  // namespace

bool ResizeAxis::identity() const {
  if (in != out || !outside.empty()) return false;
  for (int64_t i = 0; i < out; ++i)
    for (int t = 0; t < taps; ++t) {
      const auto k = static_cast<size_t>(i * taps + t);
      if (weight[k] != 0 && (index[k] != i || weight[k] != 1)) return false;
    }
  return true;
}

void fill_table(const ResizeRule& rule, ResizeAxis& a) {
  // The table of an absurdly small scale would have more taps than the axis has elements.
  const double stretch = rule.antialias && rule.mode != ResizeMode::kNearest
                             ? std::clamp(a.scale, 0.5 / static_cast<double>(a.in), 1.0)
                             : 1.0;
  int64_t first = 0;
  a.taps = 1;
  if (rule.mode != ResizeMode::kNearest) {
    const double reach = rule.mode == ResizeMode::kLinear ? 1 : 2;
    first = static_cast<int64_t>(std::floor(-reach / stretch)) + 1;
    a.taps = static_cast<int>(2 - 2 * first);
  }
  a.index.resize(static_cast<size_t>(a.out * a.taps));
  a.weight.resize(a.index.size(), 1.0);
  for (int64_t i = 0; i < a.out; ++i) {
    double x = original(rule, a, static_cast<double>(i));
    const auto last = static_cast<double>(a.in - 1);
    if (rule.coordinates == Coordinates::kTfCropAndResize && !(x >= 0 && x <= last)) {
      a.outside.resize(static_cast<size_t>(a.out), false);
      a.outside[static_cast<size_t>(i)] = true;
      x = 0;
    }
    const auto at = static_cast<size_t>(i * a.taps);
    if (rule.mode == ResizeMode::kNearest)
      a.index[at] = static_cast<int64_t>(std::clamp(nearest(rule.nearest, x), 0.0, last));
    else
      fill_taps(rule, a, x, stretch, first, &a.index[at], &a.weight[at]);
  }
}

}  // namespace ow
