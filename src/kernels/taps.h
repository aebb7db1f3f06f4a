// Which taps of a window lie inside the image.
#pragma once
#include <algorithm>

#include "kernels/conv.h"

namespace ow::kernels {

struct TapRange {
  int64_t begin, count, position;  // position: the input that tap `begin` reads
};

// The taps of output `o` along `axis` that read inside the input.
inline TapRange taps_inside(const ConvShape& s, int axis, int64_t o) {
  const auto ceil_div = [](int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); };
  const int64_t origin = o * s.stride[axis] - s.pad[axis], d = s.dilation[axis];
  const int64_t begin = std::max<int64_t>(0, ceil_div(-origin, d));
  const int64_t end = std::min(s.kernel[axis], ceil_div(s.in[axis] - origin, d));
  if (end <= begin) return {0, 0, 0};
  return {begin, end - begin, origin + begin * d};
}

}  // namespace ow::kernels
