// A strided tensor seen as kept axes times reduced axes, for Reduce* and what resembles it.
//
// Extents of 1 vanish and neighbours of one kind merge, so that the innermost loop is long. Each output
// element is the fold of its inputs in memory order, whatever the number of threads.
#pragma once
#include "ops/op/run.h"

namespace ow {

struct AxisRun {
  int64_t extent, stride;
};

struct Reduction {
  std::vector<AxisRun> kept, reduced;  // outermost first; strides in elements of the input
  int64_t kept_count = 1, reduced_count = 1;

  // Input offset of kept (reduced) index `i` in row-major order.
  static int64_t offset(const std::vector<AxisRun>& axes, int64_t i) {
    int64_t at = 0;
    if (axes.size() <= 1) return axes.empty() ? 0 : i * axes[0].stride;
    for (size_t a = axes.size(); a-- > 0; i /= axes[a].extent) at += i % axes[a].extent * axes[a].stride;
    return at;
  }
};

// is_reduced[axis] for each axis of the dense tensor of this shape.
Reduction reduction_of(const Shape& shape, const std::vector<bool>& is_reduced);

// Folds x with F, which is
//   using Acc;  Acc start() const;  void step(Acc&, T) const;  void join(Acc&, const Acc&) const;
// and gives each result to finish(kept index, Acc). Where F has them, void lines(Acc*, const T*, stride,
// count, n) folds long lines and void rows(Acc*, const T*, stride, count, n) takes rows of elements into n
// folds. Rows of kept elements that lie side by side are folded together; otherwise four interleaved folds
// run along the innermost reduced axis and are joined in order.
template <class T, class F, class Finish>
void reduce(const RunContext& c, const Reduction& r, const T* x, const F& f, const Finish& finish) {
  using Acc = typename F::Acc;
  constexpr bool kHasLine = requires(const T* p, Acc* acc) {
    f.lines(acc, p, int64_t{1}, int64_t{1}, int64_t{1});
  };
  constexpr bool kHasRows = requires(const T* p, Acc* acc) {
    f.rows(acc, p, int64_t{1}, int64_t{1}, int64_t{1});
  };
  constexpr int64_t kRow = kHasRows ? 2048 : 64, kLongLine = 16;
  const bool rows = !r.kept.empty() && r.kept.back().stride == 1 && r.reduced_count > 1;
  const int64_t width = rows ? r.kept.back().extent : 1;
  const int64_t pieces = (width + kRow - 1) / kRow, outer = r.kept_count / width;
  const std::vector<AxisRun> outer_axes(r.kept.begin(), r.kept.end() - (rows ? 1 : 0));
  const AxisRun inner = r.reduced.empty() ? AxisRun{1, 0} : r.reduced.back();
  const std::vector<AxisRun> above(r.reduced.begin(), r.reduced.end() - (r.reduced.empty() ? 0 : 1));
  const int64_t above_count = r.reduced_count / std::max<int64_t>(1, inner.extent);

  auto fold_row = [&](const T* from, int64_t n, int64_t index) {
    Acc acc[kRow];
    for (int64_t j = 0; j < n; ++j) acc[j] = f.start();
    for (int64_t a = 0; a < above_count; ++a) {
      const T* line = from + Reduction::offset(above, a);
      if constexpr (kHasRows)
        f.rows(acc, line, inner.stride, inner.extent, n);
      else
        for (int64_t i = 0; i < inner.extent; ++i, line += inner.stride)
          for (int64_t j = 0; j < n; ++j) f.step(acc[j], line[j]);
    }
    for (int64_t j = 0; j < n; ++j) finish(index + j, acc[j]);
  };
  auto fold_one = [&](const T* from, int64_t index) {
    if constexpr (kHasLine)
      if (inner.stride == 1 && inner.extent >= kLongLine) {
        Acc all = f.start(), line;
        for (int64_t a = 0; a < above_count; ++a) {
          f.lines(&line, from + Reduction::offset(above, a), 0, 1, inner.extent);
          f.join(all, line);
        }
        return finish(index, all);
      }
    Acc acc[4] = {f.start(), f.start(), f.start(), f.start()};
    for (int64_t a = 0; a < above_count; ++a) {
      const T* line = from + Reduction::offset(above, a);
      int64_t i = 0;
      for (; i + 4 <= inner.extent; i += 4)
        for (int64_t lane = 0; lane < 4; ++lane) f.step(acc[lane], line[(i + lane) * inner.stride]);
      for (; i < inner.extent; ++i) f.step(acc[i % 4], line[i * inner.stride]);
    }
    f.join(acc[0], acc[1]);
    f.join(acc[2], acc[3]);
    f.join(acc[0], acc[2]);
    finish(index, acc[0]);
  };
  if constexpr (kHasLine)
    if (!rows && above_count == 1 && inner.stride == 1 && inner.extent >= kLongLine &&
        outer_axes.size() <= 1) {
      const int64_t stride = outer_axes.empty() ? 0 : outer_axes[0].stride;
      c.parallel_for(outer, std::max<int64_t>(1, 16384 / inner.extent), [&](int64_t begin, int64_t end) {
        Acc acc[64];
        for (int64_t i = begin; i < end; i += 64) {
          const int64_t some = std::min<int64_t>(64, end - i);
          f.lines(acc, x + i * stride, stride, some, inner.extent);
          for (int64_t j = 0; j < some; ++j) finish(i + j, acc[j]);
        }
      });
      return;
    }
  if (!rows && above_count == 1 && inner.extent < kLongLine && outer_axes.size() <= 1) {
    const int64_t stride = outer_axes.empty() ? 0 : outer_axes[0].stride;
    c.parallel_for(outer, 2048, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Acc acc = f.start();
        for (int64_t k = 0; k < inner.extent; ++k) f.step(acc, x[i * stride + k * inner.stride]);
        finish(i, acc);
      }
    });
    return;
  }
  const int64_t work = std::max<int64_t>(1, r.reduced_count) * std::min(width, kRow);
  c.parallel_for(outer * pieces, std::max<int64_t>(1, 16384 / work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / pieces, first = i % pieces * kRow;
      const T* from = x + Reduction::offset(outer_axes, o) + first;
      if (rows)
        fold_row(from, std::min(kRow, width - first), o * width + first);
      else
        fold_one(from, o);
    }
  });
}

// The mean and the sum of squared deviations, as statistics need them: two passes, in double.
template <class T>
struct SumFold {
  using Acc = double;
  double start() const { return 0; }
  void step(double& a, T x) const { a += static_cast<double>(x); }
  void join(double& a, double b) const { a += b; }
};

}  // namespace ow
