// The pair against its two convolutions one after the other, bit for bit, for strips of every kind: one and
// many, cut along the channels and along the rows, and every edge of the image. Images end where their last
// element is.
#include "kernels/conv_depthwise.h"

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

struct Case {
  const char* name;
  int64_t batch, channels, wide;  // wide: channels between the two
  int64_t height, width, kernel, stride, pad;
  int64_t depthwise_kernel, depthwise_stride, depthwise_pad;
};

constexpr Case kCases[] = {
    {"one pixel", 1, 5, 3, 1, 1, 1, 1, 0, 3, 1, 1},
    {"small", 2, 19, 37, 7, 5, 1, 1, 0, 3, 1, 1},
    {"stride 2", 1, 16, 96, 24, 23, 1, 1, 0, 3, 2, 1},
    {"no pad", 1, 9, 33, 11, 12, 1, 1, 0, 3, 1, 0},
    {"columns that are not read", 1, 8, 16, 10, 12, 1, 1, 0, 3, 2, 0},
    {"wide pad", 1, 8, 20, 6, 7, 1, 1, 0, 5, 1, 4},
    {"5x5 stride 2", 2, 24, 72, 15, 14, 1, 1, 0, 5, 2, 2},
    {"7x7", 1, 12, 50, 13, 17, 1, 1, 0, 7, 1, 3},
    {"window larger than the image", 1, 6, 18, 2, 3, 1, 1, 0, 7, 2, 3},
    {"many strips", 1, 24, 144, 61, 75, 1, 1, 0, 3, 1, 1},
    {"rows wider than a strip", 1, 4, 40, 9, 700, 1, 1, 0, 5, 1, 2},
    {"many channels", 2, 40, 1000, 7, 7, 1, 1, 0, 3, 1, 1},
    {"long sums", 1, 600, 34, 6, 5, 1, 1, 0, 3, 1, 1},
    {"first layers", 1, 3, 32, 45, 33, 3, 2, 1, 3, 1, 1},
    {"strided pixels", 1, 17, 40, 14, 15, 1, 2, 0, 3, 1, 1},
    {"a larger kernel", 1, 12, 20, 9, 11, 3, 1, 1, 3, 2, 1},
};

constexpr int64_t kInExtra = 3, kOutExtra = 2;  // floats between pixels beside the channels

ConvDepthwise shapes(const Case& c) {
  ConvDepthwise pair;
  ConvShape &f = pair.first, &d = pair.depthwise;
  f.batch = d.batch = c.batch;
  f.in_channels = c.channels, f.out_channels = d.in_channels = d.out_channels = d.groups = c.wide;
  f.in[1] = c.height, f.in[2] = c.width;
  for (int i = 1; i < 3; ++i) {
    f.kernel[i] = c.kernel, f.stride[i] = c.stride, f.pad[i] = c.pad;
    d.kernel[i] = c.depthwise_kernel, d.stride[i] = c.depthwise_stride, d.pad[i] = c.depthwise_pad;
    f.out[i] = d.in[i] = (f.in[i] + 2 * c.pad - c.kernel) / c.stride + 1;
    d.out[i] = (d.in[i] + 2 * d.pad[i] - d.kernel[i]) / d.stride[i] + 1;
  }
  f.in_ld = f.in_channels + kInExtra, f.out_ld = d.in_ld = c.wide;
  d.out_ld = c.wide + kOutExtra;
  return pair;
}

Buffer packed(const ConvShape& s, const std::vector<float>& w) {
  Buffer memory = aligned_buffer(conv_packed_bytes(s));
  conv_pack(s, w.data(), memory.get(), 2);
  return memory;
}

// Floats of an image that ends with its last channel.
int64_t image_floats(int64_t pixels, int64_t channels, int64_t ld) { return (pixels - 1) * ld + channels; }

void check(const Case& c, ConvMethod method) {
  SCOPED_TRACE(c.name);
  ConvDepthwise pair = shapes(c);
  pair.first.method = pair.depthwise.method = method;
  const ConvShape &f = pair.first, &d = pair.depthwise;
  ASSERT_TRUE(conv_depthwise_applies(pair));
  Random random(11);
  const auto in = random.floats(image_floats(f.batch * f.in_pixels(), f.in_channels, f.in_ld));
  const Buffer first = packed(f, random.floats(f.in_channels * f.out_channels * f.taps()));
  const Buffer depthwise = packed(d, random.floats(d.out_channels * d.taps()));
  const auto bias = random.floats(c.wide), depthwise_bias = random.floats(c.wide);
  for (const auto& [activation, depthwise_activation] :
       {std::pair(Activation::kRelu, Activation::kNone),
        std::pair(Activation::kSilu, Activation::kHardSwish)}) {
    const Epilogue e = {.bias = bias.data(), .activation = activation, .alpha = 1, .beta = 1},
                   de = {.bias = activation == Activation::kRelu ? nullptr : depthwise_bias.data(),
                         .activation = depthwise_activation};
    std::vector<float> between(static_cast<size_t>(f.batch * f.out_pixels() * c.wide));
    const auto size = static_cast<size_t>(image_floats(d.batch * d.out_pixels(), c.wide, d.out_ld));
    std::vector<float> want(size, 7.0f);
    const Buffer scratch = aligned_buffer(conv_scratch_bytes(f, 1));
    conv(f, first.get(), in.data(), between.data(), e, scratch.get(), 1);
    conv(d, depthwise.get(), between.data(), want.data(), de, nullptr, 1);
    for (int threads : {1, 2, 3, 8}) {
      std::vector<float> got(size, 7.0f);  // what lies between the pixels is not written
      const ConvDepthwiseCut cut = cut_conv_depthwise(pair, first.get(), threads);
      const Buffer memory = aligned_buffer(conv_depthwise_scratch_bytes(pair, cut));
      conv_depthwise(pair, cut, first.get(), depthwise.get(), in.data(), got.data(), e, de, memory.get());
      ASSERT_EQ(got, want) << threads << " threads";
    }
  }
}

TEST(ConvDepthwise, EqualsTheTwoConvolutions) {
  for_each_isa([] {
    for (const Case& c : kCases)
      for (ConvMethod method : {ConvMethod::kDirect, ConvMethod::kInDouble}) check(c, method);
  });
}

TEST(ConvDepthwise, AppliesOnlyToWhatItComputes) {
  const ConvDepthwise good = shapes(kCases[1]);
  ConvDepthwise bad[7];
  for (ConvDepthwise& c : bad) c = good;
  bad[0].first.groups = 1 + good.first.groups;
  bad[1].first.method = ConvMethod::kWinograd2;
  bad[2].depthwise.stride[1] = bad[2].depthwise.stride[2] = 3;
  bad[3].depthwise.pad[2] = -1;
  bad[4].depthwise.dilation[1] = 2;
  bad[5].depthwise.out_channels *= 2;
  bad[6].depthwise.kernel[1] = 1;
  for (const ConvDepthwise& c : bad) EXPECT_FALSE(conv_depthwise_applies(c));
}

}  // namespace
}  // namespace ow::kernels
