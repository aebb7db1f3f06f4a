// The conversion against its formulas in double, and against scikit-image, whose white point differs a little
// (.95047, 1, 1.08883): hence the wider bound there.
#include "apps/colorize/lab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace onward::apps {
namespace {

using Exact = std::array<double, 3>;

Exact exact_lab(const Exact& rgb) {
  const auto linear = [](double s) { return s <= .04045 ? s / 12.92 : std::pow((s + .055) / 1.055, 2.4); };
  const double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
  const double x = (.412453 * r + .357580 * g + .180423 * b) / .950456;
  const double y = .212671 * r + .715160 * g + .072169 * b;
  const double z = (.019334 * r + .119193 * g + .950227 * b) / 1.088754;
  const auto f = [](double t) { return t > 216. / 24389 ? std::cbrt(t) : t * 841 / 108 + 16. / 116; };
  return {y > 216. / 24389 ? 116 * f(y) - 16 : 903.2963 * y, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))};
}

Exact exact_rgb(const Exact& lab) {
  double y = lab[0] / 903.3, fy = 7.787 * y + 16. / 116;
  if (lab[0] > 8) {
    fy = (lab[0] + 16) / 116;
    y = fy * fy * fy;
  }
  const auto back = [](double f) { return f <= 6. / 29 ? (f - 16. / 116) / 7.787 : f * f * f; };
  const double x = back(fy + lab[1] / 500) * .950456, z = back(fy - lab[2] / 200) * 1.088754;
  Exact rgb = {3.240479 * x - 1.53715 * y - .498535 * z, -.969256 * x + 1.875991 * y + .041556 * z,
               .055648 * x - .204043 * y + 1.057311 * z};
  for (double& v : rgb) {
    v = std::clamp(v, 0.0, 1.0);
    v = v <= .0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - .055;
  }
  return rgb;
}

Colour narrow(const Exact& v) {
  return {static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[2])};
}

template <class Fn>
void for_grid(int steps, const Fn& fn) {
  for (int i = 0; i <= steps; ++i)
    for (int j = 0; j <= steps; ++j)
      for (int k = 0; k <= steps; ++k)
        fn(static_cast<double>(i) / steps, static_cast<double>(j) / steps, static_cast<double>(k) / steps);
}

TEST(Lab, MatchesTheFormulas) {
  for_grid(25, [](double r, double g, double b) {
    const Exact want = exact_lab({r, g, b});
    const Colour got = rgb_to_lab(narrow({r, g, b}));
    for (int c = 0; c < 3; ++c) ASSERT_NEAR(got[c], want[c], 1e-3) << r << " " << g << " " << b;
  });
}

TEST(Lab, BackMatchesTheFormulas) {
  for_grid(30, [](double u, double v, double w) {
    const Exact lab = {100 * u, 220 * v - 110, 220 * w - 110};
    const Exact want = exact_rgb(lab);
    const Colour got = lab_to_rgb(narrow(lab));
    for (int c = 0; c < 3; ++c)
      ASSERT_NEAR(got[c], want[c], 1e-3) << lab[0] << " " << lab[1] << " " << lab[2];
  });
}

TEST(Lab, RoundTrip) {
  for_grid(16, [](double r, double g, double b) {
    const Colour back = lab_to_rgb(rgb_to_lab(narrow({r, g, b})));
    EXPECT_NEAR(back[0], r, 1e-3);
    EXPECT_NEAR(back[1], g, 1e-3);
    EXPECT_NEAR(back[2], b, 1e-3);
  });
}

// skimage.color.rgb2lab of the colours on the left.
TEST(Lab, AgreesWithScikitImage) {
  constexpr struct {
    Colour rgb, lab;
  } kPairs[] = {
      {{0, 0, 0}, {0, 0, 0}},
      {{1, 1, 1}, {100.0000f, -0.0025f, 0.0047f}},
      {{1, 0, 0}, {53.2406f, 80.0923f, 67.2028f}},
      {{0, 1, 0}, {87.7351f, -86.1830f, 83.1797f}},
      {{0, 0, 1}, {32.2957f, 79.1856f, -107.8573f}},
      {{0.5f, 0.5f, 0.5f}, {53.3890f, -0.0015f, 0.0028f}},
      {{0.02f, 0.01f, 0.03f}, {0.9487f, 1.3759f, -1.6949f}},
      {{0.8f, 0.3f, 0.1f}, {49.6796f, 48.4172f, 52.8827f}},
      {{0.1f, 0.6f, 0.4f}, {56.0410f, -45.2038f, 17.7062f}},
      {{0.25f, 0.2f, 0.7f}, {31.0731f, 43.4258f, -65.6446f}},
      {{0.95f, 0.9f, 0.2f}, {89.6170f, -13.6884f, 80.5514f}},
      {{0.6f, 0.05f, 0.45f}, {34.5748f, 60.1272f, -20.2381f}},
  };
  for (const auto& [rgb, lab] : kPairs) {
    const Colour got = rgb_to_lab(rgb);
    EXPECT_NEAR(got[0], lab[0], 1e-3);
    EXPECT_NEAR(got[1], lab[1], 1e-2);
    EXPECT_NEAR(got[2], lab[2], 1e-2);
  }
}

TEST(Lab, LightnessOfBytes) {
  for (int r = 0; r < 256; r += 5)
    for (int g = 0; g < 256; g += 17)
      for (int b = 0; b < 256; b += 51)
        ASSERT_NEAR(lightness(static_cast<uint8_t>(r), static_cast<uint8_t>(g), static_cast<uint8_t>(b)),
                    exact_lab({r / 255., g / 255., b / 255.})[0], 1e-3);
}

TEST(Lab, BytesAreTheRoundedFloats) {
  for_grid(40, [](double u, double v, double w) {
    const Exact lab = {100 * u, 220 * v - 110, 220 * w - 110};
    const Exact want = exact_rgb(lab);
    const auto got = lab_to_rgb8(narrow(lab));
    for (int c = 0; c < 3; ++c)
      ASSERT_NEAR(got[c], 255 * want[c], 0.505) << lab[0] << " " << lab[1] << " " << lab[2];
  });
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(lab_to_rgb8({nan, nan, nan}), (std::array<uint8_t, 3>{0, 0, 0}));
  EXPECT_EQ(lab_to_rgb8({150, 0, 0})[0], 255);
}

}  // namespace
}  // namespace onward::apps
