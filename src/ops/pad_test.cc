#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor ints(std::vector<int64_t> v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }

std::vector<int64_t> pad(std::vector<int64_t> x, std::vector<int64_t> pads, const char* mode) {
  auto y = evaluate_op("Pad", {ints(std::move(x)), ints(std::move(pads))}, 1, {{"mode", std::string(mode)}});
  EXPECT_TRUE(y.ok()) << y.status().message();
  if (!y.ok()) return {};
  auto got = (*y)[0].tensor()->span<int64_t>();
  return {got.begin(), got.end()};
}

// The expected lists are numpy's: np.pad(x, pads, mode).
TEST(Pad, LongerThanTheAxisGoesOnMirroringAndWrapping) {
  EXPECT_EQ(pad({1, 2, 3}, {5, 4}, "reflect"), (std::vector<int64_t>{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}));
  EXPECT_EQ(pad({1, 2, 3}, {4, 4}, "wrap"), (std::vector<int64_t>{3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1}));
  EXPECT_EQ(pad({1, 2, 3}, {2, 1}, "edge"), (std::vector<int64_t>{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(pad({7}, {2, 2}, "reflect"), (std::vector<int64_t>{7, 7, 7, 7, 7}));
}

TEST(Pad, NegativeAmountsCutFirst) {
  EXPECT_EQ(pad({1, 2, 3, 4, 5}, {-1, 2}, "constant"), (std::vector<int64_t>{2, 3, 4, 5, 0, 0}));
  EXPECT_EQ(pad({1, 2, 3, 4, 5}, {2, -2}, "reflect"), (std::vector<int64_t>{3, 2, 1, 2, 3}));
  EXPECT_EQ(pad({1, 2, 3}, {-2, -1}, "constant"), (std::vector<int64_t>{}));
}

TEST(Pad, CuttingMoreThanThereIsIsRefused) {
  EXPECT_FALSE(evaluate_op("Pad", {ints({1, 2}), ints({-2, -1})}).ok());
}

}  // namespace
}  // namespace ow
