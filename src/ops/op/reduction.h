// A strided tensor seen as kept axes times reduced axes, for Reduce* and what resembles it.
//
// Extents of 1 vanish and neighbours of one kind merge, so that the innermost loop is long. Each output
// element is the fold of its inputs in memory order, whatever the number of threads.
#pragma once
#include "kernels/compensated_sum.h"
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

// How the loops below walk a Reduction; the same for every type and fold.
struct ReductionWalk {
  ReductionWalk(const Reduction& r, int64_t row);
  // Lines that lie one after the other at one stride, each as a whole.
  bool plain_lines() const { return !rows && above_count == 1 && outer_axes.size() <= 1; }
  int64_t line_stride() const { return outer_axes.empty() ? 0 : outer_axes[0].stride; }

  bool rows;  // kept elements lie side by side: `width` of them are folded together, `row` at a time
  int64_t width, row, pieces, outer;
  std::vector<AxisRun> outer_axes, above;  // of the kept axes, and of the reduced ones above the innermost
  AxisRun inner;                           // the innermost reduced axis
  int64_t above_count, work;
};

inline constexpr int64_t kLongLine = 16;

template <class T, class F>
constexpr bool kFoldsLines = requires(const F& f, const T* p, typename F::Acc* acc) {
  f.lines(acc, p, int64_t{1}, int64_t{1}, int64_t{1});
};
template <class T, class F>
constexpr bool kFoldsRows = requires(const F& f, const T* p, typename F::Acc* acc) {
  f.rows(acc, p, int64_t{1}, int64_t{1}, int64_t{1});
};

// `n` kept elements side by side, n <= kRow.
template <int64_t kRow, class T, class F, class Finish>
void fold_row(const ReductionWalk& w, const T* from, int64_t n, int64_t index, const F& f,
              const Finish& finish) {
  typename F::Acc acc[kRow];
  for (int64_t j = 0; j < n; ++j) acc[j] = f.start();
  for (int64_t a = 0; a < w.above_count; ++a) {
    const T* line = from + Reduction::offset(w.above, a);
    if constexpr (kFoldsRows<T, F>)
      f.rows(acc, line, w.inner.stride, w.inner.extent, n);
    else
      for (int64_t i = 0; i < w.inner.extent; ++i, line += w.inner.stride)
        for (int64_t j = 0; j < n; ++j) f.step(acc[j], line[j]);
  }
  for (int64_t j = 0; j < n; ++j) finish(index + j, acc[j]);
}

template <class T, class F, class Finish>
void fold_one(const ReductionWalk& w, const T* from, int64_t index, const F& f, const Finish& finish) {
  using Acc = typename F::Acc;
  if constexpr (kFoldsLines<T, F>)
    if (w.inner.stride == 1 && w.inner.extent >= kLongLine) {
      Acc all = f.start(), line;
      for (int64_t a = 0; a < w.above_count; ++a) {
        f.lines(&line, from + Reduction::offset(w.above, a), 0, 1, w.inner.extent);
        f.join(all, line);
      }
      return finish(index, all);
    }
  Acc acc[4] = {f.start(), f.start(), f.start(), f.start()};
  for (int64_t a = 0; a < w.above_count; ++a) {
    const T* line = from + Reduction::offset(w.above, a);
    int64_t i = 0;
    for (; i + 4 <= w.inner.extent; i += 4)
      for (int64_t lane = 0; lane < 4; ++lane) f.step(acc[lane], line[(i + lane) * w.inner.stride]);
    for (; i < w.inner.extent; ++i) f.step(acc[i % 4], line[i * w.inner.stride]);
  }
  f.join(acc[0], acc[1]);
  f.join(acc[2], acc[3]);
  f.join(acc[0], acc[2]);
  finish(index, acc[0]);
}

// Folds x with F, which is
//   using Acc;  Acc start() const;  void step(Acc&, T) const;  void join(Acc&, const Acc&) const;
// and gives each result to finish(kept index, Acc). Where F has them, void lines(Acc*, const T*, stride,
// count, n) folds long lines and void rows(Acc*, const T*, stride, count, n) takes rows of elements into n
// folds. Rows of kept elements that lie side by side are folded together; otherwise four interleaved folds
// run along the innermost reduced axis and are joined in order.
template <class T, class F, class Finish>
void reduce(const RunContext& c, const Reduction& r, const T* x, const F& f, const Finish& finish) {
  using Acc = typename F::Acc;
  constexpr int64_t kRow = kFoldsRows<T, F> ? 2048 : 64;
  const ReductionWalk w(r, kRow);
  if constexpr (kFoldsLines<T, F>)
    if (w.plain_lines() && w.inner.stride == 1 && w.inner.extent >= kLongLine) {
      const int64_t stride = w.line_stride();
      c.parallel_for(w.outer, std::max<int64_t>(1, 16384 / w.inner.extent), [&](int64_t begin, int64_t end) {
        Acc acc[64];
        for (int64_t i = begin; i < end; i += 64) {
          const int64_t some = std::min<int64_t>(64, end - i);
          f.lines(acc, x + i * stride, stride, some, w.inner.extent);
          for (int64_t j = 0; j < some; ++j) finish(i + j, acc[j]);
        }
      });
      return;
    }
  if constexpr (std::is_floating_point_v<T>)
    if (w.plain_lines() && w.inner.extent < kLongLine) {
      const int64_t stride = w.line_stride();
      c.parallel_for(w.outer, 2048, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Acc acc = f.start();
          for (int64_t k = 0; k < w.inner.extent; ++k) f.step(acc, x[i * stride + k * w.inner.stride]);
          finish(i, acc);
        }
      });
      return;
    }
  c.parallel_for(w.outer * w.pieces, std::max<int64_t>(1, 16384 / w.work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / w.pieces, first = i % w.pieces * kRow;
      const T* from = x + Reduction::offset(w.outer_axes, o) + first;
      if (w.rows)
        fold_row<kRow>(w, from, std::min(kRow, w.width - first), o * w.width + first, f, finish);
      else
        fold_one(w, from, o, f, finish);
    }
  });
}

template <class T>
struct SumFold {
  using Acc = kernels::CompensatedSum;
  Acc start() const { return 0; }
  void step(Acc& a, T x) const { a += static_cast<double>(x); }
  void join(Acc& a, const Acc& b) const { a += b; }
};

}  // namespace ow
