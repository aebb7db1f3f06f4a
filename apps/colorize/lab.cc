#include "apps/colorize/lab.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace onward::apps {
namespace {

constexpr float kToXyz[3][3] = {
    {0.412453f, 0.357580f, 0.180423f}, {0.212671f, 0.715160f, 0.072169f}, {0.019334f, 0.119193f, 0.950227f}};
constexpr float kToRgb[3][3] = {{3.240479f, -1.53715f, -0.498535f},
                                {-0.969256f, 1.875991f, 0.041556f},
                                {0.055648f, -0.204043f, 1.057311f}};
constexpr float kWhite[3] = {0.950456f, 1.0f, 1.088754f};
constexpr float kKnee = 216.0f / 24389.0f;
constexpr float kOffset = 16.0f / 116.0f;

float linear_light(float s) { return s <= 0.04045f ? s / 12.92f : std::pow((s + 0.055f) / 1.055f, 2.4f); }

float gamma_light(float v) { return v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f; }

float f(float t) { return t > kKnee ? std::cbrt(t) : t * (841.0f / 108.0f) + kOffset; }

float f_inverse(float v) { return v <= 6.0f / 29.0f ? (v - kOffset) / 7.787f : v * v * v; }

float lightness_of(float y) { return y > kKnee ? 116.0f * std::cbrt(y) - 16.0f : 903.2963f * y; }

float dot(const float (&row)[3], const Colour& v) { return row[0] * v[0] + row[1] * v[1] + row[2] * v[2]; }

Colour lab_to_linear(const Colour& lab) {
  const bool dark = lab[0] <= 8.0f;
  float y = lab[0] / 903.3f;
  const float fy = dark ? 7.787f * y + kOffset : (lab[0] + 16.0f) / 116.0f;
  if (!dark) y = fy * fy * fy;
  const Colour xyz = {f_inverse(fy + lab[1] / 500.0f) * kWhite[0], y,
                      f_inverse(fy - lab[2] / 200.0f) * kWhite[2]};
  return {dot(kToRgb[0], xyz), dot(kToRgb[1], xyz), dot(kToRgb[2], xyz)};
}

// The curve from linear light to a byte: byte k begins at the light whose gamma value is (k - 1/2) / 255.
// `start` gives, for a slice of the light axis, the byte at its lower edge; a few comparisons find the exact
// one.
struct ByteCurve {
  static constexpr int kSlices = 4096;
  float begin[257];
  uint8_t start[kSlices + 1];
  float from_byte[256];
  float grey_lightness[256];

  ByteCurve() {
    for (int k = 0; k < 256; ++k) {
      const double s = (k - 0.5) / 255.0;
      begin[k] = static_cast<float>(s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4));
      from_byte[k] = linear_light(static_cast<float>(k) / 255.0f);
    }
    for (int k = 0; k < 256; ++k)
      grey_lightness[k] = lightness_of(dot(kToXyz[1], {from_byte[k], from_byte[k], from_byte[k]}));
    begin[256] = 2.0f;
    int k = 0;
    for (int i = 0; i <= kSlices; ++i) {
      while (begin[k + 1] <= static_cast<float>(i) / kSlices) ++k;
      start[i] = static_cast<uint8_t>(k);
    }
  }

  uint8_t byte(float light) const {
    if (!(light > 0.0f)) return 0;  // NaN too
    if (light >= 1.0f) return 255;
    int k = start[static_cast<int>(light * kSlices)];
    while (begin[k + 1] <= light) ++k;
    return static_cast<uint8_t>(k);
  }
};

const ByteCurve& curve() {
  static const auto made = std::make_unique<const ByteCurve>();
  return *made;
}

}  // namespace

Colour rgb_to_lab(const Colour& rgb) {
  const Colour light = {linear_light(rgb[0]), linear_light(rgb[1]), linear_light(rgb[2])};
  const float y = dot(kToXyz[1], light);
  const float fx = f(dot(kToXyz[0], light) / kWhite[0]), fy = f(y), fz = f(dot(kToXyz[2], light) / kWhite[2]);
  return {lightness_of(y), 500.0f * (fx - fy), 200.0f * (fy - fz)};
}

Colour lab_to_rgb(const Colour& lab) {
  Colour rgb = lab_to_linear(lab);
  for (float& v : rgb) v = gamma_light(std::clamp(v, 0.0f, 1.0f));
  return rgb;
}

float lightness(uint8_t r, uint8_t g, uint8_t b) {
  if (r == g && g == b) return curve().grey_lightness[r];
  const auto& light = curve().from_byte;
  return lightness_of(dot(kToXyz[1], {light[r], light[g], light[b]}));
}

std::array<uint8_t, 3> lab_to_rgb8(const Colour& lab) {
  const Colour light = lab_to_linear(lab);
  const ByteCurve& c = curve();
  return {c.byte(light[0]), c.byte(light[1]), c.byte(light[2])};
}

}  // namespace onward::apps
