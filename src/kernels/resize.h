// Interpolation by tables: out[o, i, k] = sum_t weight[i, t] * in[o, index[i, t], k] along one axis. A resize
// in several axes is a product of such sums. Float planes are resized in two axes at once: the rows of the
// input that an output row needs are resampled along once, into buffers that stay in the cache, and the
// output row is the weighted sum of these; where rows get fewer, the sum comes first.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ow::kernels {

// index and weight: [out, taps], indices within [0, in).
template <class T>
struct ResizeTable {
  int64_t in = 0, out = 0;
  int taps = 0;
  const int64_t* index = nullptr;
  const T* weight = nullptr;
};

// src: [outer, in, inner], dst: [outer, out, inner], both contiguous. Works on rows [begin, end) of
// outer * out. Each element is summed in the order of the taps. T: float or double.
template <class T>
void resize_rows(const T* src, T* dst, int64_t inner, const ResizeTable<T>& table, int64_t begin,
                 int64_t end);

// One axis of a plane; taps 0: as it is, in == out. index and weight: [out, taps] of rows, [taps, out] of
// columns.
struct ResizeAxisTable {
  int64_t in = 0, out = 0;
  int taps = 0;
  const int32_t* index = nullptr;
  const float* weight = nullptr;
};

// src: [outer, rows.in, columns.in, inner], dst: [outer, rows.out, columns.out, inner], contiguous.
struct ResizePlanes {
  int64_t outer = 0, inner = 0;
  ResizeAxisTable rows, columns;
};
// Bytes of scratch memory, 64-byte aligned, for this many threads.
size_t resize_scratch_bytes(const ResizePlanes& p, int threads);
// Every element's order of summation depends on the tables' extents and taps alone.
void resize_planes(const ResizePlanes& p, const float* src, float* dst, void* scratch, int threads);

// y[i] = sum_t weight[t] * rows[t][i], i < n, in the order of the taps; taps > 0.
using WeightedRows = void (*)(const float* const* rows, const float* weight, int taps, int64_t n, float* y);
WeightedRows weighted_rows();

// y[2 * i] = y[2 * i + 1] = x[i] for n elements of 4 bytes.
void repeat_twice(const void* x, int64_t n, void* y);

}  // namespace ow::kernels
