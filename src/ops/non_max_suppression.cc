// NonMaxSuppression: per batch and class, boxes by falling score (of equal ones the lower index first); a box
// is dropped when its intersection over union with one already taken is above iou_threshold. Output rows are
// [batch, class, box], int64. Boxes are two opposite corners [y1, x1, y2, x2] in any order, or with
// center_point_box [x_center, y_center, width, height].
#include <algorithm>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool center_point_box = false;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.flag("center_point_box", false)}; }

Status infer(const Attrs&, InferContext& c) {
  const SymShape *boxes = c.shape(0), *scores = c.shape(1);
  if (boxes && boxes->size() != 3) return c.error("boxes are ", list_text(*boxes), ", expected rank 3");
  if (scores && scores->size() != 3) return c.error("scores are ", list_text(*scores), ", expected rank 3");
  c.set(0, DType::kInt64, SymShape{Dim::unknown(), Dim(3)});
  return {};
}

struct Box {
  float left, top, right, bottom;
  float area() const { return (right - left) * (bottom - top); }
};

Box read_box(const float* b, bool centered) {
  if (centered) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
  return {std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]), std::max(b[0], b[2])};
}

bool overlaps(const Box& a, const Box& b, float threshold) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0) || !(height > 0)) return false;
  const float both = width * height, all = a.area() + b.area() - both;
  return a.area() > 0 && b.area() > 0 && all > 0 && both / all > threshold;
}

struct Limits {
  int64_t most = 0;
  float iou = 0;
  std::optional<float> score;
};

Result<Limits> read_limits(RunContext& c) {
  Limits limits;
  if (c.has(2)) {
    auto most = ONWARD_TRY(read_ints(c, 2));
    if (!most.empty()) limits.most = std::max<int64_t>(most[0], 0);
  }
  if (c.has(3) && c.in(3).count() > 0) limits.iou = c.in(3).data<float>()[0];
  if (c.has(4) && c.in(4).count() > 0) limits.score = c.in(4).data<float>()[0];
  if (!(limits.iou >= 0 && limits.iou <= 1)) return c.error("iou_threshold is not within [0, 1]");
  return limits;
}

Result<std::vector<int64_t>> select(const RunContext& c, const std::vector<Box>& boxes, const float* scores,
                                    const Limits& limits) {
  std::vector<int64_t> order, taken;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (!limits.score || scores[i] > *limits.score) order.push_back(static_cast<int64_t>(i));
  std::erase_if(order, [&](int64_t i) { return scores[i] != scores[i]; });
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return scores[i] > scores[j]; });
  for (int64_t i : order) {
    if (static_cast<int64_t>(taken.size()) >= limits.most) break;
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    const Box& box = boxes[static_cast<size_t>(i)];
    if (std::none_of(taken.begin(), taken.end(),
                     [&](int64_t j) { return overlaps(box, boxes[static_cast<size_t>(j)], limits.iou); }))
      taken.push_back(i);
  }
  return taken;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &boxes = c.in(0), &scores = c.in(1);
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 || boxes.dim(0) != scores.dim(0) ||
      boxes.dim(1) != scores.dim(2))
    return c.error("boxes ", boxes.shape(), " and scores ", scores.shape(),
                   " do not fit [batches, boxes, 4] and [batches, classes, boxes]");
  const Limits limits = ONWARD_TRY(read_limits(c));
  const int64_t n = boxes.dim(1), classes = scores.dim(1);
  std::vector<int64_t> rows;
  for (int64_t b = 0; b < boxes.dim(0) && limits.most > 0; ++b) {
    std::vector<Box> of_batch;
    for (int64_t i = 0; i < n; ++i)
      of_batch.push_back(read_box(boxes.data<float>() + (b * n + i) * 4, a.center_point_box));
    for (int64_t k = 0; k < classes; ++k)
      for (int64_t i : ONWARD_TRY(select(c, of_batch, scores.data<float>() + (b * classes + k) * n, limits)))
        rows.insert(rows.end(), {b, k, i});
  }
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {static_cast<int64_t>(rows.size() / 3), 3}));
  std::copy(rows.begin(), rows.end(), y.mutable_data<int64_t>());
  return {};
}

}  // namespace

ONWARD_OPS(non_max_suppression) {
  return {op<Attrs>({.name = "NonMaxSuppression", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
