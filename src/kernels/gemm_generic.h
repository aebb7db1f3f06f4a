// Matrix products of other element types: float64, the integers, and 8-bit operands with zero points.
//
//   C[m, n] = sum_k (A[m, k] - a_zero[m]) * (B[k, n] - b_zero[n])
//
// Every stride is free, so transposed operands are read in place. The sum runs over k in order, in C's type,
// of float64 in blocks whose sums are added with compensation; integer sums wrap, as ONNX's MatMulInteger and
// the C unsigned types do.
#pragma once
#include <cstdint>

namespace ow::kernels {

template <class T>
struct MatrixView {
  const T* data;
  int64_t row_stride, column_stride;  // in elements
};

// Instantiated for <TA, TB, TC>: <double x3>, <int32_t x3>, <int64_t x3>, <uint32_t x3>, <uint64_t x3>,
// and TA, TB in {int8_t, uint8_t} with TC = int32_t.
// a_zero: null, or one per row of A (a_zero_step 1) or one for all (a_zero_step 0); b_zero: likewise per
// column.
template <class TA, class TB, class TC>
struct GenericGemm {
  int64_t m, n, k;
  MatrixView<TA> a;
  MatrixView<TB> b;
  TC* c;
  int64_t ldc;
  const TA* a_zero = nullptr;
  int a_zero_step = 0;
  const TB* b_zero = nullptr;
  int b_zero_step = 0;

  void run(int threads) const;
};

}  // namespace ow::kernels
