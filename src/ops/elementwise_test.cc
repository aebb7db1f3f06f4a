// Elementwise operators at their edges: integer division and wrapping, NaN, broadcasting, text, bad input.
// Expected values are worked out by hand or by std:: in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T>
Tensor of(const Shape& shape, std::vector<T> v) {
  Tensor t = *Tensor::allocate(dtype_of<T>, shape);
  for (size_t i = 0; i < v.size(); ++i) t.mutable_data<T>()[i] = v[i];
  return t;
}

template <class T>
std::vector<T> contents(const Result<std::vector<Value>>& r, size_t o = 0) {
  EXPECT_TRUE(r.ok()) << r.status().message();
  if (!r.ok()) return {};
  auto span = (*r)[o].tensor()->span<T>();
  return {span.begin(), span.end()};
}

void expect_error(const Result<std::vector<Value>>& r, Code code, std::string_view text) {
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.status().code(), code);
  EXPECT_NE(r.status().message().find(text), std::string_view::npos) << r.status().message();
}

TEST(Div, IntegersTruncateAndTheLeastValueWraps) {
  auto y = evaluate_op("Div", {of<int32_t>({4}, {-7, 7, INT32_MIN, 5}), of<int32_t>({4}, {2, -2, -1, 3})});
  EXPECT_EQ(contents<int32_t>(y), (std::vector<int32_t>{-3, -3, INT32_MIN, 1}));
}

TEST(Div, ByTheIntegerZeroIsRefused) {
  expect_error(evaluate_op("Div", {of<int8_t>({2}, {1, 2}), of<int8_t>({2}, {1, 0})}), Code::kInvalidArgument,
               "by 0");
}

TEST(Mul, SmallUnsignedIntegersWrap) {
  auto y = evaluate_op("Mul", {of<uint16_t>({1}, {65535}), of<uint16_t>({1}, {65535})});
  EXPECT_EQ(contents<uint16_t>(y), (std::vector<uint16_t>{1}));
}

TEST(Add, BroadcastsBothWays) {
  auto y = evaluate_op("Add", {of<float>({2, 1}, {10, 20}), of<float>({3}, {1, 2, 3})});
  EXPECT_EQ(contents<float>(y), (std::vector<float>{11, 12, 13, 21, 22, 23}));
}

TEST(Add, ShapesThatDoNotBroadcastAreRefusedByName) {
  expect_error(evaluate_op("Add", {of<float>({2}, {1, 2}), of<float>({3}, {1, 2, 3})}), Code::kInvalidModel,
               "2");
}

TEST(Mod, SignFollowsTheDivisorOrTheDividend) {
  const Tensor a = of<int64_t>({4}, {-7, 7, -7, INT64_MIN}), b = of<int64_t>({4}, {3, -3, -3, -1});
  EXPECT_EQ(contents<int64_t>(evaluate_op("Mod", {a, b})), (std::vector<int64_t>{2, -2, -1, 0}));
  EXPECT_EQ(contents<int64_t>(evaluate_op("Mod", {a, b}, 1, {{"fmod", int64_t{1}}})),
            (std::vector<int64_t>{-1, 1, -1, 0}));
}

TEST(Pow, IntegersAreExactAndMixWithOtherExponents) {
  auto y = evaluate_op("Pow", {of<int64_t>({3}, {3, -1, 2}), of<int8_t>({3}, {39, -3, -1})});
  EXPECT_EQ(contents<int64_t>(y), (std::vector<int64_t>{4052555153018976267, -1, 0}));
  auto z = evaluate_op("Pow", {of<float>({2}, {2, 9}), of<int64_t>({2}, {-1, 3})});
  EXPECT_EQ(contents<float>(z), (std::vector<float>{0.5f, 729}));
  expect_error(evaluate_op("Pow", {of<int32_t>({1}, {0}), of<int32_t>({1}, {-1})}), Code::kInvalidArgument,
               "negative");
}

TEST(BitShift, ByTheWidthOrMoreLeavesNothing) {
  auto y = evaluate_op("BitShift", {of<uint8_t>({3}, {255, 255, 1}), of<uint8_t>({3}, {1, 8, 200})}, 1,
                       {{"direction", std::string("LEFT")}});
  EXPECT_EQ(contents<uint8_t>(y), (std::vector<uint8_t>{254, 0, 0}));
}

TEST(MaxMin, NanWinsWhereverItStands) {
  const Tensor a = of<float>({3}, {1, kNan, 2}), b = of<float>({3}, {kNan, 1, 3});
  for (const char* name : {"Max", "Min"}) {
    auto y = contents<float>(evaluate_op(name, {a, b}));
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
    EXPECT_EQ(y[2], name[1] == 'a' ? 3.0f : 2.0f);
  }
}

TEST(Shrink, IsZeroBetweenTheLimitsAndOfNan) {
  auto y = contents<float>(
      evaluate_op("Shrink", {of<float>({5}, {-2, -0.5f, kNan, 0.25f, 3})}, 1, {{"bias", 0.5f}}));
  EXPECT_EQ(y, (std::vector<float>{-1.5f, 0, 0, 0, 2.5f}));
}

TEST(HannWindow, OfOneIsNoNumberWhenSymmetric) {
  for (int64_t periodic : {0, 1}) {
    auto y = contents<float>(evaluate_op("HannWindow", {of<int64_t>({}, {1})}, 1, {{"periodic", periodic}}));
    ASSERT_EQ(y.size(), 1u);
    EXPECT_EQ(std::isnan(y[0]), periodic == 0);
    if (periodic) EXPECT_EQ(y[0], 0);
  }
}

TEST(Mean, OfThreeBroadcastInputs) {
  auto y = evaluate_op("Mean", {of<float>({2, 1}, {1, 2}), of<float>({2}, {3, 6}), of<float>({}, {5})});
  EXPECT_EQ(contents<float>(y), (std::vector<float>{3, 4, 10.0f / 3, 13.0f / 3}));
}

TEST(Clip, MaxWinsOverMinAndNanStays) {
  auto y = contents<float>(
      evaluate_op("Clip", {of<float>({3}, {-5, kNan, 5}), of<float>({}, {2}), of<float>({}, {1})}));
  EXPECT_EQ(y[0], 1);
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_EQ(y[2], 1);
}

TEST(Round, HalvesGoToEven) {
  auto y = evaluate_op("Round", {of<float>({5}, {0.5f, 1.5f, 2.5f, -2.5f, -0.4f})});
  EXPECT_EQ(contents<float>(y), (std::vector<float>{0, 2, 2, -2, -0.0f}));
}

TEST(Equal, ComparesTextWithBroadcasting) {
  auto y = evaluate_op("Equal", {of<std::string>({2, 1}, {"a", "b"}), of<std::string>({2}, {"b", "a"})});
  EXPECT_EQ(contents<bool>(y), (std::vector<bool>{false, true, true, false}));
}

TEST(Where, ChoosesTextAndWideElements) {
  const Tensor condition = of<bool>({2}, {true, false});
  auto y = evaluate_op("Where", {condition, of<std::string>({}, {"x"}), of<std::string>({2, 1}, {"p", "q"})});
  EXPECT_EQ(contents<std::string>(y), (std::vector<std::string>{"x", "p", "x", "q"}));
  using C = std::complex<double>;
  auto z = evaluate_op("Where", {condition, of<C>({2}, {{1, 2}, {3, 4}}), of<C>({1}, {{5, 6}})});
  EXPECT_EQ(contents<C>(z), (std::vector<C>{{1, 2}, {5, 6}}));
}

TEST(Activations, MatchTheirFormulaInDouble) {
  struct Row {
    const char* name;
    double (*f)(double);
  };
  auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  static auto plus = +softplus;
  const Row rows[] = {
      {"Mish", [](double x) { return x * std::tanh(plus(x)); }},
      {"Softplus", [](double x) { return plus(x); }},
      {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"Swish", [](double x) { return x / (1 + std::exp(-x)); }},
      {"Elu", [](double x) { return x < 0 ? std::expm1(x) : x; }},
      {"Celu", [](double x) { return x < 0 ? std::expm1(x) : x; }},
      {"HardSwish", [](double x) { return x * std::min(1.0, std::max(0.0, x / 6 + 0.5)); }},
      {"Gelu", [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }},
      {"Erf", [](double x) { return std::erf(x); }},
      {"Asinh", [](double x) { return std::asinh(x); }},
  };
  std::vector<float> xs;
  for (float x = -9; x <= 9; x += 0.37f) xs.push_back(x);
  xs.push_back(kNan);
  const Tensor x = of<float>({static_cast<int64_t>(xs.size())}, xs);
  const Tensor wide = *convert(x, DType::kFloat64);
  for (const Row& row : rows) {
    auto y = contents<float>(evaluate_op(row.name, {x}));
    auto z = contents<double>(evaluate_op(row.name, {wide}));
    ASSERT_EQ(y.size(), xs.size());
    for (size_t i = 0; i + 1 < xs.size(); ++i) {
      const double expected = row.f(double{xs[i]});
      EXPECT_NEAR(y[i], expected, 1e-6 + 2e-6 * std::abs(expected)) << row.name << " of " << xs[i];
      EXPECT_NEAR(z[i], expected, 1e-14 + 1e-13 * std::abs(expected)) << row.name << " of " << xs[i];
    }
    EXPECT_TRUE(std::isnan(y.back()) && std::isnan(z.back())) << row.name;
  }
}

TEST(Range, CountsIntegersExactlyAndRefusesANullStep) {
  auto range = [](int64_t a, int64_t b, int64_t d) {
    return evaluate_op("Range", {of<int64_t>({}, {a}), of<int64_t>({}, {b}), of<int64_t>({}, {d})});
  };
  EXPECT_EQ(contents<int64_t>(range(10, 3, -3)), (std::vector<int64_t>{10, 7, 4}));
  EXPECT_EQ(contents<int64_t>(range(INT64_MAX - 2, INT64_MAX, 2)), (std::vector<int64_t>{INT64_MAX - 2}));
  EXPECT_TRUE(contents<int64_t>(range(3, 3, 1)).empty());
  expect_error(range(0, 1, 0), Code::kInvalidModel, "delta is 0");
}

TEST(Trilu, DiagonalsBeyondTheMatrix) {
  const Tensor x = of<int8_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  auto tri = [&](int64_t k, int64_t upper) {
    return contents<int8_t>(evaluate_op("Trilu", {x, of<int64_t>({}, {k})}, 1, {{"upper", upper}}));
  };
  EXPECT_EQ(tri(1, 1), (std::vector<int8_t>{0, 2, 3, 0, 0, 6}));
  EXPECT_EQ(tri(-1, 0), (std::vector<int8_t>{0, 0, 0, 4, 0, 0}));
  EXPECT_EQ(tri(INT64_MAX, 1), (std::vector<int8_t>(6, 0)));
  EXPECT_EQ(tri(INT64_MAX, 0), (std::vector<int8_t>{1, 2, 3, 4, 5, 6}));
}

TEST(ConstantOfShape, FillsPackedTypesAndRefusesNegativeExtents) {
  Tensor value = *Tensor::allocate(DType::kInt4, {1});
  const uint8_t code = 0xd;
  pack(&code, DType::kInt4, 1, value.mutable_raw());
  auto y = evaluate_op("ConstantOfShape", {of<int64_t>({1}, {3})}, 1, {{"value", Value(value)}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  uint8_t codes[3];
  unpack((*y)[0].tensor()->raw(), DType::kInt4, 3, codes);
  for (uint8_t c : codes) EXPECT_EQ(static_cast<int8_t>(c), -3);
  expect_error(evaluate_op("ConstantOfShape", {of<int64_t>({1}, {-3})}), Code::kInvalidModel, "-3");
}

TEST(Constant, SparseValuesBecomeDense) {
  SparseValue s{of<float>({2}, {5, 7}), of<int64_t>({2, 2}, {0, 1, 1, 0}), Shape{2, 2}};
  auto y = evaluate_op("Constant", {}, 1, {{"sparse_value", Value(s)}});
  EXPECT_EQ(contents<float>(y), (std::vector<float>{0, 5, 7, 0}));
  s.indices = of<int64_t>({2, 2}, {0, 1, 2, 0});
  expect_error(evaluate_op("Constant", {}, 1, {{"sparse_value", Value(s)}}), Code::kInvalidModel, "outside");
}

TEST(BitCast, KeepsTheBits) {
  auto y = evaluate_op("BitCast", {of<float>({1}, {1.0f})}, 1, {{"to", int64_t{6}}});
  EXPECT_EQ(contents<int32_t>(y), (std::vector<int32_t>{0x3f800000}));
  expect_error(evaluate_op("BitCast", {of<float>({1}, {1})}, 1, {{"to", int64_t{7}}}), Code::kInvalidModel,
               "int64");
}

}  // namespace
}  // namespace ow
