// The tables of Resize: where each output index of one axis looks in the input, and with which weights.
//
// x is the output index mapped back by the coordinate transformation. `nearest` rounds it. `linear` and
// `cubic` weigh the input at j by f(j - x) with a triangle or Keys' cubic; with antialias, when shrinking, by
// f((j - x) * scale) normalised to sum 1. Indices outside the axis are clamped to its edge, or dropped and
// the rest normalised with exclude_outside.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ow {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class Coordinates {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize
};
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };

struct ResizeRule {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  double cubic_a = -0.75;
  bool antialias = false, exclude_outside = false;
};

struct ResizeAxis {
  int64_t in = 0, out = 0;
  double scale = 1;           // out / in, or as given
  double start = 0, end = 1;  // region of interest, of tf_crop_and_resize only
  int taps = 1;
  std::vector<int64_t> index;  // [out, taps]
  std::vector<double> weight;  // [out, taps]
  std::vector<bool> outside;   // by output index; empty: none is
  bool identity() const;       // every output index is its input index
};

// Fills the table; in, out, scale and the region are set. in > 0.
void fill_table(const ResizeRule& rule, ResizeAxis& axis);

}  // namespace ow
