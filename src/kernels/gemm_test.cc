// Against float64 sums written out here, at sizes around the tile edges. Buffers end where the matrices end,
// so a sanitizer sees any access past an edge tile.
#include "kernels/gemm.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

struct Case {
  int64_t m, n, k;
};

const Case kCases[] = {{1, 1, 1},      {1, 33, 7},    {3, 5, 300},   {14, 32, 16},  {15, 31, 17},
                       {13, 16, 257},  {29, 49, 5},   {49, 65, 64},  {57, 17, 513}, {2, 100, 256},
                       {113, 130, 31}, {5, 9, 0},     {1, 200, 300}, {2, 321, 40},  {3, 129, 513},
                       {4, 161, 7},    {6, 100, 700}, {1, 130, 0},   {15, 8, 33},   {27, 24, 40},
                       {40, 20, 300},  {14, 40, 65},  {29, 3, 516}};

Buffer packed(const std::vector<float>& b, int64_t k, int64_t n) {
  Buffer out = aligned_buffer(packed_b_bytes(1, k, n));
  pack_b({.b = b.data(), .k = k, .n = n, .stride_k = n, .stride_n = 1}, out.get(), 2);
  return out;
}

// As a model's file may have them: the same panels from floats at any address, told of by columns once each.
TEST(Gemm, PacksFromAnyAddress) {
  for_each_isa([] {
    for (const auto& [m, n, k] : kCases) {
      Random random(static_cast<uint64_t>(n * 1000 + k));
      const auto b = random.floats(k * n);
      for (const bool turned : {false, true}) {
        const BSource aligned = {
            .b = b.data(), .k = k, .n = n, .stride_k = turned ? 1 : n, .stride_n = turned ? k : 1};
        const size_t bytes = packed_b_bytes(1, k, n);
        const Buffer expected = aligned_buffer(bytes);
        std::memset(expected.get(), 0, bytes);
        pack_b(aligned, expected.get(), 1);
        for (size_t shift = 1; shift < 4; ++shift) {
          std::vector<char> stored(b.size() * sizeof(float) + shift);
          if (!b.empty()) std::memcpy(stored.data() + shift, b.data(), b.size() * sizeof(float));
          std::atomic<int64_t> floats{0};
          const auto count = [&](int64_t begin, int64_t end) { floats += end - begin; };
          const ChunkFunction told(count);
          BSource source = aligned;
          source.b = reinterpret_cast<const UnalignedFloat*>(stored.data() + shift);
          source.packed = &told;
          const Buffer found = aligned_buffer(bytes);
          std::memset(found.get(), 0, bytes);
          pack_b(source, found.get(), 2);
          // Behind the header, whose padding is anything.
          EXPECT_EQ(std::memcmp(static_cast<char*>(found.get()) + 64, static_cast<char*>(expected.get()) + 64,
                                bytes - 64),
                    0)
              << n << " " << k << " " << shift;
          EXPECT_EQ(floats, k * n);
        }
      }
    }
  });
}

TEST(Gemm, MatchesFloat64) {
  for_each_isa([] {
    for (const auto& [m, n, k] : kCases) {
      Random random(static_cast<uint64_t>(m * 1000 + n));
      const int64_t lda = k + 3, ldc = n + 2;
      const auto a = random.floats((m - 1) * lda + k), b = random.floats(k * n), bias = random.floats(n);
      const auto residual = random.floats(m * n);
      const Buffer p = packed(b, k, n);
      std::vector<float> c(static_cast<size_t>((m - 1) * ldc + n), 7.0f);
      gemm(m, n, k, a.data(), lda, p.get(), c.data(), ldc,
           {.bias = bias.data(),
            .residual = residual.data(),
            .residual_ld = n,
            .activation = Activation::kRelu},
           2);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double want = static_cast<double>(bias[j]) + static_cast<double>(residual[i * n + j]);
          for (int64_t l = 0; l < k; ++l)
            want += static_cast<double>(a[i * lda + l]) * static_cast<double>(b[l * n + j]);
          ASSERT_NEAR(c[i * ldc + j], std::max(want, 0.0), 1e-6 * (10 + static_cast<double>(k)))
              << m << "x" << n << "x" << k << " at " << i << "," << j;
        }
        for (int64_t j = n; i + 1 < m && j < ldc; ++j) ASSERT_EQ(c[i * ldc + j], 7.0f) << "gap written";
      }
    }
  });
}

TEST(Gemm, TransposedScaledB) {
  for_each_isa([] {
    for (const auto& [m, n, k] : {Case{7, 37, 21}, Case{2, 64, 32}, Case{3, 1, 5}, Case{1, 18, 4}}) {
      Random random(5);
      const auto a = random.floats(m * k), b = random.floats(n * k);  // b: [n][k]
      const Buffer p = aligned_buffer(packed_b_bytes(1, k, n));
      pack_b({.b = b.data(), .k = k, .n = n, .stride_k = 1, .stride_n = k, .scale = 0.5f}, p.get(), 1);
      std::vector<float> c(static_cast<size_t>(m * n));
      gemm(m, n, k, a.data(), k, p.get(), c.data(), n, {}, 1);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double want = 0;
          for (int64_t l = 0; l < k; ++l)
            want += 0.5 * static_cast<double>(a[i * k + l]) * static_cast<double>(b[j * k + l]);
          ASSERT_NEAR(c[i * n + j], want, 1e-5);
        }
    }
  });
}

// Every thread count, every part of the rows and every part of the columns gives the same bits.
TEST(Gemm, BitEqualForThreadsRowsAndColumns) {
  for_each_isa([] {
    const int64_t m = 101, n = 211, k = 600;
    Random random(9);
    const auto a = random.floats(m * k), b = random.floats(k * n);
    const Buffer p = packed(b, k, n);
    std::vector<float> one(static_cast<size_t>(m * n)), other(one.size());
    gemm(m, n, k, a.data(), k, p.get(), one.data(), n, {}, 1);
    for (int threads : {2, 3}) {
      gemm(m, n, k, a.data(), k, p.get(), other.data(), n, {}, threads);
      ASSERT_EQ(0, std::memcmp(one.data(), other.data(), one.size() * 4)) << threads;
    }
    for (int64_t row : {0, 13, 100}) {
      gemm(1, n, k, a.data() + row * k, k, p.get(), other.data(), n, {}, 1);
      ASSERT_EQ(0, std::memcmp(one.data() + row * n, other.data(), static_cast<size_t>(n) * 4)) << row;
    }
    const Buffer last = aligned_buffer(packed_b_bytes(1, k, 5));
    pack_b({.b = b.data() + n - 5, .k = k, .n = 5, .stride_k = n, .stride_n = 1}, last.get(), 1);
    gemm(m, 5, k, a.data(), k, last.get(), other.data(), 5, {}, 1);
    for (int64_t i = 0; i < m; ++i)
      ASSERT_EQ(
          0, std::memcmp(&one[static_cast<size_t>((i + 1) * n - 5)], &other[static_cast<size_t>(i * 5)], 20));
  });
}

// Sums of several parts, of few rows and of more than go into one strip of C; and what comes after them.
TEST(Gemm, LongSumsForRowsAndThreads) {
  for_each_isa([] {
    const int64_t m = 37, n = 139, k = 8001;
    Random random(13);
    const auto a = random.floats(m * k), b = random.floats(k * n), bias = random.floats(n),
               residual = random.floats(m * n);
    const Buffer p = packed(b, k, n);
    for (const bool after : {false, true}) {
      std::vector<float> all = residual, some(all.size());
      Epilogue e = {.bias = bias.data(),
                    .residual = after ? residual.data() : all.data(),
                    .residual_ld = n,
                    .residual_after_activation = after,
                    .activation = Activation::kRelu};
      gemm(m, n, k, a.data(), k, p.get(), all.data(), n, e, 1);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double want = bias[j], size = 1;
          for (int64_t l = 0; l < k; ++l) {
            const double term = static_cast<double>(a[i * k + l]) * static_cast<double>(b[l * n + j]);
            want += term, size += std::fabs(term);
          }
          const double r = residual[i * n + j];
          want = after ? std::max(want, 0.0) + r : std::max(want + r, 0.0);
          ASSERT_NEAR(all[i * n + j], want, 2 * 0x1p-23 * size) << i << "," << j;
        }
      for (int64_t rows = 1; rows < 17; ++rows)
        for (int threads : {1, 2}) {
          e.residual = residual.data();
          gemm(rows, n, k, a.data(), k, p.get(), some.data(), n, e, threads);
          ASSERT_EQ(0, std::memcmp(all.data(), some.data(), static_cast<size_t>(rows * n) * 4)) << rows;
        }
    }
  });
}

// More rows than a strip of C has.
TEST(Gemm, LongSumsInStrips) {
  const int64_t m = 230, n = 6000, k = 3500;
  Random random(14);
  const auto a = random.floats(m * k), b = random.floats(k * n);
  const Buffer p = packed(b, k, n);
  std::vector<float> all(static_cast<size_t>(m * n)), one(static_cast<size_t>(n));
  gemm(m, n, k, a.data(), k, p.get(), all.data(), n, {}, 2);
  for (int64_t row : {0, 223, 224, 229}) {
    gemm(1, n, k, a.data() + row * k, k, p.get(), one.data(), n, {}, 1);
    EXPECT_EQ(0, std::memcmp(all.data() + row * n, one.data(), static_cast<size_t>(n) * 4)) << row;
  }
}

// An infinity stays one, and only where it is.
TEST(Gemm, LongSumsOfInfinities) {
  for_each_isa([] {
    const int64_t m = 17, n = 35, k = 4000;
    std::vector<float> a(m * k, 1.0f), b(k * n, 1.0f);
    b[3999 * n + 4] = std::numeric_limits<float>::infinity();
    b[7] = -std::numeric_limits<float>::infinity();
    const Buffer p = packed(b, k, n);
    std::vector<float> c(m * n);
    for (int64_t rows : {m, int64_t{1}}) {
      gemm(rows, n, k, a.data(), k, p.get(), c.data(), n, {}, 1);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < n; ++j)
          ASSERT_EQ(c[i * n + j], j == 4 ? b[3999 * n + 4] : j == 7 ? b[7] : 4000.0f) << i << "," << j;
    }
  });
}

// Sums of a chunk that leave their registers at each step take three times as long. gemm_indirect does not
// join chunks, so it tells how long the product takes on this machine. A quiet moment is enough.
TEST(Gemm, JoinedSumsStayInRegisters) {
  constexpr int64_t kSide = 128;
  constexpr int kTries = 2000;
  for_each_isa([] {
    Random random(3);
    const auto a = random.floats(kSide * kSide), b = random.floats(kSide * kSide);
    const Buffer p = packed(b, kSide, kSide);
    std::vector<float> c(a.size());
    const IndirectRows rows = {
        [](const void* at, int64_t first, int count, int64_t, int64_t, const float** out) {
          for (int i = 0; i < count; ++i) out[i] = static_cast<const float*>(at) + (first + i) * kSide;
        },
        nullptr, a.data()};
    const auto fastest = [](double& best, auto product) {
      const auto start = std::chrono::steady_clock::now();
      product();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    };
    double joined = 1e9, plain = 1e9;
    for (int i = 0; i < kTries && (i < 10 || joined > 1.5 * plain); ++i) {
      fastest(joined, [&] { gemm(kSide, kSide, kSide, a.data(), kSide, p.get(), c.data(), kSide, {}, 1); });
      fastest(plain, [&] { gemm_indirect(kSide, kSide, kSide, 1, rows, p.get(), c.data(), kSide, {}, 1); });
    }
    EXPECT_LE(joined, 1.5 * plain);
  });
}

// Random numbers of one sign, whose partial sums only grow, and evenly of both: the sum is within 2 eps of
// the sum of what its terms amount to.
TEST(Gemm, RandomSumsWithinTwoEps) {
  for_each_isa([] {
    for (const int64_t k :
         {1, 4, 8, 12, 13, 16, 24, 32, 48, 49, 64, 96, 150, 256, 320, 321, 384, 385, 768, 3000}) {
      const int64_t m = 21, n = 203;
      Random random(static_cast<uint64_t>(k));
      for (const bool one_sign : {false, true}) {
        auto a = random.floats(m * k), b = random.floats(k * n);
        if (one_sign)
          for (auto* v : {&a, &b})
            for (float& x : *v) x = std::fabs(x);
        std::vector<float> c(m * n);
        gemm(m, n, k, a.data(), k, packed(b, k, n).get(), c.data(), n, {}, 1);
        for (int64_t i = 0; i < m; ++i)
          for (int64_t j = 0; j < n; ++j) {
            double want = 0, size = 0;
            for (int64_t l = 0; l < k; ++l) {
              const double term = static_cast<double>(a[i * k + l]) * static_cast<double>(b[l * n + j]);
              want += term, size += std::fabs(term);
            }
            ASSERT_NEAR(c[i * n + j], want, 2 * 0x1p-23 * size) << k << ": " << i << "," << j;
          }
      }
    }
  });
}

// Few rows walk B in an order of their own.
TEST(Gemm, PanelOrderIsNotSeenInTheResult) {
  for_each_isa([] {
    const int64_t n = 523, k = 600;
    Random random(10);
    const auto a = random.floats(9 * k), b = random.floats(k * n);
    const Buffer p = packed(b, k, n);
    std::vector<float> all(static_cast<size_t>(9 * n)), some(all.size());
    gemm(9, n, k, a.data(), k, p.get(), all.data(), n, {}, 1);
    for (int64_t m = 1; m < 9; ++m)
      for (PanelOrder order : {PanelOrder::kForward, PanelOrder::kBackward})
        for (int threads : {1, 2}) {
          gemm(m, n, k, a.data(), k, p.get(), some.data(), n, {}, threads, order);
          ASSERT_EQ(0, std::memcmp(all.data(), some.data(), static_cast<size_t>(m * n) * 4)) << m;
        }
  });
}

// In place residual, over several blocks of the sum; and the residual behind the activation.
TEST(Gemm, ResidualInPlaceAndAfterActivation) {
  for_each_isa([] {
    const int64_t m = 20, n = 40, k = 700;
    Random random(11);
    const auto a = random.floats(m * k), b = random.floats(k * n), residual = random.floats(m * n);
    const Buffer p = packed(b, k, n);
    std::vector<float> plain(static_cast<size_t>(m * n)), in_place = residual, after = plain;
    gemm(m, n, k, a.data(), k, p.get(), plain.data(), n, {}, 1);
    gemm(m, n, k, a.data(), k, p.get(), in_place.data(), n, {.residual = in_place.data(), .residual_ld = n},
         2);
    gemm(m, n, k, a.data(), k, p.get(), after.data(), n,
         {.residual = residual.data(),
          .residual_ld = n,
          .residual_after_activation = true,
          .activation = Activation::kSigmoid},
         2);
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(in_place[i], plain[i] + residual[i], 1e-4);
      ASSERT_NEAR(after[i], 1 / (1 + std::exp(-plain[i])) + residual[i], 1e-5);
    }
  });
}

// Power-of-two row strides take the path that copies the rows of a tile.
TEST(Gemm, PowerOfTwoStride) {
  for_each_isa([] {
    const int64_t m = 31, n = 300, k = 512;
    Random random(12);
    const auto a = random.floats(m * k), b = random.floats(k * n);
    std::vector<float> padded(static_cast<size_t>(m * (k + 16)));
    for (int64_t i = 0; i < m; ++i) std::copy_n(a.data() + i * k, k, padded.data() + i * (k + 16));
    const Buffer p = packed(b, k, n);
    std::vector<float> c(static_cast<size_t>(m * n)), d = c;
    gemm(m, n, k, a.data(), k, p.get(), c.data(), n, {}, 1);
    gemm(m, n, k, padded.data(), k + 16, p.get(), d.data(), n, {}, 1);
    EXPECT_EQ(c, d);
  });
}

}  // namespace
}  // namespace ow::kernels
