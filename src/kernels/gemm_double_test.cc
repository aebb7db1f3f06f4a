// Against a plain loop in double, bit for bit, whatever the instruction set; and that loop against long
// double. At sizes around the tile edges; buffers end where the matrices end.
#include <cstring>

#include "kernels/gemm.h"
#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

struct Case {
  int64_t m, n, k;
};

const Case kCases[] = {{1, 1, 1},   {1, 33, 7},   {3, 5, 300},    {6, 32, 256}, {7, 31, 257},  {13, 16, 513},
                       {29, 49, 5}, {49, 65, 64}, {97, 130, 31},  {5, 9, 0},    {1, 200, 300}, {2, 321, 40},
                       {15, 8, 33}, {27, 24, 40}, {14, 40, 1025}, {4, 161, 7},  {1, 3, 40001}};

// With all the bits of a float's fraction, of either sign, over many exponents.
std::vector<float> wide(Random& random, int64_t n) {
  std::vector<float> v = random.floats(n);
  for (float& x : v)
    x = std::ldexp(x + 0x1p-24f * random.uniform(), static_cast<int>(random.next() % 16) - 8);
  return v;
}

struct Operands {
  Case size;
  int64_t lda, ldc;
  std::vector<float> a, b, bias, residual;
  Epilogue epilogue;

  explicit Operands(const Case& s) : size(s), lda(s.k + 3), ldc(s.n + 2) {
    Random random(static_cast<uint64_t>(s.m * 1000 + s.n + s.k));
    a = wide(random, (s.m - 1) * lda + s.k), b = wide(random, s.k * s.n);
    bias = wide(random, s.n), residual = wide(random, s.m * s.n);
    epilogue = {.bias = bias.data(),
                .residual = residual.data(),
                .residual_ld = s.n,
                .activation = Activation::kClip,
                .alpha = -100.0f,
                .beta = 50.0f};
  }
  std::vector<float> run(int threads) const {
    const auto& [m, n, k] = size;
    const Buffer packed = aligned_buffer(packed_b_bytes(1, k, n));
    pack_b({.b = b.data(), .k = k, .n = n, .stride_k = n, .stride_n = 1, .in_double = true}, packed.get(),
           threads);
    std::vector<float> c(static_cast<size_t>((m - 1) * ldc + n), 7.0f);
    gemm(m, n, k, a.data(), lda, packed.get(), c.data(), ldc, epilogue, threads);
    return c;
  }
  std::vector<float> expected() const {
    const auto& [m, n, k] = size;
    std::vector<float> c(static_cast<size_t>((m - 1) * ldc + n), 7.0f);
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t t = 0; t < k; ++t) sum += double{a[i * lda + t]} * double{b[t * n + j]};
        const double all = sum + double{bias[j]} + double{residual[i * n + j]};
        c[i * ldc + j] = std::fmin(std::fmax(static_cast<float>(all), -100.0f), 50.0f);
      }
    return c;
  }
};

TEST(GemmInDouble, IsTheSumInOrderRoundedOnce) {
  for (const Case& size : kCases) {
    const Operands o(size);
    const auto want = o.expected();
    for_each_isa([&] {
      for (int threads : {1, 3}) {
        const auto got = o.run(threads);
        ASSERT_EQ(std::memcmp(got.data(), want.data(), got.size() * sizeof(float)), 0)
            << size.m << " " << size.n << " " << size.k << ", " << threads
            << " threads: the sum must run over k in order, in double, and be rounded once";
      }
    });
  }
}

TEST(GemmInDouble, IsWithinHalfAUnitOfLongDouble) {
  for (const float term : {0.7f, 1.0f / 3}) {
    for (const int64_t k : {int64_t{64}, int64_t{1000003}}) {
      Operands o({2, 3, k});
      std::fill(o.a.begin(), o.a.end(), term), std::fill(o.b.begin(), o.b.end(), term);
      o.epilogue = {};
      const long double want =
          static_cast<long double>(double{term} * double{term}) * static_cast<long double>(k);
      for_each_isa([&] {
        for (int64_t i : {0, 1})
          for (int64_t j : {0, 1, 2})
            ASSERT_LE(std::fabs(static_cast<long double>(o.run(2)[i * o.ldc + j]) - want),
                      0x1.001p-24L * want)
                << k << " equal terms";
      });
    }
  }
}

// Where the sum is that of products that cancel, all of it is what plain floats would have lost.
TEST(GemmInDouble, KeepsWhatCancels) {
  const std::vector<float> a = {1e8f, 1.0f, -1e8f}, b = {1.0f, 0.25f, 1.0f};
  for_each_isa([&] {
    const Buffer packed = aligned_buffer(packed_b_bytes(1, 3, 1));
    pack_b({.b = b.data(), .k = 3, .n = 1, .stride_k = 1, .stride_n = 1, .in_double = true}, packed.get(), 1);
    float c = 0;
    const float bias = -0.25f, residual = 0x1p-40f;
    gemm(1, 1, 3, a.data(), 3, packed.get(), &c, 1,
         {.bias = &bias, .residual = &residual, .residual_ld = 1, .residual_after_activation = true}, 1);
    EXPECT_EQ(c, 0x1p-40f);
  });
}

}  // namespace
}  // namespace ow::kernels
