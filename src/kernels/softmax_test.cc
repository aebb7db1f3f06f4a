// Against float64, over lengths around the vector's, and the values at the edges.
#include "kernels/softmax.h"

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

std::vector<double> oracle(const std::vector<float>& x, int64_t lines, int64_t n, int64_t line,
                           int64_t stride, bool log) {
  std::vector<double> y(x.size());
  for (int64_t l = 0; l < lines; ++l) {
    double m = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; ++i) m = std::max(m, static_cast<double>(x[l * line + i * stride]));
    for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[l * line + i * stride]) - m);
    for (int64_t i = 0; i < n; ++i) {
      const double d = static_cast<double>(x[l * line + i * stride]) - m;
      y[l * line + i * stride] = log ? d - std::log(sum) : std::exp(d) / sum;
    }
  }
  return y;
}

void expect_close(const std::vector<float>& got, const std::vector<double>& want) {
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-7 + 1e-6 * std::abs(want[i])) << "element " << i;
}

TEST(Softmax, MatchesFloat64) {
  for_each_isa([] {
    Random random(4);
    for (int64_t n : {1, 2, 3, 7, 15, 16, 17, 31, 63, 64, 65, 100, 129, 1000}) {
      SCOPED_TRACE(n);
      auto x = random.floats(3 * n);
      for (float& v : x) v *= 20;
      std::vector<float> y(x.size()), row(static_cast<size_t>(n));
      softmax_rows(x.data(), y.data(), 3, n);
      expect_close(y, oracle(x, 3, n, n, 1, false));
      softmax_rows(x.data() + n, row.data(), 1, n);
      ASSERT_TRUE(std::equal(row.begin(), row.end(), y.begin() + n)) << "a row alone";
      log_softmax_rows(x.data(), y.data(), 3, n);
      expect_close(y, oracle(x, 3, n, n, 1, true));
      // The same numbers as lines side by side; the stride is wider than what is there.
      for (int64_t columns : {1, 5, 16, 19, 40}) {
        auto z = random.floats((n - 1) * 41 + columns);
        std::vector<float> w(z.size(), 7), v(z.size(), 7);
        softmax_columns(z.data(), w.data(), n, 41, columns);
        log_softmax_columns(z.data(), v.data(), n, 41, columns);
        const auto want = oracle(z, columns, n, 1, 41, false), logs = oracle(z, columns, n, 1, 41, true);
        for (size_t i = 0; i < z.size(); ++i) {
          const bool inside = static_cast<int64_t>(i) % 41 < columns;
          ASSERT_NEAR(w[i], inside ? want[i] : 7, 1e-6);
          ASSERT_NEAR(v[i], inside ? logs[i] : 7, 1e-5);
        }
      }
    }
  });
}

TEST(Softmax, ExponentialsBeforeTheyAreDivided) {
  for_each_isa([] {
    Random random(14);
    for (int64_t n : {1, 5, 16, 33, 64, 100, 257}) {
      SCOPED_TRACE(n);
      std::vector<float> x = random.floats(n), add = random.floats(n), y = x, whole(x.size());
      add_row(add.data(), y.data(), n);
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], x[i] + add[i]);
      softmax_rows(y.data(), whole.data(), 1, n);
      const float sum = exp_row(y.data(), y.data(), n);
      scale_row(1 / sum, y.data(), n);
      ASSERT_EQ(y, whole);
      std::vector<float> hidden(x.size(), -INFINITY);
      EXPECT_EQ(exp_row(hidden.data(), hidden.data(), n), 0);
      for (float v : hidden) EXPECT_EQ(v, 0);
      x.back() = NAN;
      EXPECT_TRUE(std::isnan(exp_row(x.data(), x.data(), n)));
    }
  });
}

TEST(Softmax, Edges) {
  for_each_isa([] {
    for (int64_t n : {3, 16, 21}) {
      const auto each = [n](float first, float rest, auto check) {
        std::vector<float> x(static_cast<size_t>(n), rest), y(x.size());
        x[0] = first;
        softmax_rows(x.data(), y.data(), 1, n);
        for (float v : y) check(v);
        softmax_columns(x.data(), y.data(), n, 1, 1);
        for (float v : y) check(v);
      };
      each(NAN, 1, [](float v) { EXPECT_TRUE(std::isnan(v)); });
      each(INFINITY, 1, [](float v) { EXPECT_TRUE(std::isnan(v) || v == 0); });
      each(-INFINITY, -INFINITY, [](float v) { EXPECT_TRUE(std::isnan(v)); });
      each(3e38f, 3e38f, [n](float v) { EXPECT_NEAR(v, 1.0 / static_cast<double>(n), 1e-7); });
      each(-3e38f, -3e38f, [n](float v) { EXPECT_NEAR(v, 1.0 / static_cast<double>(n), 1e-7); });
      std::vector<float> x(static_cast<size_t>(n), -INFINITY), y(x.size());
      x[1] = 0;
      softmax_rows(x.data(), y.data(), 1, n);
      for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], i == 1 ? 1 : 0);
      softmax_rows(x.data(), x.data(), 1, n);
      EXPECT_EQ(x, y) << "in place";
    }
  });
}

}  // namespace
}  // namespace ow::kernels
