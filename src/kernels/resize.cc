#include "kernels/resize.h"

#include <algorithm>

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

}  // namespace ow::kernels
