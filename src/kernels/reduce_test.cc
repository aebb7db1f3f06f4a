// Against loops in float64, at lengths that fill no vector; NaN in every place.
#include <limits>

#include "kernels/reduce_table.h"
#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

constexpr int64_t kLengths[] = {0, 1, 7, 8, 15, 16, 17, 31, 63, 64, 65, 130, 1000};

TEST(ReduceKernels, LinesMatchFloat64) {
  for_each_isa([] {
    const ReduceTable& t = reduce_kernels();
    // The last of three lines, one element apart.
    auto last = [](auto fold, const std::vector<float>& v, int64_t n, auto zero) {
      std::vector<float> lines(2, 5.0f);
      lines.insert(lines.end(), v.begin(), v.end());
      decltype(zero) to[3];
      fold(lines.data(), 1, 3, n, to);
      return to[2];
    };
    for (int64_t n : kLengths) {
      Random random(static_cast<uint64_t>(n));
      auto x = random.floats(n);
      double sum = 0, sum_abs = 0, sum_square = 0;
      float max = -std::numeric_limits<float>::infinity(), min = -max;
      for (float v : x) {
        sum += v, sum_abs += std::abs(v), sum_square += double{v} * v;
        max = std::max(max, v), min = std::min(min, v);
      }
      EXPECT_NEAR(last(t.sum, x, n, 0.0), sum, 1e-12 * (1 + sum_abs)) << n;
      EXPECT_NEAR(last(t.sum_abs, x, n, 0.0), sum_abs, 1e-12 * (1 + sum_abs)) << n;
      EXPECT_NEAR(last(t.sum_square, x, n, 0.0), sum_square, 1e-12 * (1 + sum_square)) << n;
      EXPECT_EQ(last(t.max, x, n, 0.0f), max) << n;
      EXPECT_EQ(last(t.min, x, n, 0.0f), min) << n;
      for (int64_t i = 0; i < std::min<int64_t>(n, 70); ++i) {
        const float kept = std::exchange(x[static_cast<size_t>(i)], NAN);
        EXPECT_TRUE(std::isnan(last(t.max, x, n, 0.0f)) && std::isnan(last(t.min, x, n, 0.0f)))
            << i << " of " << n;
        x[static_cast<size_t>(i)] = kept;
      }
    }
  });
}

TEST(ReduceKernels, RowsTakeInEachElement) {
  for_each_isa([] {
    const ReduceTable& t = reduce_kernels();
    for (int64_t n : kLengths)
      for (int64_t rows : {1, 3, 4, 9}) {
        Random random(static_cast<uint64_t>(n) + 1);
        const int64_t stride = n + 5;
        const auto x = random.floats((rows - 1) * stride + n), start = random.floats(n);
        const std::vector<double> before(start.begin(), start.end());
        auto sum = before, sum_abs = before, sum_square = before;
        auto max = start, min = start;
        t.add(x.data(), stride, rows, n, sum.data());
        t.add_abs(x.data(), stride, rows, n, sum_abs.data());
        t.add_square(x.data(), stride, rows, n, sum_square.data());
        t.max_rows(x.data(), stride, rows, n, max.data());
        t.min_rows(x.data(), stride, rows, n, min.data());
        for (size_t i = 0; i < before.size(); ++i) {
          double a = before[i], b = a, c = a;
          float high = start[i], low = high;
          for (int64_t r = 0; r < rows; ++r) {
            const float v = x[static_cast<size_t>(r * stride) + i];
            a += v, b += std::abs(double{v}), c += double{v} * v;
            high = std::max(high, v), low = std::min(low, v);
          }
          EXPECT_EQ(sum[i], a);
          EXPECT_EQ(sum_abs[i], b);
          EXPECT_NEAR(sum_square[i], c, 1e-14);
          EXPECT_EQ(max[i], high);
          EXPECT_EQ(min[i], low);
        }
      }
  });
}

}  // namespace
}  // namespace ow::kernels
