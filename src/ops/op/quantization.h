// Which scale and zero point belong to which element: one for all, one per index along an axis, or one per
// block of `block_size` indices along an axis.
#pragma once
#include "ops/op/infer.h"
#include "ops/op/run.h"

namespace ow {

// The tensor as rows of `inner` elements; each row's parameters start at an offset and advance by `step`.
struct Granularity {
  int64_t inner = 1, extent = 1, blocks = 1, block = 1;
  int64_t step = 0;
  bool blocked = false, per_axis = false;

  int64_t parameter(int64_t row) const {
    if (blocked) return (row / extent * blocks + row % extent / block) * inner;
    return per_axis ? row % extent : 0;
  }
};

// From the shapes of x and of the scale; errors name what does not fit.
Result<Granularity> granularity(const RunContext& c, const Shape& x, const Shape& scale, int64_t axis,
                                int64_t block_size);

// Calls f(first element, count, first parameter) over pieces of rows, in parallel.
void for_each_piece(const RunContext& c, const Granularity& g, int64_t count,
                    const std::function<void(int64_t, int64_t, int64_t)>& f);

// round(v) (ties to even) + zero in [low, high]; NaN counts as 0.
inline int64_t quantize_value(double v, int64_t zero, int64_t low, int64_t high) {
  if (!(v == v)) v = 0;
  const double r = __builtin_nearbyint(v) + static_cast<double>(zero);
  return r <= static_cast<double>(low)    ? low
         : r >= static_cast<double>(high) ? high
                                          : static_cast<int64_t>(r);
}

struct IntegerRange {
  int64_t low, high;
};
IntegerRange integer_range(DType t);  // of an integer type of up to 16 bits

}  // namespace ow
