// TopK against a stable sort of the whole line, with many equal values and NaN.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

void check(int64_t n, int64_t k, int64_t inner, bool largest, int distinct, bool nan) {
  SCOPED_TRACE(testing::Message() << k << " of " << n << ", inner " << inner << ", largest " << largest
                                  << ", distinct " << distinct << ", nan " << nan);
  std::vector<float> v(static_cast<size_t>(2 * n * inner));
  for (size_t i = 0; i < v.size(); ++i) {
    const size_t mixed = (i * 2654435761u >> 7) % 100003;
    v[i] = static_cast<float>(mixed % static_cast<size_t>(distinct)) - 5;
    if (nan && mixed % 29 == 0) v[i] = NAN;
  }
  auto y = evaluate_op(
      "TopK", {Tensor::of<float>({2, n, inner}, v), Tensor::of<int64_t>({1}, std::vector<int64_t>{k})}, 2,
      {{"axis", int64_t{1}}, {"largest", int64_t{largest}}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto* values = (*y)[0].tensor()->data<float>();
  const auto* indices = (*y)[1].tensor()->data<int64_t>();
  for (int64_t line = 0; line < 2 * inner; ++line) {
    const int64_t o = line / inner, j = line % inner;
    auto at = [&](int64_t i) { return v[static_cast<size_t>((o * n + i) * inner + j)]; };
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    auto size = [&](int64_t i) { return std::isnan(at(i)) ? 1e30f : at(i); };
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return largest ? size(a) > size(b) : size(a) < size(b); });
    for (int64_t i = 0; i < k; ++i) {
      const int64_t to = (o * k + i) * inner + j, index = order[static_cast<size_t>(i)];
      ASSERT_EQ(indices[to], index) << "place " << i;
      ASSERT_TRUE(values[to] == at(index) || (std::isnan(values[to]) && std::isnan(at(index))));
    }
  }
}

TEST(TopK, MatchesAStableSort) {
  for (int64_t n : {1, 17, 300, 2000})
    for (int64_t k : {int64_t{1}, int64_t{5}, n / 2, n})
      for (int64_t inner : {1, 3})
        for (bool largest : {true, false})
          for (int distinct : {3, 100000})
            if (k > 0 && k <= n) check(n, k, inner, largest, distinct, n == 300);
}

}  // namespace
}  // namespace ow
