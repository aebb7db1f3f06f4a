// The tolerance is numpy's: expectations here are what numpy.testing.assert_allclose says of the same values.

#include "compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <vector>

namespace ow {
namespace {

template <class T>
Value values(std::vector<T> v) {
  return Tensor::of<T>(Shape{static_cast<int64_t>(v.size())}, v);
}

bool same(const Value& found, const Value& expected) { return compare(found, expected, {}).ok(); }

TEST(Compare, FloatsWithinTolerance) {
  EXPECT_TRUE(same(values<float>({1.0009f}), values<float>({1})));
  EXPECT_FALSE(same(values<float>({1.0011f}), values<float>({1})));
  EXPECT_TRUE(same(values<double>({9e-8}), values<double>({0})));
  EXPECT_FALSE(same(values<double>({1.1e-7}), values<double>({0})));
  // The margin scales with the expected value, not with the one found.
  EXPECT_FALSE(same(values<double>({1000}), values<double>({998.9990})));
  EXPECT_TRUE(same(values<double>({998.9995}), values<double>({999.9})));
}

TEST(Compare, NanAndInfinity) {
  EXPECT_TRUE(same(values<float>({NAN, INFINITY}), values<float>({NAN, INFINITY})));
  EXPECT_FALSE(same(values<float>({1}), values<float>({NAN})));
  EXPECT_FALSE(same(values<float>({NAN}), values<float>({1})));
  EXPECT_FALSE(same(values<float>({INFINITY}), values<float>({-INFINITY})));
  EXPECT_FALSE(same(values<float>({3e38f}), values<float>({INFINITY})));
}

TEST(Compare, IntegersStringsAndBoolsExactly) {
  EXPECT_TRUE(same(values<int64_t>({1'000'000}), values<int64_t>({1'000'000})));
  EXPECT_FALSE(same(values<int64_t>({1'000'000}), values<int64_t>({1'000'001})));
  EXPECT_FALSE(same(values<std::string>({"a"}), values<std::string>({"b"})));
  EXPECT_TRUE(same(values<std::string>({"a"}), values<std::string>({"a"})));
  bool truth[] = {true}, lie[] = {false};
  EXPECT_FALSE(same(Tensor::of<bool>({1}, truth), Tensor::of<bool>({1}, lie)));
}

TEST(Compare, ComplexByModulus) {
  using C = std::complex<float>;
  EXPECT_TRUE(same(values<C>({C(1000, 0.5f)}), values<C>({C(1000, 0)})));
  EXPECT_FALSE(same(values<C>({C(1000, 2)}), values<C>({C(1000, 0)})));
}

TEST(Compare, NarrowTypes) {
  const std::vector<Float16> one = {{0x3c00}}, next = {{0x3c01}}, further = {{0x3c02}};
  EXPECT_TRUE(same(values(next), values(one)));      // 2^-10 relative
  EXPECT_FALSE(same(values(further), values(one)));  // 2^-9
  const uint8_t a[] = {0x21}, b[] = {0x31}, padded[] = {0xf1};
  EXPECT_FALSE(
      same(Tensor::borrow(DType::kInt4, {2}, a, nullptr), Tensor::borrow(DType::kInt4, {2}, b, nullptr)));
  EXPECT_TRUE(same(Tensor::borrow(DType::kInt4, {1}, a, nullptr),
                   Tensor::borrow(DType::kInt4, {1}, padded, nullptr)));
}

TEST(Compare, TypeShapeAndKind) {
  EXPECT_FALSE(same(values<float>({1}), values<double>({1})));
  EXPECT_FALSE(same(values<float>({1}), Tensor::scalar(1.0f)));
  EXPECT_FALSE(same(values<float>({}), values<float>({1})));
  EXPECT_TRUE(same(values<float>({}), values<float>({})));
  EXPECT_FALSE(same(Value(), values<float>({1})));
  EXPECT_TRUE(same(Value(), Value()));
  EXPECT_FALSE(same(Value(Sequence{}), values<float>({})));
}

TEST(Compare, SequencesItemByItem) {
  Value a = Sequence{values<float>({1}), values<float>({2, 3})};
  EXPECT_TRUE(same(a, a));
  EXPECT_FALSE(same(a, Value(Sequence{values<float>({1})})));
  Status s = compare(a, Value(Sequence{values<float>({1}), values<float>({2, 4})}), {});
  EXPECT_NE(s.message().find("item 1: 1 of 2 elements differ, by at most 1; element 1 is 3, expected 4"),
            std::string_view::npos)
      << s.message();
}

}  // namespace
}  // namespace ow
