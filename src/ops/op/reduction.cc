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

ReductionWalk::ReductionWalk(const Reduction& r, int64_t row)
    : rows(!r.kept.empty() && r.kept.back().stride == 1 && r.reduced_count > 1),
      width(rows ? r.kept.back().extent : 1),
      row(row),
      pieces((width + row - 1) / row),
      outer(r.kept_count / width),
      outer_axes(r.kept.begin(), r.kept.end() - (rows ? 1 : 0)),
      above(r.reduced.begin(), r.reduced.end() - (r.reduced.empty() ? 0 : 1)),
      inner(r.reduced.empty() ? AxisRun{1, 0} : r.reduced.back()),
      above_count(r.reduced_count / std::max<int64_t>(1, inner.extent)),
      work(std::max<int64_t>(1, r.reduced_count) * std::min(width, row)) {}

}  // namespace ow
