// The float32 matrix product that MatMul, Gemm and every convolution share.
//
//   C[m, n] = act( sum_t sum_k A_t[m, k] * B_t[k, n] + bias[n] + residual[m, n] )
//
// A is read in place through row pointers, one set per tap t, so a convolution needs no im2col buffer and a
// plain product is the case of one tap. B is packed once into panels of the width of the register tile:
//   packed: 64-byte header | for each panel of NR columns: [taps * K][NR] floats, zero padded
// The sum runs over blocks of at most 384 (t, k) pairs, in order; its order depends on K and the taps alone,
// so C is bit-equal for every M, N, thread count and position in the batch. Within a block that of a plain
// product (gemm) joins the sums of up to 32 terms, and what parts of a long sum lose by rounding is kept: so
// that random numbers give sums within 2 eps sum |x|.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/thread_pool.h"

#include "kernels/math.h"

namespace ow::kernels {

// What happens to the sum before it is stored.
struct Epilogue {
  const float* bias = nullptr;  // one per output column (channel)
  const float* residual =
      nullptr;              // added per element; row stride residual_ld. May be C itself (same stride)
  int64_t residual_ld = 0;  // if it is added before the activation.
  bool residual_after_activation = false;
  Activation activation = Activation::kNone;
  float alpha = 0, beta = 0;  // the activation's
};

// What a kernel does to a value as it stores it: to keep it between two bounds is the whole of some
// activations.
struct Bounds {
  explicit Bounds(const Epilogue& e)
      : cuts(e.activation == Activation::kRelu || e.activation == Activation::kClip),
        activation_left(!cuts && e.activation != Activation::kNone) {
    if (e.activation == Activation::kRelu) low = 0;
    if (e.activation == Activation::kClip) low = e.alpha, high = e.beta;
  }
  float operator()(float x) const { return x < low ? low : x > high ? high : x; }

  bool cuts;             // else the bounds are infinite
  bool activation_left;  // for a pass of its own over what is stored
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
};

// Weights as they lie in a model's file: at any address. Only what packs them reads them so.
using UnalignedFloat = float __attribute__((aligned(1), may_alias));

// A B matrix as the caller has it: element (t, k, n) is b[t * stride_tap + k * stride_k + n * stride_n] *
// scale.
struct BSource {
  const UnalignedFloat* b;
  int64_t taps = 1, k, n;
  int64_t stride_tap = 0, stride_k, stride_n;
  float scale = 1;
  // Of all products with it: summed in double, in the order of (tap, k), bias and early residual too, and
  // rounded once. As a product of two floats is exact in double, the bits are those of every instruction set.
  bool in_double = false;
  // Of a dense matrix: told, in any of the threads, that b[begin, end) is not read again. Null: nobody asks.
  const ChunkFunction* packed = nullptr;
};

// Bytes of a packed B for best_isa(). The buffer must be aligned to 64 bytes.
size_t packed_b_bytes(int64_t taps, int64_t k, int64_t n);
void pack_b(const BSource& source, void* packed, int threads);

// Plain product: C[m x n] = epilogue(A[m x k] * B[k x n]). A's rows are contiguous, at stride lda; C's at
// ldc. k may be 0. C must not overlap A or B.
// order: how B is walked. Where products one after the other have the same B, a little larger than the cache,
// they take turns, so that each finds in the cache what the one before read last, and each thread keeps to
// its part of B. The result is the same.
enum class PanelOrder : uint8_t { kAny, kForward, kBackward };
void gemm(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const void* packed_b, float* c,
          int64_t ldc, const Epilogue& epilogue, int threads, PanelOrder order = PanelOrder::kAny);

inline constexpr int kRowStep = 14;  // pointers from tap to tap; no tile has more rows

// Rows of A through pointers.
struct IndirectRows {
  // Writes to out[t * kRowStep + i] the first element of row first + i of A_(tap + t), for i < count, t <
  // taps; each has k floats.
  void (*a_rows)(const void* context, int64_t first, int count, int64_t tap, int64_t taps, const float** out);
  // Writes the row numbers in C (and in the residual) of those rows. Null: row i of the product is row i of
  // C.
  void (*c_rows)(const void* context, int64_t first, int count, int64_t* out);
  const void* context;
};

// C[row(i)] = epilogue(sum_t A_t[i] * B_t) for i in [0, m).
void gemm_indirect(int64_t m, int64_t n, int64_t k, int64_t taps, const IndirectRows& rows,
                   const void* packed_b, float* c, int64_t ldc, const Epilogue& epilogue, int threads);

}  // namespace ow::kernels
