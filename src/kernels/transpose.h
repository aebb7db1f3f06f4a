// Copies between memory layouts: axis permutation, and strided to strided.
//
// Axes that stay neighbours are merged first, so most permutations become a batch of 2-D transposes (done in
// square blocks) or of contiguous row copies.
#pragma once
#include <cstdint>

namespace ow::kernels {

inline constexpr int kMaxAxes = 32;

// dst[i_perm[0], i_perm[1], ..] = src[i_0, i_1, ..]: dst is contiguous with extents dims[perm[0]],
// dims[perm[1]], .. (ONNX Transpose). src is contiguous with extents dims. rank <= kMaxAxes. elem_bytes: 1,
// 2, 4, 8 or 16; any other size is correct and slow. No alignment needed; dst must not overlap src.
void permute(const void* src, const int64_t* dims, const int* perm, int rank, int elem_bytes, void* dst,
             int threads);

// dst[i . dst_strides] = src[i . src_strides] for every i below dims. Strides in elements; any sign, and 0 in
// src_strides repeats (broadcast). The destination elements must be distinct.
void copy_strided(const void* src, const int64_t* src_strides, void* dst, const int64_t* dst_strides,
                  const int64_t* dims, int rank, int elem_bytes, int threads);

}  // namespace ow::kernels
