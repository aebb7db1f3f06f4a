// NonMaxSuppression: per batch and class, boxes by falling score (of equal ones the lower index first); a box
// is dropped when its intersection over union with one already taken is above iou_threshold. Output rows are
// [batch, class, box], int64. Boxes are two opposite corners [y1, x1, y2, x2] in any order, or with
// center_point_box [x_center, y_center, width, height].
#include <algorithm>
#include <span>

#include "base/stop.h"
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
  float left, top, right, bottom, area;
};

Box read_box(const float* b, bool centered) {
  Box box = centered ? Box{b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2, 0}
                     : Box{std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]),
                           std::max(b[0], b[2]), 0};
  box.area = (box.right - box.left) * (box.bottom - box.top);
  return box;
}

// The boxes that were taken, in blocks whose loop the compiler makes of vectors.
class Kept {
 public:
  void add(const Box& box) {
    if (count_ % kBlock == 0) blocks_.push_back({});
    Block& block = blocks_.back();
    const size_t i = count_++ % kBlock;
    block.left[i] = box.left, block.top[i] = box.top, block.right[i] = box.right;
    block.bottom[i] = box.bottom, block.area[i] = box.area;
  }
  bool overlaps(const Box& box, float threshold) const {
    for (const Block& block : blocks_)
      if (hits(block, box, threshold)) return true;
    return false;
  }

 private:
  static constexpr size_t kBlock = 16;
  struct Block {  // boxes of no area, where there is none yet
    float left[kBlock], top[kBlock], right[kBlock], bottom[kBlock], area[kBlock];
  };
  [[gnu::optimize("O3")]] static bool hits(const Block& b, const Box& box, float threshold) {
    int32_t found[kBlock];
    for (size_t i = 0; i < kBlock; ++i) {
      const float width = std::min(b.right[i], box.right) - std::max(b.left[i], box.left);
      const float height = std::min(b.bottom[i], box.bottom) - std::max(b.top[i], box.top);
      const float both = width * height, all = b.area[i] + box.area - both;
      found[i] = (width > 0) & (height > 0) & (b.area[i] > 0) & (all > 0) & (both / all > threshold);
    }
    int32_t any = 0;
    for (size_t i = 0; i < kBlock; ++i) any |= found[i];
    return any != 0 && box.area > 0;
  }

  std::vector<Block> blocks_;
  size_t count_ = 0;
};

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

struct Candidate {
  float score;
  int64_t box;
  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : box > other.box;
  }
};

// Writes those that pass(score) to `found` and returns their number. Without a branch, which nobody could
// foretell.
template <class Pass>
size_t gather(std::span<const float> scores, Candidate* found, Pass pass) {
  size_t count = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    found[count] = {scores[i], static_cast<int64_t>(i)};
    count += static_cast<size_t>(pass(scores[i]));
  }
  return count;
}

// The boxes that are taken, in order. Candidates come off a heap: few of them are looked at. `room` has a
// place for every box.
std::vector<int64_t> select(std::span<const Box> boxes, const float* scores, const Limits& limits,
                            std::vector<Candidate>& room) {
  const std::span<const float> all(scores, boxes.size());
  const size_t count = limits.score ? gather(all, room.data(), [&](float s) { return s > *limits.score; })
                                    : gather(all, room.data(), [](float s) { return s == s; });
  std::span<Candidate> heap(room.data(), count);
  std::make_heap(heap.begin(), heap.end());
  std::vector<int64_t> taken;
  Kept kept;
  while (!heap.empty() && static_cast<int64_t>(taken.size()) < limits.most && !stop_requested()) {
    std::pop_heap(heap.begin(), heap.end());
    const int64_t i = heap.back().box;
    heap = heap.first(heap.size() - 1);
    const Box& box = boxes[static_cast<size_t>(i)];
    if (kept.overlaps(box, limits.iou)) continue;
    taken.push_back(i);
    kept.add(box);
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
  const int64_t n = boxes.dim(1), classes = scores.dim(1), batches = boxes.dim(0);
  std::vector<Box> corners(static_cast<size_t>(batches * n));
  for (size_t i = 0; i < corners.size(); ++i)
    corners[i] = read_box(boxes.data<float>() + i * 4, a.center_point_box);
  std::vector<std::vector<int64_t>> taken(static_cast<size_t>(batches * classes));
  if (limits.most > 0)
    c.parallel_for(batches * classes, 1 + 4096 / (n + 1), [&](int64_t begin, int64_t end) {
      std::vector<Candidate> room(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        const Box* of_batch = corners.data() + i / classes * n;
        taken[static_cast<size_t>(i)] =
            select({of_batch, static_cast<size_t>(n)}, scores.data<float>() + i * n, limits, room);
      }
    });
  if (c.budget()) ONWARD_TRY(c.budget()->check());
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < batches * classes; ++i)
    for (int64_t box : taken[static_cast<size_t>(i)])
      rows.insert(rows.end(), {i / classes, i % classes, box});
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {static_cast<int64_t>(rows.size() / 3), 3}));
  std::copy(rows.begin(), rows.end(), y.mutable_data<int64_t>());
  return {};
}

}  // namespace

ONWARD_OPS(non_max_suppression) {
  return {op<Attrs>({.name = "NonMaxSuppression", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
