#include "ops/op/reduction.h"

namespace ow {

Reduction reduction_of(const Shape& shape, const std::vector<bool>& is_reduced) {
  Reduction r;
  const Shape strides = dense_strides(shape);
  std::optional<bool> last;
  for (size_t i = 0; i < shape.rank(); ++i) {
    const int64_t extent = shape[i];
    (is_reduced[i] ? r.reduced_count : r.kept_count) *= extent;
    if (extent == 1) continue;
    auto& axes = is_reduced[i] ? r.reduced : r.kept;
    if (last == is_reduced[i]) {
      axes.back().extent *= extent;
      axes.back().stride = strides[i];
    } else {
      axes.push_back({extent, strides[i]});
    }
    last = is_reduced[i];
  }
  return r;
}

}  // namespace ow
