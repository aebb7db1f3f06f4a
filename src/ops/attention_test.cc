// Against the formula in double: grouped heads, past and present, masks, causality, padding, softcap and
// every qk_matmul_output_mode. An element that is masked is -inf before the softmax.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

constexpr double kNever = -INFINITY;
Tensor ramp(const Shape& shape, float step) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(step * static_cast<float>(i + 1));
  return Tensor::of<float>(shape, v);
}
double at(const Tensor& t, std::initializer_list<int64_t> index) {
  int64_t i = 0;
  size_t axis = 0;
  for (int64_t p : index) i = i * t.dim(axis++) + p;
  return double{t.data<float>()[i]};
}

// Batch 2, query heads 4, key and value heads 2, 3 queries, past of 2 and 3 new keys, sizes 4 and 3.
constexpr int64_t kB = 2, kQHeads = 4, kHeads = 2, kQ = 3, kPast = 2, kNew = 3, kAll = 5, kD = 4, kE = 3;
using Bias = std::function<double(int64_t b, int64_t h, int64_t i, int64_t j)>;

struct Case {
  Tensor q = ramp({kB, kQHeads, kQ, kD}, 0.7f), k = ramp({kB, kHeads, kNew, kD}, 1.3f);
  Tensor v = ramp({kB, kHeads, kNew, kE}, 2.1f), past_k = ramp({kB, kHeads, kPast, kD}, 0.4f);
  Tensor past_v = ramp({kB, kHeads, kPast, kE}, 1.9f);
  double scale = 0.5, cap = 0;

  double key(int64_t b, int64_t h, int64_t j, int64_t d) const {
    return j < kPast ? at(past_k, {b, h, j, d}) : at(k, {b, h, j - kPast, d});
  }
  double value(int64_t b, int64_t h, int64_t j, int64_t d) const {
    return j < kPast ? at(past_v, {b, h, j, d}) : at(v, {b, h, j - kPast, d});
  }
  // Scores in the four stages of qk_matmul_output_mode for one query.
  std::vector<std::vector<double>> stages(int64_t b, int64_t h, int64_t i, const Bias& bias) const {
    std::vector<std::vector<double>> s(4, std::vector<double>(kAll));
    double m = kNever, sum = 0;
    for (int64_t j = 0; j < kAll; ++j) {
      const auto n = static_cast<size_t>(j);
      for (int64_t d = 0; d < kD; ++d) s[0][n] += scale * at(q, {b, h, i, d}) * key(b, h / 2, j, d);
      s[1][n] = cap > 0 ? cap * std::tanh(s[0][n] / cap) : s[0][n];
      s[2][n] = s[1][n] + bias(b, h, i, j);
      m = std::max(m, s[2][n]);
    }
    for (size_t n = 0; n < kAll; ++n) sum += s[3][n] = m == kNever ? 0 : std::exp(s[2][n] - m);
    for (double& p : s[3]) p = sum > 0 ? p / sum : 0;
    return s;
  }

  void expect(ir::Attributes attributes, std::vector<Value> rest, const Bias& bias) const {
    attributes["scale"] = static_cast<float>(scale);
    attributes["softcap"] = static_cast<float>(cap);
    std::vector<Value> inputs{q, k, v};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    for (int64_t mode = 0; mode < 4; ++mode) {
      attributes["qk_matmul_output_mode"] = mode;
      auto out = evaluate_op("Attention", inputs, 4, attributes);
      ASSERT_TRUE(out.ok()) << out.status().message();
      for (int64_t b = 0; b < kB; ++b)
        for (int64_t h = 0; h < kQHeads; ++h)
          for (int64_t i = 0; i < kQ; ++i) {
            const auto s = stages(b, h, i, bias);
            expect_row(*(*out)[3].tensor(), b, h, i, s[static_cast<size_t>(mode)]);
            std::vector<double> y(kE);
            for (int64_t j = 0; j < kAll; ++j)
              for (int64_t d = 0; d < kE; ++d)
                y[static_cast<size_t>(d)] += s[3][static_cast<size_t>(j)] * value(b, h / 2, j, d);
            expect_row(*(*out)[0].tensor(), b, h, i, y);
          }
    }
  }
  static void expect_row(const Tensor& t, int64_t b, int64_t h, int64_t i, const std::vector<double>& row) {
    ASSERT_EQ(t.dim(3), static_cast<int64_t>(row.size()));
    for (size_t j = 0; j < row.size(); ++j) {
      const double found = at(t, {b, h, i, static_cast<int64_t>(j)});
      if (std::isinf(row[j]))
        EXPECT_EQ(found, row[j]);
      else
        EXPECT_NEAR(found, row[j], 1e-5);
    }
  }
};

double none(int64_t, int64_t, int64_t, int64_t) { return 0; }

TEST(Attention, PastAndGroupedHeads) {
  Case c;
  c.expect({}, {Value(), c.past_k, c.past_v}, none);
}

TEST(Attention, SoftcapComesBeforeTheMask) {
  Case c;
  c.cap = 0.3;
  Tensor mask = ramp({kB, 1, kQ, kAll}, 3.3f);
  c.expect({}, {mask, c.past_k, c.past_v}, [&](int64_t b, int64_t, int64_t i, int64_t j) {
    return at(mask, {b, 0, i, j});
  });
}

TEST(Attention, CausalityCountsThePastAndJoinsTheMask) {
  Case c;
  Tensor mask = ramp({kQHeads, kQ, kAll}, 3.3f);
  c.expect({{"is_causal", int64_t{1}}}, {mask, c.past_k, c.past_v},
           [&](int64_t, int64_t h, int64_t i, int64_t j) {
             return j > i + kPast ? kNever : at(mask, {h, i, j});
           });
}

TEST(Attention, ShortBoolMaskEndsInFalseAndFullyMaskedRowsGiveZero) {
  Case c;
  Tensor mask = *Tensor::allocate(DType::kBool, {kQ, 4});
  for (int64_t i = 0; i < kQ * 4; ++i) mask.mutable_data<bool>()[i] = i >= 4 && i % 3 != 0;  // row 0: none
  c.expect({}, {mask, c.past_k, c.past_v}, [&](int64_t, int64_t, int64_t i, int64_t j) {
    return j < 4 && mask.data<bool>()[i * 4 + j] ? 0 : kNever;
  });
}

TEST(Attention, PaddedKeysAreLeftOut) {
  // The whole cache comes in as K and V: five keys, of which 0 and 4 count.
  Case c;
  auto whole = [](const Tensor& past, const Tensor& fresh) {
    return *evaluate_op("Concat", {past, fresh}, 1, {{"axis", int64_t{2}}})->at(0).tensor();
  };
  Case joined = c;
  joined.k = whole(c.past_k, c.k), joined.v = whole(c.past_v, c.v);
  const std::vector<int64_t> valid = {0, 4};
  std::vector<Value> inputs{
      joined.q, joined.k, joined.v, Value(), Value(), Value(), Tensor::of<int64_t>({2}, valid)};
  auto out = evaluate_op("Attention", inputs, 1, {{"scale", 0.5f}});
  ASSERT_TRUE(out.ok()) << out.status().message();
  for (int64_t b = 0; b < kB; ++b)
    for (int64_t i = 0; i < kQ; ++i) {
      const auto s = c.stages(b, 1, i, [&](int64_t, int64_t, int64_t, int64_t j) {
        return j < valid[static_cast<size_t>(b)] ? 0 : kNever;
      });
      std::vector<double> y(kE);
      for (int64_t j = 0; j < kAll; ++j)
        for (int64_t d = 0; d < kE; ++d)
          y[static_cast<size_t>(d)] += s[3][static_cast<size_t>(j)] * c.value(b, 0, j, d);
      Case::expect_row(*(*out)[0].tensor(), b, 1, i, y);
    }
}

TEST(Attention, PresentStateIsPastThenNew) {
  Case c;
  auto out = evaluate_op("Attention", {c.q, c.k, c.v, Value(), c.past_k, c.past_v}, 3);
  ASSERT_TRUE(out.ok()) << out.status().message();
  for (int64_t j = 0; j < kAll; ++j) {
    EXPECT_EQ(at(*(*out)[1].tensor(), {1, 1, j, 3}), c.key(1, 1, j, 3));
    EXPECT_EQ(at(*(*out)[2].tensor(), {1, 1, j, 2}), c.value(1, 1, j, 2));
  }
}

TEST(Attention, DoubleHasAScaleInDouble) {
  // One query along the first of three axes; 1 / sqrt(3) in float would be off in the ninth digit.
  const std::vector<double> values = {1, 0, 0, 3, 0, 0};
  Tensor q = *Tensor::allocate(DType::kFloat64, {1, 1, 1, 3}),
         k = *Tensor::allocate(DType::kFloat64, {1, 1, 2, 3});
  std::copy_n(values.data(), 3, q.mutable_data<double>());
  std::copy_n(values.data(), 6, k.mutable_data<double>());
  auto y = evaluate_op("Attention", {q, k, k});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const double a = std::exp(1 / std::sqrt(3.0)), b = std::exp(3 / std::sqrt(3.0));
  EXPECT_NEAR((*y)[0].tensor()->data<double>()[0], (a + 3 * b) / (a + b), 1e-14);
}

TEST(Attention, ShapesMustFit) {
  Case c;
  EXPECT_TRUE(evaluate_op("Attention", {c.q, c.k, c.v}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {c.q, c.k, c.past_v}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {c.q, c.v, c.v}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {c.q, c.k, c.v, Value(), c.past_k}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {c.q, c.k, c.v, ramp({kQ, kNew + 1}, 1)}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {c.q, c.k, c.v, ramp({2, kNew}, 1)}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {ramp({1, 2, 6}, 1), ramp({1, 2, 6}, 1), ramp({1, 2, 6}, 1)}).ok());
  EXPECT_FALSE(evaluate_op("Attention", {ramp({1, 2, 6}, 1), ramp({1, 2, 6}, 1), ramp({1, 2, 6}, 1)}, 1,
                           {{"q_num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}})
                   .ok());
}

// Several blocks of queries and tiles of keys, whole ones of which causality or padding hides; with the keys
// as an input [batch, heads, ..] and [batch, .., heads * size], which are read in place.
void expect_long(bool causal, bool flat, int64_t valid) {
  constexpr int64_t kHead = 2, kLong = 150, kKeys = 530, kSize = 7;
  const Shape q_shape = flat ? Shape{1, kLong, kHead * kSize} : Shape{1, kHead, kLong, kSize};
  const Shape k_shape = flat ? Shape{1, kKeys, kHead * kSize} : Shape{1, kHead, kKeys, kSize};
  const Tensor q = ramp(q_shape, 0.7f), k = ramp(k_shape, 1.3f), v = ramp(k_shape, 2.1f);
  const Tensor mask = ramp({kLong, kKeys}, 3.3f);
  auto element = [flat](const Tensor& t, int64_t h, int64_t i, int64_t d) {
    return flat ? at(t, {0, i, h * kSize + d}) : at(t, {0, h, i, d});
  };
  ir::Attributes attributes{{"is_causal", int64_t{causal}}};
  if (flat) attributes["q_num_heads"] = kHead, attributes["kv_num_heads"] = kHead;
  auto out =
      evaluate_op("Attention", {q, k, v, mask, Value(), Value(), Tensor::of<int64_t>({1}, std::array{valid})},
                  1, attributes);
  ASSERT_TRUE(out.ok()) << out.status().message();
  for (int64_t h = 0; h < kHead; ++h)
    for (int64_t i = 0; i < kLong; ++i) {
      std::vector<double> p(kKeys), y(kSize);
      double sum = 0;
      const int64_t seen = std::min(valid, causal ? i + 1 : kKeys);
      for (int64_t j = 0; j < seen; ++j) {
        double score = at(mask, {i, j});
        for (int64_t d = 0; d < kSize; ++d)
          score += element(q, h, i, d) * element(k, h, j, d) / std::sqrt(7.0);
        sum += p[static_cast<size_t>(j)] = std::exp(score);
      }
      for (int64_t d = 0; d < kSize; ++d) {
        double want = 0;
        for (int64_t j = 0; j < seen; ++j) want += p[static_cast<size_t>(j)] / sum * element(v, h, j, d);
        ASSERT_NEAR(element(*(*out)[0].tensor(), h, i, d), want, 1e-5)
            << "head " << h << " query " << i << " of " << seen << " keys";
      }
    }
}

TEST(Attention, ManyBlocksAndTiles) {
  for (bool causal : {false, true})
    for (bool flat : {false, true})
      for (int64_t valid : {530, 300, 256, 3, 0}) expect_long(causal, flat, valid);
}

}  // namespace
}  // namespace ow
