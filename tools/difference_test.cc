// Metrics by their formulas, on values small enough to check by hand, and the literals and files of inputs.
#include "tools/difference.h"

#include <gmock/gmock.h>

#include <cmath>

#include "apps/file.h"
#include "tools/value_file.h"
#include "tools/value_type.h"

namespace onward::tools {
namespace {

using ::testing::HasSubstr;

Datum floats(std::vector<float> v) {
  const int64_t n = static_cast<int64_t>(v.size());
  return Datum::of(Tensor::from<float>(std::span(&n, 1), std::span<const float>(v)));
}
Datum integers(std::vector<int64_t> v) {
  const int64_t n = static_cast<int64_t>(v.size());
  return Datum::of(Tensor::from<int64_t>(std::span(&n, 1), std::span<const int64_t>(v)));
}

TEST(Difference, FollowsTheFormulas) {
  const Difference d = difference_of("y", floats({3, 0}), floats({3, 4}), {});
  EXPECT_DOUBLE_EQ(d.max_abs, 4);
  EXPECT_DOUBLE_EQ(d.max_rel, 1);
  EXPECT_DOUBLE_EQ(d.l1, 4);
  EXPECT_DOUBLE_EQ(d.rel_l2, 0.8);
  EXPECT_DOUBLE_EQ(d.cosine, 0.6);
  EXPECT_EQ(d.mismatched, 1u);
  EXPECT_EQ(d.worst, 1u);
  EXPECT_FALSE(d.passed());
  EXPECT_TRUE(difference_of("y", floats({1.0009f}), floats({1}), {}).passed());
  EXPECT_FALSE(difference_of("y", floats({1.0011f}), floats({1}), {}).passed());
}

TEST(Difference, NonFiniteElementsMustAgree) {
  const Difference same = difference_of("y", floats({NAN, INFINITY, 1}), floats({NAN, INFINITY, 1}), {});
  EXPECT_TRUE(same.passed());
  EXPECT_EQ(same.non_finite_expected, 2u);
  EXPECT_EQ(difference_of("y", floats({-INFINITY, 1}), floats({INFINITY, NAN}), {}).non_finite_mismatched,
            2u);
  // Even where a bound on the whole tensor would let them through.
  EXPECT_FALSE(difference_of("y", floats({NAN}), floats({1}), {.max_rel_l2 = 10}).passed());
}

TEST(Difference, IntegersAreExact) {
  EXPECT_FALSE(difference_of("y", integers({1'000'001}), integers({1'000'000}), {}).passed());
  const int64_t big = int64_t{1} << 60;
  EXPECT_FALSE(difference_of("y", integers({big + 1}), integers({big}), {}).passed());
  EXPECT_TRUE(difference_of("y", integers({5}), integers({4}), {.atol = 1}).passed());
}

TEST(Difference, SequencesAndShapes) {
  const Datum a = Datum::sequence({floats({1}), floats({2, 3})}),
              b = Datum::sequence({floats({1}), floats({2})});
  EXPECT_TRUE(difference_of("s", a, a, {}).passed());
  EXPECT_EQ(difference_of("s", a, b, {}).failed, "[1]: shape is float32[2], expected float32[1]");
  EXPECT_THAT(difference_of("s", a, floats({1}), {}).failed, HasSubstr("is a sequence of 2"));
}

TEST(ValueType, IsTakenApart) {
  const ValueType t = parse_type("optional(seq(int64[?,3]))");
  EXPECT_TRUE(t.optional);
  EXPECT_EQ(t.kind, ONWARD_SEQUENCE);
  EXPECT_EQ(t.element->element->dtype, ONWARD_INT64);
  const ValueType map = parse_type("map(string, float[])");
  EXPECT_EQ(map.dtype, ONWARD_STRING);
  EXPECT_EQ(map.element->dtype, ONWARD_FLOAT32);
}

TEST(Literal, NestingIsTheShape) {
  ValueInfo port;
  port.name = "x", port.type = "int32[?,?]";
  const Datum d = parse_literal("[[1,2,3],[4,5,6]]", port, "x");
  EXPECT_EQ(datum_text(d), "int32[2,3]");
  EXPECT_EQ(d.tensor.data<const int32_t>()[4], 5);
  EXPECT_THROW(parse_literal("[[1],[2,3]]", port, "x"), apps::FileError);
  EXPECT_THROW(parse_literal("[3000000000]", port, "x"), apps::FileError);
  EXPECT_THROW(parse_literal("[1", port, "x"), apps::FileError);
}

TEST(NaturalOrder, CountsInsteadOfSpelling) {
  EXPECT_THAT(natural_order({"a_10", "a_9", "a_1"}), ::testing::ElementsAre("a_1", "a_9", "a_10"));
}

}  // namespace
}  // namespace onward::tools
