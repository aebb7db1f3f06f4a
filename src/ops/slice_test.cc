#include <gtest/gtest.h>

#include <limits>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor ints(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }

// Positions that a slice takes, found one by one as the specification words it.
std::vector<int64_t> expected(int64_t d, int64_t start, int64_t end, int64_t step) {
  auto clamp = [](__int128 v, __int128 low, __int128 high) { return v < low ? low : v > high ? high : v; };
  __int128 s = start < 0 ? __int128{start} + d : start, e = end < 0 ? __int128{end} + d : end;
  s = step > 0 ? clamp(s, 0, d) : clamp(s, 0, d - 1);
  e = step > 0 ? clamp(e, 0, d) : clamp(e, -1, d - 1);
  std::vector<int64_t> out;
  for (__int128 i = s; step > 0 ? i < e : i > e; i += step) out.push_back(static_cast<int64_t>(i));
  return out;
}

TEST(Slice, EveryRangeOfASmallAxis) {
  const int64_t far = std::numeric_limits<int64_t>::max(), low = std::numeric_limits<int64_t>::min();
  Tensor x = ints({0, 1, 2, 3, 4});
  for (int64_t start : {low, int64_t{-7}, int64_t{-5}, int64_t{-1}, int64_t{0}, int64_t{2}, int64_t{5}, far})
    for (int64_t end : {low, int64_t{-6}, int64_t{-2}, int64_t{0}, int64_t{3}, int64_t{9}, far})
      for (int64_t step : {low, int64_t{-3}, int64_t{-1}, int64_t{1}, int64_t{2}, far}) {
        auto y = evaluate_op("Slice", {x, ints({start}), ints({end}), ints({0}), ints({step})});
        ASSERT_TRUE(y.ok()) << y.status().message();
        auto got = (*y)[0].tensor()->span<int64_t>();
        EXPECT_EQ(std::vector<int64_t>(got.begin(), got.end()), expected(5, start, end, step))
            << start << ' ' << end << ' ' << step;
      }
}

TEST(Slice, SubByteElementsKeepTheirPlaces) {
  auto x = Tensor::allocate(DType::kUint4, {5});
  ASSERT_TRUE(x.ok());
  const uint8_t packed[] = {0x21, 0x43, 0x05};  // 1 2 3 4 5
  std::copy_n(packed, 3, reinterpret_cast<uint8_t*>(x->mutable_raw()));
  auto y = evaluate_op("Slice", {*x, ints({-1}), ints({-6}), ints({0}), ints({-2})});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto* bytes = reinterpret_cast<const uint8_t*>((*y)[0].tensor()->raw());
  EXPECT_EQ(bytes[0], 0x35);
  EXPECT_EQ(bytes[1] & 0xf, 0x1);
}

TEST(Slice, SymbolicExtentsStayExact) {
  ir::Graph g;
  ir::Value* x = g.add_input("x", ir::Type::tensor(DType::kFloat32, SymShape{Dim::symbol("N"), Dim(8)}));
  auto constant = [&](std::vector<int64_t> v) {
    ir::Value* c = g.add_constant("", ints(std::move(v)));
    c->fact = ir::Fact::of(*c->fact.constant);
    return c;
  };
  ir::Node* n = g.add_node("Slice", "",
                           {x, constant({0, 2}), constant({std::numeric_limits<int32_t>::max(), -1})}, {"y"});
  ASSERT_TRUE(infer_node(*n).ok());
  EXPECT_EQ(n->output(0)->type().text(), "float[N,5]");
}

TEST(Slice, StepZeroIsRefused) {
  auto y = evaluate_op("Slice", {ints({1, 2}), ints({0}), ints({2}), ints({0}), ints({0})});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("steps"), std::string_view::npos);
}

}  // namespace
}  // namespace ow
