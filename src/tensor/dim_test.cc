// Symbolic dimensions: whatever is simplified must still have the same value for every size.
#include "tensor/dim.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace ow {
namespace {

const Dim N = Dim::symbol("N"), M = Dim::symbol("M");

std::optional<int64_t> at(const Dim& d, int64_t n, int64_t m = 0) {
  return d.evaluate([&](std::string_view s) {
    return s == "N" ? std::optional(n) : s == "M" ? std::optional(m) : std::nullopt;
  });
}

TEST(Dim, ExpressionsSurvive) {
  const Dim d = N * 2 + 1;
  EXPECT_EQ(d.text(), "2*N+1");
  EXPECT_EQ(at(d, 5), 11);
  EXPECT_TRUE(d == Dim(1) + N + N);
  EXPECT_FALSE(d == N * 2);
  EXPECT_EQ((d - N * 2).constant(), 1);
  EXPECT_EQ((N - N).constant(), 0);
  EXPECT_EQ(((N + 1) * (N - 1)).text(), "N*N-1");
  EXPECT_TRUE((N + M) * (N + M) == N * N + 2 * M * N + M * M);
  EXPECT_EQ((Dim(0) - N).text(), "-N");
  EXPECT_EQ(product({N, 3, M}, 0, 3).text(), "3*M*N");
}

TEST(Dim, DivisionSplitsOffWhatIsExact) {
  EXPECT_EQ(floor_div(N * 4, 2).text(), "2*N");
  EXPECT_EQ(floor_div(N * 4 + 3, 2).text(), "2*N+1");
  EXPECT_EQ(floor_div(N * 4 - 1, 2).text(), "2*N-1");
  EXPECT_EQ(floor_div(N * M * 6, M * 3).text(), "2*N");
  EXPECT_TRUE(floor_div(N, N).is(1));
  EXPECT_EQ(floor_div(N * 2 + M, 2).text(), "N+floordiv(M, 2)");
  EXPECT_TRUE(ceil_div(N * 2 + 1, 2) == N + 1);
  EXPECT_TRUE(mod(N * 6, 3).is(0));
  EXPECT_TRUE(mod(N * 6 + M, 3) == mod(M, 3));
  EXPECT_TRUE(floor_div(-7, 2).is(-4));
  EXPECT_TRUE(ceil_div(-7, 2).is(-3));
  EXPECT_TRUE(mod(-7, 2).is(1));
  EXPECT_TRUE(floor_div(N, 0).is_unknown());
  EXPECT_TRUE(mod(N, 0).is_unknown());
}

TEST(Dim, MinMaxAndUnknowns) {
  EXPECT_TRUE(min(N, N + 1) == N);
  EXPECT_TRUE(max(N, N + 1) == N + 1);
  EXPECT_TRUE(min(N, M) == min(M, N));
  EXPECT_TRUE(max(3, 5).is(5));
  const Dim a = Dim::unknown(), b = Dim::unknown();
  EXPECT_TRUE(a.is_unknown());
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(a == a);
  EXPECT_FALSE((a + 1).is_unknown());
  EXPECT_EQ(at(a + 1, 1), std::nullopt);
  // Long names are not cut: two that differ at the end are two.
  const std::string name(350, 'x');
  EXPECT_FALSE(Dim::symbol(name + "a") == Dim::symbol(name + "b"));
}

TEST(Dim, NothingOverflows) {
  for (const Dim& d : {Dim(INT64_MAX) + 1, Dim(INT64_MIN) - 1, Dim(INT64_MAX) * 2, floor_div(INT64_MIN, -1),
                       N * INT64_MAX * 2})
    EXPECT_TRUE(d.is_unknown()) << d.text();
  EXPECT_EQ(at(N * INT64_MAX, 2), std::nullopt);
  EXPECT_EQ(at(floor_div(N * INT64_MIN, -1), 0), 0);
  EXPECT_TRUE(mod(INT64_MIN, -1).is(0));
  EXPECT_EQ(at(mod(N, M), INT64_MIN, 3), 1);  // -2^63 = 3 * q + 1
  EXPECT_EQ(at(mod(N, M), INT64_MIN, -1), std::nullopt);
  EXPECT_EQ(at(floor_div(N, M), 5, 0), std::nullopt);
  EXPECT_EQ(at(N * INT64_MIN, 1), INT64_MIN);
}

struct Pair {
  Dim dim;
  std::vector<int64_t> values;  // one for each of the sizes below
};
const std::vector<std::pair<int64_t, int64_t>> kSizes = {{1, 1},  {2, 3}, {5, 2},  {7, 7},
                                                         {12, 4}, {1, 9}, {30, 13}};

TEST(Dim, RandomExpressionsKeepTheirValues) {
  std::mt19937 rng(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Pair> pool = {{N, {}}, {M, {}}, {2, {}}, {3, {}}, {-1, {}}};
    for (auto [n, m] : kSizes) {
      pool[0].values.push_back(n);
      pool[1].values.push_back(m);
      for (size_t i = 2; i < pool.size(); ++i) pool[i].values.push_back(*pool[i].dim.constant());
    }
    for (int step = 0; step < 8; ++step) {
      const Pair a = pool[rng() % pool.size()], b = pool[rng() % pool.size()];
      const auto op = rng() % 8;
      if (op >= 5 && std::count(b.values.begin(), b.values.end(), 0)) continue;
      auto div = [](int64_t x, int64_t y) {
        return static_cast<int64_t>(std::floor(static_cast<long double>(x) / static_cast<long double>(y)));
      };
      Pair made;
      made.dim = op == 0   ? a.dim + b.dim
                 : op == 1 ? a.dim - b.dim
                 : op == 2 ? a.dim * b.dim
                 : op == 3 ? min(a.dim, b.dim)
                 : op == 4 ? max(a.dim, b.dim)
                 : op == 5 ? floor_div(a.dim, b.dim)
                 : op == 6 ? ceil_div(a.dim, b.dim)
                           : mod(a.dim, b.dim);
      bool small = true;
      for (size_t i = 0; i < kSizes.size(); ++i) {
        const int64_t x = a.values[i], y = b.values[i];
        made.values.push_back(op == 0   ? x + y
                              : op == 1 ? x - y
                              : op == 2 ? x * y
                              : op == 3 ? std::min(x, y)
                              : op == 4 ? std::max(x, y)
                              : op == 5 ? div(x, y)
                              : op == 6 ? -div(-x, y)
                                        : x - div(x, y) * y);
        small &= std::abs(made.values.back()) < 1'000'000;
        const auto found = at(made.dim, kSizes[i].first, kSizes[i].second);
        if (made.dim.is_unknown()) continue;
        ASSERT_EQ(found, made.values.back())
            << made.dim.text() << " from " << a.dim.text() << " and " << b.dim.text() << " op " << op;
      }
      if (small && !made.dim.is_unknown()) pool.push_back(made);
    }
  }
}

TEST(Dim, NestedDivisionsBecomeOne) {
  const Dim n = Dim::symbol("N");
  EXPECT_EQ(floor_div(floor_div(n - 1, 2), 2), floor_div(n - 1, 4));
  // Two convolutions of stride 2: half of (half of n, rounded up), rounded up.
  const Dim twice = floor_div(floor_div(n - 1, 2) + 1 - 1, 2) + 1;
  const Dim odd = floor_div(floor_div(n, 3) + 5, 4), negative = floor_div(floor_div(n, 3) - 5, 4);
  for (int64_t v = 0; v < 200; ++v) {
    const auto at = [&](std::string_view) { return std::optional<int64_t>(v); };
    const auto floored = [](int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
    EXPECT_EQ(twice.evaluate(at), floored(floored(v - 1, 2), 2) + 1);
    EXPECT_EQ(odd.evaluate(at), floored(floored(v, 3) + 5, 4));
    EXPECT_EQ(negative.evaluate(at), floored(floored(v, 3) - 5, 4));
  }
}

}  // namespace
}  // namespace ow
