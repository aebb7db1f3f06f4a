#include "apps/colorize/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/colorize/interface.h"
#include "apps/colorize/lab.h"

namespace onward::apps {
namespace {

using ::testing::HasSubstr;

Image colourful(int width, int height) {
  Image image(width, height, 3);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.at(x, y)[0] = static_cast<uint8_t>(60 + 90 * x / width);
      image.at(x, y)[1] = static_cast<uint8_t>(50 + 120 * y / height);
      image.at(x, y)[2] = static_cast<uint8_t>(150 - 80 * (x + y) / (width + height));
    }
  return image;
}

Planes ab_of(const Image& image) {
  Planes ab(image.width, image.height, 2);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const uint8_t* p = image.at(x, y);
      const Colour lab = rgb_to_lab({p[0] / 255.0f, p[1] / 255.0f, p[2] / 255.0f});
      ab.plane(0)[y * image.width + x] = lab[1];
      ab.plane(1)[y * image.width + x] = lab[2];
    }
  return ab;
}

TEST(Pipeline, TrueColoursGiveThePictureBack) {
  const Image image = colourful(67, 41);
  for (int threads : {1, 3}) {
    const Image out = with_colours(image, ab_of(image), Upsample::kLinear, threads);
    ASSERT_EQ(out.channels, 3);
    for (size_t i = 0; i < image.pixels.size(); ++i) ASSERT_NEAR(out.pixels[i], image.pixels[i], 1);
  }
}

TEST(Pipeline, NoColoursLeaveAGreyPictureAsItIs) {
  Image grey(16, 16, 1);
  for (int i = 0; i < 256; ++i) grey.pixels[i] = static_cast<uint8_t>(i);
  grey.alpha.assign(256, 9);
  const Image out = with_colours(grey, Planes(2, 2, 2), Upsample::kLinear, 1);
  for (int i = 0; i < 256; ++i)
    for (int c = 0; c < 3; ++c) ASSERT_NEAR(out.pixels[3 * i + c], i, 1);
  EXPECT_EQ(out.alpha, grey.alpha);
}

TEST(Pipeline, UpsampleIsNearestOrLinear) {
  Image grey(4, 1, 1);
  std::fill(grey.pixels.begin(), grey.pixels.end(), uint8_t{128});
  Planes ab(2, 1, 2);
  ab.values = {-40, 40, 0, 0};
  const Image nearest = with_colours(grey, ab, Upsample::kNearest, 1);
  const Image linear = with_colours(grey, ab, Upsample::kLinear, 1);
  EXPECT_EQ(nearest.at(0, 0)[0], nearest.at(1, 0)[0]);
  EXPECT_EQ(linear.at(0, 0)[0], nearest.at(0, 0)[0]);
  EXPECT_GT(linear.at(1, 0)[0], linear.at(0, 0)[0]);
  EXPECT_LT(linear.at(1, 0)[0], linear.at(2, 0)[0]);
}

TEST(Pipeline, NetworkSeesTheLightnessAsGrey) {
  const Image image = colourful(64, 64);
  const Planes none = network_input(image, 64, 64, Normalization::kNone);
  const Planes normalized = network_input(image, 64, 64, Normalization::kImagenet);
  constexpr float kMean[] = {.485f, .456f, .406f}, kDeviation[] = {.229f, .224f, .225f};
  for (int i = 0; i < 64 * 64; ++i) {
    const uint8_t* p = image.at(i % 64, i / 64);
    const float light = rgb_to_lab({p[0] / 255.0f, p[1] / 255.0f, p[2] / 255.0f})[0];
    const Colour seen = {none.plane(0)[i], none.plane(1)[i], none.plane(2)[i]};
    const Colour lab = rgb_to_lab(seen);
    ASSERT_NEAR(lab[0], light, 5e-3);
    ASSERT_NEAR(lab[1], 0, 2e-2);
    ASSERT_NEAR(lab[2], 0, 2e-2);
    for (int c = 0; c < 3; ++c) ASSERT_NEAR(normalized.plane(c)[i] * kDeviation[c] + kMean[c], seen[c], 1e-5);
  }
}

TEST(Pipeline, NetworkSize) {
  EXPECT_EQ(network_size(Image(10, 10, 1), Preset::kAuto), 256);
  EXPECT_EQ(network_size(Image(600, 700, 1), Preset::kAuto), 320);
  EXPECT_EQ(network_size(Image(4000, 100, 1), Preset::kAuto), 512);
  EXPECT_EQ(network_size(Image(10, 10, 1), Preset::kPortrait), 512);
  EXPECT_EQ(network_size(Image(10, 10, 1), Preset::kBuilding), 960);
}

ValueInfo value(const std::string& name, std::vector<int64_t> shape, onward_dtype dtype = ONWARD_FLOAT32) {
  ValueInfo v{name, "TYPE", ONWARD_TENSOR, dtype, true, std::move(shape), {}, false};
  return v;
}

TEST(ColorizerInterface, TakesFixedAndOpenShapes) {
  const auto open = colorizer_interface({value("x", {-1, 3, -1, -1})}, {value("y", {-1, 2, -1, -1})}, "m");
  EXPECT_EQ(open.input, "x");
  EXPECT_EQ(open.output, "y");
  EXPECT_EQ(open.width + open.height, 0);
  ValueInfo weight = value("w", {5});
  weight.is_optional = true;
  const auto fixed =
      colorizer_interface({weight, value("x", {1, 3, 256, 512})}, {value("y", {1, 2, 256, 512})}, "m");
  EXPECT_EQ(fixed.height, 256);
  EXPECT_EQ(fixed.width, 512);
}

TEST(ColorizerInterface, SaysWhatItFound) {
  const auto message = [](const std::vector<ValueInfo>& in, const std::vector<ValueInfo>& out) {
    try {
      colorizer_interface(in, out, "m.onnx");
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ONWARD_INVALID_MODEL);
      return std::string(e.what());
    }
    return std::string();
  };
  const ValueInfo in = value("x", {1, 3, 64, 64}), out = value("y", {1, 2, 64, 64});
  EXPECT_THAT(message({}, {out}),
              HasSubstr("m.onnx: not a colorizer: it has 0 inputs; a colorizer has one float"));
  EXPECT_THAT(message({in, in}, {out}), HasSubstr("2 inputs"));
  EXPECT_THAT(message({in}, {out, out}), HasSubstr("2 outputs"));
  EXPECT_THAT(message({value("x", {1, 1, 64, 64})}, {out}), HasSubstr("its input 'x' is TYPE"));
  EXPECT_THAT(message({value("x", {1, 3, 64, 64}, ONWARD_UINT8)}, {out}), HasSubstr("its input 'x'"));
  EXPECT_THAT(message({value("x", {1, 3, 64})}, {out}), HasSubstr("its input 'x'"));
  EXPECT_THAT(message({value("x", {2, 3, 64, 64})}, {out}), HasSubstr("its input 'x'"));
  EXPECT_THAT(message({value("x", {1, 3, 1 << 20, 64})}, {out}), HasSubstr("a side outside"));
  EXPECT_THAT(message({in}, {value("y", {1, 1000})}), HasSubstr("its output 'y' is TYPE"));
}

}  // namespace
}  // namespace onward::apps
