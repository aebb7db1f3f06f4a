#include "tensor/shape.h"

#include <gtest/gtest.h>

#include <vector>

namespace ow {
namespace {

std::vector<int64_t> dims(const Shape& s) { return {s.begin(), s.end()}; }

TEST(Shape, AnyRankFromNothing) {
  for (size_t rank : {0, 1, 6, 7, 12}) {
    std::vector<int64_t> expected(rank);
    for (size_t i = 0; i < rank; ++i) expected[i] = static_cast<int64_t>(i) + 2;
    const Shape shape(expected);
    EXPECT_EQ(dims(shape), expected);
    EXPECT_EQ(dims(Shape(shape)), expected);
    EXPECT_EQ(dims(Shape(rank, 3)), std::vector<int64_t>(rank, 3));
  }
}

TEST(Shape, GrowsAndShrinksAcrossTheInlineRank) {
  Shape s;
  std::vector<int64_t> expected;
  for (int64_t i = 0; i < 9; ++i) {
    s.push_back(i);
    expected.push_back(i);
    EXPECT_EQ(dims(s), expected);
  }
  for (size_t rank : {7, 4, 8, 0, 2, 7}) {
    s.resize(rank, 5);
    expected.resize(rank, 5);
    EXPECT_EQ(dims(s), expected) << rank;
  }
}

}  // namespace
}  // namespace ow
