// sRGB and CIE Lab (D65), with the constants of OpenCV's float conversion, which the colorizers were trained
// on.
//
//   linear(s) = s <= .04045 ? s / 12.92 : ((s + .055) / 1.055)^2.4          XYZ = M linear / white
//   f(t) = t > 216/24389 ? cbrt(t) : t 841/108 + 16/116
//   L = Y > 216/24389 ? 116 f(Y) - 16 : 903.2963 Y      a = 500 (f(X) - f(Y))      b = 200 (f(Y) - f(Z))
//
//   back: L <= 8: Y = L / 903.3, fy = 7.787 Y + 16/116; else fy = (L + 16) / 116, Y = fy^3
//         X, Z from fx = fy + a / 500, fz = fy - b / 200: f <= 6/29 ? (f - 16/116) / 7.787 : f^3
//         RGB = M' (XYZ white), cut to 0..1;  s(v) = v <= .0031308 ? 12.92 v : 1.055 v^(1/2.4) - .055
//
// OpenCV reads both curves from splines of 1024 pieces, so it differs from these formulas by up to about
// 1e-3.
#pragma once
#include <array>
#include <cstdint>

namespace onward::apps {

// (R, G, B) as sRGB 0..1; (L, a, b) with L 0..100.
using Colour = std::array<float, 3>;

Colour rgb_to_lab(const Colour& rgb);
Colour lab_to_rgb(const Colour& lab);

// L alone of an 8-bit sRGB pixel: the full-resolution half of a colourised picture.
float lightness(uint8_t r, uint8_t g, uint8_t b);

// round(255 lab_to_rgb(lab)), exactly, without a power for every sample.
std::array<uint8_t, 3> lab_to_rgb8(const Colour& lab);

}  // namespace onward::apps
