// Interpolation along one axis by a table: out[o, i, k] = sum_t weight[i, t] * in[o, index[i, t], k].
// A resize in several axes is one such pass per axis, since its weights are a product over the axes.
#pragma once
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

}  // namespace ow::kernels
