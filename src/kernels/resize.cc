#include "kernels/resize.h"

#include <algorithm>

#include "base/thread_pool.h"
#include "kernels/resize_table.h"

namespace ow::kernels {
namespace {

template <class T>
[[gnu::optimize("O3")]] void add_scaled(T* __restrict to, const T* __restrict from, T weight, int64_t n) {
  for (int64_t k = 0; k < n; ++k) to[k] += weight * from[k];
}

template <class T>
[[gnu::optimize("O3")]] void blend(T* __restrict to, const T* __restrict a, const T* __restrict b, T wa, T wb,
                                   int64_t n) {
  for (int64_t k = 0; k < n; ++k) to[k] = wa * a[k] + wb * b[k];
}

}  // namespace

template <class T>
void resize_rows(const T* src, T* dst, int64_t inner, const ResizeTable<T>& table, int64_t begin,
                 int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t o = row / table.out, i = row % table.out;
    const T* from = src + o * table.in * inner;
    const int64_t* index = table.index + i * table.taps;
    const T* weight = table.weight + i * table.taps;
    T* to = dst + row * inner;
    if (inner == 1) {
      T sum = 0;
      for (int t = 0; t < table.taps; ++t) sum += weight[t] * from[index[t]];
      *to = sum;
    } else if (table.taps == 2) {
      blend(to, from + index[0] * inner, from + index[1] * inner, weight[0], weight[1], inner);
    } else {
      std::fill(to, to + inner, T(0));
      for (int t = 0; t < table.taps; ++t) add_scaled(to, from + index[t] * inner, weight[t], inner);
    }
  }
}

template void resize_rows<float>(const float*, float*, int64_t, const ResizeTable<float>&, int64_t, int64_t);
template void resize_rows<double>(const double*, double*, int64_t, const ResizeTable<double>&, int64_t,
                                  int64_t);

namespace {

constexpr int kMostTaps = 64;
// Floats of one resampled row that are kept at a time: a few of them fit the second-level cache.
constexpr int64_t kStripFloats = 16384;

bool rows_first(const ResizePlanes& p) {
  return p.rows.taps > 0 && p.columns.taps > 0 && (p.rows.out < p.rows.in || p.rows.taps > kMostTaps);
}

int64_t strip_columns(const ResizePlanes& p) {
  const int64_t columns = (std::max<int64_t>(1, kStripFloats / p.inner) + 15) / 16 * 16;
  return std::min(columns, p.columns.out);
}

int64_t buffer_floats(const ResizePlanes& p) {
  const int64_t floats = rows_first(p)    ? p.columns.in * p.inner
                         : p.columns.taps ? strip_columns(p) * p.inner
                                          : 0;
  return (floats + 15) / 16 * 16;
}
// The rows that are looked at together, as pointers at the start of the scratch memory.
int64_t pointer_floats(const ResizePlanes& p) { return (p.rows.taps * 2 + 15) / 16 * 16; }
int64_t task_floats(const ResizePlanes& p) {
  return pointer_floats(p) + buffer_floats(p) * (rows_first(p) ? 1 : std::max(p.rows.taps, 1));
}
int64_t tasks_of(const ResizePlanes& p, int threads) {
  const int64_t rows = p.outer * p.rows.out;
  const int64_t worth = rows * p.columns.out * p.inner / 16384;
  return std::clamp<int64_t>(threads > 1 ? 2 * threads : 1, 1, std::max<int64_t>(1, std::min(rows, worth)));
}

class PlaneTask {
 public:
  PlaneTask(const ResizePlanes& p, const float* src, float* dst, float* scratch)
      : p_(p),
        table_(resize_table(best_isa())),
        src_(src),
        dst_(dst),
        pointers_(reinterpret_cast<const float**>(scratch)),
        buffers_(scratch + pointer_floats(p)),
        in_row_(p.columns.in * p.inner),
        out_row_(p.columns.out * p.inner) {}

  // Rows of outer * rows.out.
  void run(int64_t begin, int64_t end) {
    if (p_.rows.taps == 0) {
      for (int64_t r = begin; r < end; ++r) along(src_ + r * in_row_, 0, p_.columns.out, dst_ + r * out_row_);
    } else if (p_.columns.taps == 0 || rows_first(p_)) {
      for (int64_t r = begin; r < end; ++r) sum_then_resample(r);
    } else {
      const int64_t strip = strip_columns(p_);
      for (int64_t first = 0; first < p_.columns.out; first += strip)
        resample_then_sum(begin, end, first, std::min(strip, p_.columns.out - first));
    }
  }

 private:
  void along(const float* row, int64_t first, int64_t count, float* y) const {
    const ResizeAxisTable& c = p_.columns;
    table_.along(row, c.index + first, c.weight + first, c.out, c.taps, p_.inner, count, y);
  }

  void sum_then_resample(int64_t r) {
    const ResizeAxisTable& t = p_.rows;
    const int64_t o = r / t.out, i = r % t.out;
    for (int k = 0; k < t.taps; ++k) pointers_[k] = src_ + (o * t.in + t.index[i * t.taps + k]) * in_row_;
    float* y = dst_ + r * out_row_;
    const bool whole = p_.columns.taps == 0;
    table_.across(pointers_, t.weight + i * t.taps, t.taps, in_row_, whole ? y : buffers_);
    if (!whole) along(buffers_, 0, p_.columns.out, y);
  }

  // The strip of `count` columns from `first` on, with the resampled rows of the last output row at hand.
  void resample_then_sum(int64_t begin, int64_t end, int64_t first, int64_t count) {
    const ResizeAxisTable& t = p_.rows;
    int64_t held[kMostTaps];
    std::fill_n(held, t.taps, int64_t{-1});
    for (int64_t r = begin; r < end; ++r) {
      const int64_t o = r / t.out;
      const int32_t* index = t.index + r % t.out * t.taps;
      for (int k = 0; k < t.taps; ++k)
        pointers_[k] = resampled(o * t.in, o * t.in + index[k], index, first, count, held);
      table_.across(pointers_, t.weight + r % t.out * t.taps, t.taps, count * p_.inner,
                    dst_ + r * out_row_ + first * p_.inner);
    }
  }

  const float* resampled(int64_t base, int64_t row, const int32_t* needed, int64_t first, int64_t count,
                         int64_t* held) {
    const int taps = p_.rows.taps;
    auto buffer = [&](int64_t b) { return buffers_ + b * buffer_floats(p_); };
    const int64_t at = std::find(held, held + taps, row) - held;
    if (at < taps) return buffer(at);
    // There is one that this output row does not need: it needs at most `taps`, and this one is not held.
    const int64_t free =
        std::find_if(held, held + taps,
                     [&](int64_t h) {
                       return std::none_of(needed, needed + taps, [&](int32_t n) { return base + n == h; });
                     }) -
        held;
    held[free] = row;
    along(src_ + row * in_row_, first, count, buffer(free));
    return buffer(free);
  }

  const ResizePlanes& p_;
  const ResizeKernels& table_;
  const float* src_;
  float* dst_;
  const float** pointers_;
  float* buffers_;
  int64_t in_row_, out_row_;
};

}  // namespace

size_t resize_scratch_bytes(const ResizePlanes& p, int threads) {
  return static_cast<size_t>(tasks_of(p, threads) * task_floats(p)) * sizeof(float);
}

void resize_planes(const ResizePlanes& p, const float* src, float* dst, void* scratch, int threads) {
  const int64_t tasks = tasks_of(p, threads), rows = p.outer * p.rows.out;
  parallel_for(tasks, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      PlaneTask(p, src, dst, static_cast<float*>(scratch) + i * task_floats(p))
          .run(rows * i / tasks, rows * (i + 1) / tasks);
  });
}

WeightedRows weighted_rows() { return resize_table(best_isa()).across; }

void repeat_twice(const void* x, int64_t n, void* y) {
  resize_table(best_isa()).twice(static_cast<const float*>(x), n, static_cast<float*>(y));
}

}  // namespace ow::kernels
