// Resizing by weighted taps along each axis; corners of pixels are aligned (half-pixel centres).
//
//   linear   source position u = (x + 1/2) * in / out - 1/2, clamped to the edge; two taps, also when
//   shrinking area     the mean over the source interval that a pixel covers when shrinking; linear when
//   growing nearest  source index floor(x * in / out)
//
// Linear is what the networks were trained on; area is for pictures that people look at.
#pragma once
#include <vector>

#include "apps/image/image.h"

namespace onward::apps {

enum class Resample { kNearest, kLinear, kArea };

// One output position of one axis: sum over i of weight[i] * in[first + i].
struct Taps {
  int first = 0;
  std::vector<float> weights;
};

// One Taps for each of the `out` positions; 1 <= in, out.
std::vector<Taps> resize_taps(int in, int out, Resample resample);

Planes resize(const Planes& in, int width, int height, Resample resample);

// 8-bit, rounded to nearest; alpha too.
Image resize(const Image& in, int width, int height, Resample resample);

// The same as float 0..1, planar, always three channels (grey is repeated), without a full-size float copy.
Planes resize_to_planes(const Image& in, int width, int height, Resample resample);

}  // namespace onward::apps
