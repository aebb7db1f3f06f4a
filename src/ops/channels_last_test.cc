// Operators on images give the same bits whether their input is dense, channels-last, or a channels-last
// slice of a wider image, on one thread or several. Means over pixels are summed along memory, so those of
// normalizations may round differently.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

// [N, C, H, W] values that differ, dense.
Tensor image(const Shape& shape) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>((i * 2654435761u >> 7) % 1000) / 250.0f - 2.0f;
  return Tensor::of<float>(shape, v);
}

// The same elements, channels-last, `gap` floats between pixels.
Tensor channels_last(const Tensor& t, int64_t gap) {
  const int64_t n = t.dim(0), c = t.dim(1), h = t.dim(2), w = t.dim(3), ld = c + gap;
  Tensor memory = *Tensor::allocate(DType::kFloat32, {n * h * w * ld});
  std::fill_n(memory.mutable_data<float>(), memory.count(), 1e30f);
  Tensor view = memory.strided(t.shape(), {h * w * ld, 1, w * ld, ld});
  copy_elements(t, view);
  return view;
}

Tensor dense_copy(const Tensor& t) {
  Tensor dense = *Tensor::allocate(t.dtype(), t.shape());
  copy_elements(t, dense);
  return dense;
}

struct Case {
  const char* name;
  std::vector<Value> more;
  ir::Attributes attributes;
  size_t outputs = 1;
  bool same_bits = true;
};

std::vector<Case> cases() {
  const Tensor scale = image({6}), other = Tensor::of<float>({6}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const ir::Ints two = {2, 2}, three = {3, 3}, pads = {1, 0, 1, 2};
  return {
      {"Conv", {image({4, 6, 3, 3}), image({4})}, {{"pads", pads}, {"strides", two}}},
      {"Conv", {image({6, 1, 3, 3})}, {{"group", int64_t{6}}, {"dilations", two}}},
      {"Conv", {image({6, 2, 1, 1})}, {{"group", int64_t{3}}}},
      {"ConvTranspose", {image({6, 4, 3, 3}), image({4})}, {{"pads", pads}, {"strides", two}}},
      {"MaxPool", {}, {{"kernel_shape", three}, {"pads", pads}, {"strides", two}}, 2},
      {"AveragePool", {}, {{"kernel_shape", three}, {"pads", pads}, {"count_include_pad", int64_t{1}}}},
      {"LpPool", {}, {{"kernel_shape", three}}},
      {"GlobalAveragePool", {}, {}},
      {"GlobalMaxPool", {}, {}},
      {"BatchNormalization", {scale, other, scale, other}, {}},
      {"InstanceNormalization", {scale, other}, {}, 1, false},
      {"GroupNormalization", {scale, other}, {{"num_groups", int64_t{3}}}, 1, false},
      {"LRN", {}, {{"size", int64_t{3}}}},
  };
}

TEST(ChannelsLast, GivesTheBitsOfTheDenseInput) {
  const Tensor x = image({2, 6, 9, 7});
  for (const Case& k : cases()) {
    auto run = [&](const Tensor& t) {
      std::vector<Value> inputs = {t};
      inputs.insert(inputs.end(), k.more.begin(), k.more.end());
      return evaluate_op(k.name, inputs, k.outputs, k.attributes);
    };
    auto dense = run(x);
    ASSERT_TRUE(dense.ok()) << k.name << ": " << dense.status().message();
    for (int64_t gap : {0, 5}) {
      auto strided = run(channels_last(x, gap));
      ASSERT_TRUE(strided.ok()) << k.name << ": " << strided.status().message();
      for (size_t o = 0; o < k.outputs; ++o) {
        const Tensor &a = *(*dense)[o].tensor(), &b = *(*strided)[o].tensor();
        ASSERT_EQ(a.bytes(), b.bytes());
        if (k.same_bits) {
          EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())), 0)
              << k.name << ", output " << o << ", gap " << gap;
          continue;
        }
        const Tensor in_order = dense_copy(b);
        for (int64_t i = 0; i < a.count(); ++i)
          ASSERT_NEAR(a.data<float>()[i], in_order.data<float>()[i], 1e-5) << k.name << ", element " << i;
      }
    }
  }
}

// Many groups of many pixels, dense and channels-last, against sums in double.
TEST(ChannelsLast, GroupsAreNormalizedInEveryLayout) {
  const int64_t channels = 16, groups = 8, h = 71, w = 131, pixels = h * w, each = channels / groups * pixels;
  const Tensor x = image({2, channels, h, w}), scale = image({channels}), bias = image({channels});
  for (const Tensor& t : {x, channels_last(x, 0)}) {
    auto made = evaluate_op("GroupNormalization", {t, scale, bias}, 1, {{"num_groups", groups}});
    ASSERT_TRUE(made.ok()) << made.status().message();
    const Tensor y = dense_copy(*(*made)[0].tensor());
    for (int64_t group = 0; group < 2 * groups; ++group) {
      const float* from = x.data<float>() + group * each;
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < each; ++i) mean += static_cast<double>(from[i]) / static_cast<double>(each);
      for (int64_t i = 0; i < each; ++i)
        variance += (from[i] - mean) * (from[i] - mean) / static_cast<double>(each);
      for (int64_t i = 0; i < each; ++i) {
        const int64_t channel = (group % groups * each + i) / pixels;
        const double want = (from[i] - mean) / std::sqrt(variance + 1e-5) *
                                static_cast<double>(scale.data<float>()[channel]) +
                            static_cast<double>(bias.data<float>()[channel]);
        ASSERT_NEAR(y.data<float>()[group * each + i], want, 3e-6) << "group " << group << " element " << i;
      }
    }
  }
}

// Each image of a batch, and each thread count, gives the same bits.
TEST(ChannelsLast, BatchAndThreadsDoNotChangeBits) {
  const Tensor x = image({2, 6, 9, 7});
  for (const Case& k : cases()) {
    ir::Graph graph;
    std::vector<Value> inputs = {x};
    inputs.insert(inputs.end(), k.more.begin(), k.more.end());
    std::vector<ir::Value*> arguments;
    for (const Value& v : inputs)
      arguments.push_back(
          graph.add_input("x", ir::Type::tensor(DType::kFloat32, symbolic(v.tensor()->shape()))));
    ir::Node* node = graph.add_node(k.name, "", arguments, {"y"}, k.attributes);
    auto one = evaluate(*node, inputs, {.threads = 1}), three = evaluate(*node, inputs, {.threads = 3});
    ASSERT_TRUE(one.ok() && three.ok()) << k.name;
    const Tensor &a = *(*one)[0].tensor(), &b = *(*three)[0].tensor();
    EXPECT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())), 0) << k.name;
    inputs[0] = x.strided({1, 6, 9, 7}, x.strides(), 6 * 9 * 7);
    auto second = evaluate(*node, inputs);
    ASSERT_TRUE(second.ok()) << k.name;
    const Tensor& alone = *(*second)[0].tensor();
    EXPECT_EQ(std::memcmp(a.raw() + a.bytes() / 2, alone.raw(), static_cast<size_t>(alone.bytes())), 0)
        << k.name;
  }
}

}  // namespace
}  // namespace ow
