// Rows of A over threads; per row, B's rows are streamed where its columns are contiguous, else its columns
// are dotted. Either way each sum runs over k in order.
#include "kernels/gemm_generic.h"

#include <type_traits>
#include <utility>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/compensated_sum.h"

namespace ow::kernels {
namespace {

constexpr int kColumns = 32;  // accumulators of one strip of a row, on the stack

// Integers are summed unsigned, so that they wrap.
template <class T>
struct Sum {
  using Type = T;
};
template <>
struct Sum<int32_t> {
  using Type = uint32_t;
};
template <>
struct Sum<int64_t> {
  using Type = uint64_t;
};

template <class TA, class TB, class TC>
void strip(const GenericGemm<TA, TB, TC>& g, int64_t row, int64_t column, int n) {
  using S = typename Sum<TC>::Type;
  constexpr bool kBlocks = std::is_same_v<TC, double>;
  constexpr int64_t kBlock = 16;
  S acc[kColumns] = {}, zero[kColumns] = {};
  CompensatedSum total[kBlocks ? kColumns : 1];
  for (int j = 0; g.b_zero && j < n; ++j) zero[j] = static_cast<S>(g.b_zero[(column + j) * g.b_zero_step]);
  const S a_zero = g.a_zero ? static_cast<S>(g.a_zero[row * g.a_zero_step]) : S{0};
  const TA* a = g.a.data + row * g.a.row_stride;
  const TB* b = g.b.data + column * g.b.column_stride;
  for (int64_t k = 0; k < g.k; ++k) {
    const S av = static_cast<S>(a[k * g.a.column_stride]) - a_zero;
    const TB* row_b = b + k * g.b.row_stride;
    if (n == kColumns && g.b.column_stride == 1) {
      for (int j = 0; j < kColumns; ++j) acc[j] += av * (static_cast<S>(row_b[j]) - zero[j]);
    } else {
      for (int j = 0; j < n; ++j) acc[j] += av * (static_cast<S>(row_b[j * g.b.column_stride]) - zero[j]);
    }
    if constexpr (kBlocks)
      if ((k + 1) % kBlock == 0)
        for (int j = 0; j < n; ++j) total[j] += std::exchange(acc[j], 0.0);
  }
  TC* c = g.c + row * g.ldc + column;
  for (int j = 0; j < n; ++j) {
    if constexpr (kBlocks)
      c[j] = static_cast<double>(total[j] += acc[j]);
    else
      c[j] = static_cast<TC>(acc[j]);
  }
}

}  // namespace

template <class TA, class TB, class TC>
void GenericGemm<TA, TB, TC>::run(int threads) const {
  const int64_t strips = (n + kColumns - 1) / kColumns;
  const int64_t grain = 1 + 50000 / (kColumns * (k + 1));
  parallel_for(m * strips, grain, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (i % 16 == 0 && stop_requested()) return;
      // Strip-major: the strip of B stays in the cache while the rows of A pass.
      const int64_t column = i / m * kColumns;
      strip(*this, i % m, column, static_cast<int>(n - column < kColumns ? n - column : kColumns));
    }
  });
}

template struct GenericGemm<double, double, double>;
template struct GenericGemm<int32_t, int32_t, int32_t>;
template struct GenericGemm<int64_t, int64_t, int64_t>;
template struct GenericGemm<uint32_t, uint32_t, uint32_t>;
template struct GenericGemm<uint64_t, uint64_t, uint64_t>;
template struct GenericGemm<int8_t, int8_t, int32_t>;
template struct GenericGemm<int8_t, uint8_t, int32_t>;
template struct GenericGemm<uint8_t, int8_t, int32_t>;
template struct GenericGemm<uint8_t, uint8_t, int32_t>;

}  // namespace ow::kernels
