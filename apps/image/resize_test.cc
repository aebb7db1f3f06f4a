#include "apps/image/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "apps/image/sheet.h"

namespace onward::apps {
namespace {

Planes noise(int width, int height, int channels) {
  Planes planes(width, height, channels);
  uint32_t state = 7;
  for (float& v : planes.values)
    v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / (1 << 24);
  return planes;
}

// Bilinear as its definition says, in double, sample by sample.
double bilinear(const Planes& in, int c, double x, double y) {
  const auto clip = [](int i, int n) { return std::min(std::max(i, 0), n - 1); };
  const double x0 = std::floor(x), y0 = std::floor(y), px = x - x0, py = y - y0;
  const auto at = [&](int i, int j) {
    return static_cast<double>(
        in.plane(c)[static_cast<size_t>(clip(j, in.height)) * in.width + clip(i, in.width)]);
  };
  const int i = static_cast<int>(x0), j = static_cast<int>(y0);
  return (1 - py) * ((1 - px) * at(i, j) + px * at(i + 1, j)) +
         py * ((1 - px) * at(i, j + 1) + px * at(i + 1, j + 1));
}

TEST(Resize, LinearIsHalfPixelBilinear) {
  const Planes in = noise(17, 11, 2);
  for (auto [width, height] : {std::pair{40, 31}, {8, 5}, {17, 11}, {1, 1}, {3, 50}}) {
    const Planes out = resize(in, width, height, Resample::kLinear);
    for (int c = 0; c < 2; ++c)
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          ASSERT_NEAR(out.plane(c)[y * width + x],
                      bilinear(in, c, (x + 0.5) * 17 / width - 0.5, (y + 0.5) * 11 / height - 0.5), 1e-6);
  }
}

TEST(Resize, FromOnePixel) {
  const Planes in = noise(1, 1, 1);
  for (Resample r : {Resample::kNearest, Resample::kLinear, Resample::kArea})
    for (float v : resize(in, 4, 3, r).values) EXPECT_FLOAT_EQ(v, in.values[0]);
}

TEST(Resize, AreaIsTheMeanOfBlocks) {
  const Planes in = noise(12, 9, 1);
  const Planes out = resize(in, 4, 3, Resample::kArea);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 4; ++x) {
      double sum = 0;
      for (int j = 0; j < 3; ++j)
        for (int i = 0; i < 3; ++i) sum += in.values[(3 * y + j) * 12 + 3 * x + i];
      EXPECT_NEAR(out.values[y * 4 + x], sum / 9, 1e-6);
    }
  const Planes odd = resize(in, 5, 7, Resample::kArea);
  EXPECT_NEAR(std::accumulate(odd.values.begin(), odd.values.end(), 0.0) / 35,
              std::accumulate(in.values.begin(), in.values.end(), 0.0) / 108, 1e-6);
}

TEST(Resize, NearestTakesTheFloor) {
  const Planes in = noise(5, 1, 1);
  const Planes out = resize(in, 8, 1, Resample::kNearest);
  for (int x = 0; x < 8; ++x) EXPECT_EQ(out.values[x], in.values[x * 5 / 8]);
}

TEST(Resize, BytesAndFloatsAgree) {
  Image image(9, 6, 1);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 41 % 256);
  image.alpha = image.pixels;
  const Image small = resize(image, 5, 4, Resample::kLinear);
  const Planes planes = resize_to_planes(image, 5, 4, Resample::kLinear);
  ASSERT_EQ(planes.channels, 3);
  for (size_t i = 0; i < small.pixels.size(); ++i) {
    EXPECT_NEAR(small.pixels[i], 255 * planes.plane(2)[i], 0.501);
    EXPECT_EQ(small.alpha[i], small.pixels[i]);
  }
}

TEST(Sheet, LaysPairsSideBySide) {
  Image grey(10, 4, 1), colour(10, 4, 3), tall(5, 40, 3);
  std::fill(grey.pixels.begin(), grey.pixels.end(), uint8_t{100});
  std::fill(colour.pixels.begin(), colour.pixels.end(), uint8_t{50});
  Sheet sheet(20);
  sheet.add(grey, colour);
  sheet.add(tall, tall);
  const Image drawn = sheet.draw();
  EXPECT_EQ(drawn.width, 24);
  EXPECT_EQ(drawn.height, 4 + 4 + 20);
  EXPECT_EQ(drawn.at(0, 0)[1], 100);
  EXPECT_EQ(drawn.at(9, 3)[2], 100);
  EXPECT_EQ(drawn.at(10, 0)[0], 255);
  EXPECT_EQ(drawn.at(14, 0)[0], 50);
  EXPECT_EQ(drawn.at(0, 10)[0], 255);
}

}  // namespace
}  // namespace onward::apps
