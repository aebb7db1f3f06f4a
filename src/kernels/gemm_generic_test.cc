// Against sums written out here, in 128-bit integers cut to the result's width, or in long double.
#include "kernels/gemm_generic.h"

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

template <class TA, class TB, class TC>
void check(bool transpose_b, bool zeros) {
  const int64_t m = 5, n = 71, k = 39;
  Random random(3);
  std::vector<TA> a(m * k), a_zero(m);
  std::vector<TB> b(n * k), b_zero(n);
  for (auto& x : a) x = static_cast<TA>(random.next());
  for (auto& x : b) x = static_cast<TB>(random.next());
  for (auto& x : a_zero) x = static_cast<TA>(random.next());
  for (auto& x : b_zero) x = static_cast<TB>(random.next());
  std::vector<TC> c(m * n);
  GenericGemm<TA, TB, TC> g{m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n};
  if (transpose_b) g.b = {b.data(), 1, k};
  if (zeros) g.a_zero = a_zero.data(), g.a_zero_step = 1, g.b_zero = b_zero.data(), g.b_zero_step = 1;
  g.run(2);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      if constexpr (std::is_floating_point_v<TC>) {
        long double want = 0, terms = 0;
        for (int64_t l = 0; l < k; ++l) {
          const long double term =
              static_cast<long double>(a[i * k + l]) * (transpose_b ? b[j * k + l] : b[l * n + j]);
          want += term, terms += std::abs(term);
        }
        ASSERT_LE(std::abs(c[i * n + j] - want), 2 * std::numeric_limits<TC>::epsilon() * terms)
            << i << "," << j;
        continue;
      }
      using Wide = std::conditional_t<std::is_floating_point_v<TC>, double, unsigned __int128>;
      Wide want = 0;
      for (int64_t l = 0; l < k; ++l) {
        const TB bv = transpose_b ? b[j * k + l] : b[l * n + j];
        want += (static_cast<Wide>(a[i * k + l]) - (zeros ? static_cast<Wide>(a_zero[i]) : 0)) *
                (static_cast<Wide>(bv) - (zeros ? static_cast<Wide>(b_zero[j]) : 0));
      }
      ASSERT_EQ(c[i * n + j], static_cast<TC>(want)) << i << "," << j;
    }
}

TEST(GenericGemm, LongSumsOfDoubles) {
  constexpr int64_t kTerms = 300'001;
  std::vector<double> a(kTerms), b(kTerms, 1.0);
  Random random(5);
  long double want = 0;
  for (double& x : a) want += x = static_cast<double>(random.next() % 1000003) / 1000003;
  double c = 0;
  GenericGemm<double, double, double>{1, 1, kTerms, {a.data(), kTerms, 1}, {b.data(), 1, 1}, &c, 1}.run(1);
  EXPECT_LE(std::abs(c - want), std::numeric_limits<double>::epsilon() * want);
}

TEST(GenericGemm, EveryType) {
  for (bool transpose : {false, true}) {
    check<int32_t, int32_t, int32_t>(transpose, false);
    check<int64_t, int64_t, int64_t>(transpose, false);
    check<uint32_t, uint32_t, uint32_t>(transpose, false);
    check<uint64_t, uint64_t, uint64_t>(transpose, false);
    check<double, double, double>(transpose, false);
    for (bool zeros : {false, true}) {
      check<int8_t, int8_t, int32_t>(transpose, zeros);
      check<uint8_t, int8_t, int32_t>(transpose, zeros);
      check<int8_t, uint8_t, int32_t>(transpose, zeros);
      check<uint8_t, uint8_t, int32_t>(transpose, zeros);
    }
  }
}

}  // namespace
}  // namespace ow::kernels
