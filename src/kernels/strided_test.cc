#include "kernels/strided.h"

#include <gtest/gtest.h>

namespace ow::kernels {
namespace {

using Strides = std::vector<int64_t>;

// y = a * 1000 + b over the loop, one element at a time, against the loop in pieces.
void expect_matches_plain_loop(const std::vector<int64_t>& extents, const Strides& ys, const Strides& as,
                               const Strides& bs, int64_t chunk) {
  const size_t size = 60000;
  std::vector<int32_t> a(size), b(size), y(size, -1), expected(size, -1);
  for (size_t i = 0; i < size; ++i)
    a[i] = static_cast<int32_t>(i % 977), b[i] = static_cast<int32_t>(i % 613);
  int64_t count = 1;
  for (int64_t e : extents) count *= e;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, yo = 0, ao = 0, bo = 0;
    for (size_t d = extents.size(); d-- > 0; rest /= extents[d]) {
      yo += rest % extents[d] * ys[d];
      ao += rest % extents[d] * as[d];
      bo += rest % extents[d] * bs[d];
    }
    expected[static_cast<size_t>(yo)] = a[static_cast<size_t>(ao)] * 1000 + b[static_cast<size_t>(bo)];
  }
  auto bytes = [](std::vector<int32_t>& v) { return reinterpret_cast<std::byte*>(v.data()); };
  const StridedOperand operands[] = {
      {bytes(y), 4, ys.data()}, {bytes(a), 4, as.data()}, {bytes(b), 4, bs.data()}};
  StridedLoop loop(extents, operands);
  ASSERT_EQ(loop.count(), count);
  for (const uint32_t single : {0U, loop.repeating()}) {
    const int64_t step_a = (single >> 1 & 1) == 0, step_b = (single >> 2 & 1) == 0;
    std::fill(y.begin(), y.end(), -1);
    const auto piece = [&](std::byte* const* p, int64_t n) {
      for (int64_t i = 0; i < n; ++i)
        reinterpret_cast<int32_t*>(p[0])[i] = reinterpret_cast<int32_t*>(p[1])[i * step_a] * 1000 +
                                              reinterpret_cast<int32_t*>(p[2])[i * step_b];
    };
    for (int64_t begin = 0; begin < count; begin += chunk)
      loop.run(begin, std::min(begin + chunk, count), piece, single);
    EXPECT_EQ(y, expected) << "operands as one element: " << single;
  }
}

TEST(StridedLoop, EveryPatternMatchesAPlainLoop) {
  for (int64_t chunk : {int64_t{100000}, int64_t{37}}) {
    expect_matches_plain_loop({7, 5, 300}, {1500, 300, 1}, {1500, 300, 1}, {1500, 300, 1}, chunk);  // dense
    expect_matches_plain_loop({7, 5, 300}, {1500, 300, 1}, {1500, 300, 1}, {0, 1, 0}, chunk);       // bias
    expect_matches_plain_loop({700, 3}, {3, 1}, {3, 1}, {0, 1}, chunk);                 // short rows
    expect_matches_plain_loop({5, 700, 3}, {2100, 3, 1}, {0, 3, 1}, {3, 0, 1}, chunk);  // rows that repeat
    expect_matches_plain_loop({5, 700, 3}, {2100, 3, 1}, {3500, 5, 1}, {3, 0, 0}, chunk);
    expect_matches_plain_loop({5, 2, 300, 7}, {4200, 2100, 7, 1}, {7, 0, 0, 1}, {0, 2100, 7, 1}, chunk);
    expect_matches_plain_loop({5, 90, 3}, {2100, 5, 1}, {270, 3, 1}, {3, 0, 1}, chunk);  // gaps in the output
    expect_matches_plain_loop({30, 255}, {255, 1}, {0, 1}, {1, 0}, chunk);
    expect_matches_plain_loop({30, 256}, {256, 1}, {0, 1}, {1, 0}, chunk);
    expect_matches_plain_loop({3, 2, 200}, {400, 200, 1}, {0, 200, 1}, {200, 0, 1}, chunk);
    expect_matches_plain_loop({70, 90}, {90, 1}, {1, 70}, {0, 0}, chunk);  // transposed, scalar
    expect_matches_plain_loop({2, 3, 10, 20}, {600, 1, 60, 3}, {600, 1, 60, 3}, {0, 1, 0, 0}, chunk);  // NHWC
    expect_matches_plain_loop({2, 3, 10, 20}, {1600, 1, 160, 8}, {600, 200, 20, 1}, {0, 1, 0, 0}, chunk);
    expect_matches_plain_loop({1, 1}, {1, 1}, {0, 0}, {5, 5}, chunk);
    expect_matches_plain_loop({}, {}, {}, {}, chunk);
    expect_matches_plain_loop({0, 4}, {4, 1}, {4, 1}, {0, 0}, chunk);
  }
}

// What is one element throughout the rows is known, and no piece ends before the row does.
TEST(StridedLoop, RepeatingOperands) {
  const std::vector<int64_t> extents = {4, 3000};
  const Strides dense = {3000, 1}, by_row = {1, 0}, by_column = {0, 1}, scalar = {0, 0};
  std::vector<float> y(12000), x(12000);
  const auto operand = [](std::vector<float>& v, const Strides& s) {
    return StridedOperand{reinterpret_cast<std::byte*>(v.data()), 4, s.data()};
  };
  const StridedOperand operands[] = {operand(y, dense), operand(x, dense), operand(x, by_row),
                                     operand(x, by_column), operand(x, scalar)};
  const StridedLoop loop(extents, operands);
  EXPECT_EQ(loop.repeating(), 0b10100U);
  std::vector<int64_t> lengths;
  loop.run(
      0, 12000, [&](std::byte* const*, int64_t n) { lengths.push_back(n); }, loop.repeating());
  EXPECT_EQ(lengths, (std::vector<int64_t>{3000, 3000, 3000, 3000}));
}

}  // namespace
}  // namespace ow::kernels
