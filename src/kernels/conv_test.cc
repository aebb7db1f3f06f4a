// Both directions against float64: the forward convolution by its definition as a gather, the transposed one
// as the scatter that ONNX defines it by. Images and weights end where their last element is.
#include "kernels/conv.h"

#include <cstring>

#include "kernels/conv_reference.h"
#include "kernels/conv_transpose.h"
#include "kernels/conv_transpose_columns.h"
#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

struct Case {
  const char* name;
  ConvShape shape;  // without out, lds
  int64_t out_padding = 0;
  bool dense = false;  // nothing between the input's pixels
};

Case by(ConvMethod method, Case c) {
  c.shape.method = method;
  return c;
}

using Axes = int64_t[3];

ConvShape shape(int64_t batch, int64_t cin, int64_t cout, int64_t groups, std::initializer_list<int64_t> v) {
  ConvShape s;
  s.batch = batch, s.in_channels = cin, s.out_channels = cout, s.groups = groups;
  const int64_t* p = v.begin();
  for (Axes* axes : {&s.in, &s.kernel, &s.stride, &s.dilation, &s.pad})
    for (int i = 0; i < 3; ++i) (*axes)[i] = *p++;
  return s;
}

std::vector<Case> cases() {
  //                                               in           kernel   stride   dilation pad
  return {
      {"1x1", shape(2, 19, 37, 1, {1, 5, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0})},
      {"1x1 s2", shape(1, 8, 33, 1, {1, 5, 7, 1, 1, 1, 1, 2, 2, 1, 1, 1, 0, 0, 0})},
      {"3x3", shape(2, 16, 40, 1, {1, 9, 11, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"first layer", shape(1, 3, 17, 1, {1, 15, 13, 1, 7, 7, 1, 2, 2, 1, 1, 1, 0, 3, 3})},
      {"first layer cropped", shape(2, 3, 5, 1, {1, 9, 12, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, -1, -2})},
      {"first layer without pad", shape(2, 3, 18, 1, {1, 9, 13, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 0}), 0,
       true},
      {"few channels without pad", shape(1, 4, 7, 1, {1, 6, 9, 1, 2, 4, 1, 1, 3, 1, 1, 1, 0, 0, 0}), 0, true},
      {"few channels, wide pad", shape(1, 3, 4, 1, {1, 4, 5, 1, 3, 3, 1, 1, 40, 1, 1, 1, 0, 1, 70})},
      {"few channels padded", shape(1, 2, 5, 1, {2, 3, 4, 2, 2, 4, 1, 1, 1, 1, 1, 1, 1, 1, 3})},
      {"wide", shape(1, 300, 5, 1, {1, 4, 3, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"dilated", shape(1, 5, 6, 1, {1, 9, 10, 1, 3, 2, 1, 1, 2, 1, 3, 2, 0, 2, 1})},
      {"taps outside", shape(2, 20, 40, 1, {1, 16, 18, 1, 3, 3, 1, 1, 1, 1, 12, 17, 0, 12, 17})},
      {"taps outside, wide", shape(1, 300, 5, 1, {1, 4, 19, 1, 3, 3, 1, 1, 1, 1, 5, 1, 0, 5, 1})},
      {"no tap inside", shape(1, 9, 7, 1, {1, 4, 4, 1, 2, 2, 1, 1, 1, 1, 9, 1, 0, 4, 0})},
      {"1-d", shape(2, 4, 3, 1, {1, 1, 23, 1, 1, 5, 1, 1, 3, 1, 1, 2, 0, 0, 4})},
      {"3-d", shape(2, 6, 7, 1, {4, 5, 6, 3, 2, 3, 2, 1, 2, 1, 2, 1, 1, 0, 1})},
      {"groups", shape(2, 12, 18, 3, {1, 6, 7, 1, 3, 3, 1, 2, 1, 1, 1, 1, 0, 1, 1})},
      {"depthwise", shape(2, 53, 53, 53, {1, 9, 14, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"depthwise, dilated, 3-d", shape(1, 22, 22, 22, {3, 4, 5, 2, 3, 4, 2, 3, 2, 1, 2, 3, 0, 1, 2})},
      {"depthwise s2", shape(1, 33, 33, 33, {1, 9, 14, 1, 5, 5, 1, 2, 2, 1, 1, 1, 0, 2, 2})},
      {"depthwise large", shape(1, 37, 37, 37, {1, 41, 35, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"depthwise 5x5", shape(2, 16, 16, 16, {1, 22, 19, 1, 5, 5, 1, 1, 1, 1, 1, 1, 0, 2, 2})},
      {"depthwise 7x7", shape(1, 20, 20, 20, {1, 15, 31, 1, 7, 7, 1, 1, 1, 1, 1, 1, 0, 3, 3})},
      {"depthwise 7x7 s2", shape(1, 16, 16, 16, {1, 30, 29, 1, 7, 7, 1, 2, 2, 1, 1, 1, 0, 3, 2})},
      {"depthwise 3x3 s2", shape(1, 40, 40, 40, {1, 30, 29, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 0, 1})},
      {"depthwise cropped", shape(1, 18, 18, 18, {1, 9, 9, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, -1, -2})},
      {"depthwise dilated", shape(1, 7, 7, 7, {3, 9, 8, 2, 3, 3, 1, 1, 1, 1, 2, 3, 1, 2, 3})},
      {"depthwise planes", shape(2, 21, 21, 21, {3, 9, 8, 1, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1})},
      {"depthwise, few rows", shape(1, 20, 20, 20, {1, 4, 151, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"depthwise s2, few rows", shape(2, 16, 16, 16, {1, 5, 203, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
      {"depthwise 7x7, one row", shape(1, 17, 17, 17, {1, 7, 90, 1, 7, 7, 1, 1, 1, 1, 1, 1, 0, 0, 3})},
      {"depthwise 19x19", shape(1, 5, 5, 5, {1, 21, 20, 1, 19, 19, 1, 1, 1, 1, 1, 1, 0, 9, 9})},
      {"depthwise 20x20 s2", shape(1, 5, 5, 5, {1, 23, 21, 1, 20, 20, 1, 2, 2, 1, 1, 1, 0, 9, 9})},
      {"depthwise 31x31", shape(1, 5, 5, 5, {1, 20, 22, 1, 31, 31, 1, 1, 1, 1, 1, 1, 0, 15, 15})},
      {"groups of 8, few rows", shape(1, 48, 48, 6, {1, 3, 140, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"groups of 2", shape(2, 38, 38, 19, {1, 9, 14, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"groups of 4", shape(1, 44, 44, 11, {1, 21, 23, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"groups of 4 s2", shape(2, 32, 32, 8, {1, 12, 9, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 0})},
      {"groups of 8", shape(2, 72, 72, 9, {1, 5, 7, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"groups of 8 s2", shape(1, 40, 40, 5, {1, 30, 41, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
      {"groups of 16", shape(1, 48, 48, 3, {1, 8, 6, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
      {"groups of 16 s2", shape(2, 32, 32, 2, {1, 7, 6, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
      {"groups of 8, planes", shape(2, 16, 16, 2, {3, 5, 7, 1, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1})},
      {"groups of 8, dilated", shape(1, 16, 16, 2, {1, 9, 7, 1, 3, 3, 1, 1, 1, 1, 2, 1, 0, 2, 1})},
      {"multiplier", shape(2, 70, 210, 70, {1, 5, 4, 1, 3, 3, 1, 1, 2, 1, 1, 1, 0, 1, 1})},
      {"window larger than image", shape(1, 9, 9, 9, {1, 2, 2, 1, 5, 5, 1, 1, 1, 1, 1, 1, 0, 2, 2})},
      {"stride over kernel", shape(1, 5, 4, 1, {1, 4, 5, 1, 2, 1, 1, 3, 4, 1, 1, 1, 0, 0, 0}), 1},
      {"2x2 s2", shape(2, 20, 64, 1, {1, 9, 7, 1, 2, 2, 1, 2, 2, 1, 1, 1, 0, 0, 0}), 0, true},
      {"1x2x3 s123", shape(1, 7, 32, 1, {2, 3, 5, 1, 2, 3, 1, 2, 3, 1, 1, 1, 0, 1, 0}), 0, true},
      {"4x4 s2", shape(1, 20, 35, 1, {1, 5, 6, 1, 4, 4, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
      {"stride and dilation", shape(2, 5, 8, 1, {1, 5, 21, 1, 3, 4, 1, 2, 4, 1, 2, 6, 0, 1, 0}), 1},
      {"negative pad", shape(1, 4, 4, 2, {1, 8, 8, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, -1, -1})},
  };
}

// Transposed convolutions that go in blocks, with every instruction set.
std::vector<Case> column_cases() {
  return {
      {"9x9 s3", shape(2, 21, 1, 1, {1, 6, 7, 1, 9, 9, 1, 3, 3, 1, 1, 1, 0, 4, 4}), 2},
      {"10x6 s2", shape(1, 8, 1, 1, {1, 5, 9, 1, 10, 6, 1, 2, 2, 1, 1, 1, 0, 4, 3}), 1, true},
      {"8x12 s4", shape(2, 3, 1, 1, {1, 4, 5, 1, 8, 12, 1, 4, 4, 1, 1, 1, 0, 0, 11})},
      {"8x8 s2", shape(1, 19, 2, 1, {1, 5, 6, 1, 8, 8, 1, 2, 2, 1, 1, 1, 0, 3, 3}), 0, true},
      {"2x2 s2, one channel", shape(2, 20, 1, 1, {1, 9, 7, 1, 2, 2, 1, 2, 2, 1, 1, 1, 0, 0, 0})},
      {"cropped by more than a block", shape(1, 5, 1, 1, {1, 7, 9, 1, 4, 4, 1, 2, 2, 1, 1, 1, 0, 5, 6})},
      {"padded", shape(1, 5, 1, 1, {1, 3, 4, 1, 4, 4, 1, 2, 2, 1, 1, 1, 0, -1, -3})},
      {"1-d", shape(2, 16, 1, 1, {1, 1, 23, 1, 1, 16, 1, 1, 8, 1, 1, 1, 0, 0, 4})},
      {"3-d", shape(2, 6, 1, 1, {3, 2, 4, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1, 1, 1}), 1},
      {"two channels", shape(1, 20, 2, 1, {1, 5, 6, 1, 9, 9, 1, 3, 3, 1, 1, 1, 0, 1, 1})},
      {"9x9 s2", shape(1, 24, 1, 1, {1, 13, 70, 1, 9, 9, 1, 2, 2, 1, 1, 1, 0, 4, 4}), 1, true},
      {"5x4 s1", shape(2, 32, 1, 1, {1, 8, 9, 1, 5, 4, 1, 1, 1, 1, 1, 1, 0, 2, 1}), 0, true},
      {"dilated", shape(1, 9, 1, 1, {1, 11, 6, 1, 4, 3, 1, 2, 2, 1, 3, 2, 0, 4, 1})},
      {"dilated, rows of which some are skipped",
       shape(1, 9, 1, 1, {1, 9, 6, 1, 3, 3, 1, 2, 3, 1, 4, 3, 0, 9, 0})},
      {"stride over the kernel", shape(1, 9, 1, 1, {1, 5, 6, 1, 2, 3, 1, 3, 4, 1, 1, 1, 0, 1, 0})},
      {"3-d, overlapping", shape(1, 40, 1, 1, {4, 5, 6, 3, 3, 4, 2, 1, 3, 2, 1, 1, 2, 1, 0}), 1},
  };
}

void finish_shape(const Case& c, bool transposed, ConvShape& s) {
  s = c.shape;
  for (int i = 0; i < 3; ++i) {
    const int64_t window = (s.kernel[i] - 1) * s.dilation[i] + 1;
    s.out[i] = transposed ? (s.in[i] - 1) * s.stride[i] + window - 2 * s.pad[i] + (i ? c.out_padding : 0)
                          : (s.in[i] + 2 * s.pad[i] - window) / s.stride[i] + 1;
  }
  s.in_ld = s.in_channels + (c.dense ? 0 : 3), s.out_ld = s.out_channels + (c.dense ? 0 : 2);
}

// out += the contribution of one pair of pixels, for the tap that links them.
template <class F>
void for_each_link(const ConvShape& s, bool transposed, F f) {
  const int64_t(&small)[3] = transposed ? s.in : s.out;  // the side whose index is multiplied by the stride
  const int64_t(&large)[3] = transposed ? s.out : s.in;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t i = 0; i < small[0] * small[1] * small[2]; ++i)
      for (int64_t k = 0; k < s.taps(); ++k) {
        const int64_t at[3] = {i / small[2] / small[1], i / small[2] % small[1], i % small[2]};
        const int64_t tap[3] = {k / s.kernel[2] / s.kernel[1], k / s.kernel[2] % s.kernel[1],
                                k % s.kernel[2]};
        int64_t other = b;
        bool inside = true;
        for (int x = 0; x < 3; ++x) {
          const int64_t p = at[x] * s.stride[x] + tap[x] * s.dilation[x] - s.pad[x];
          inside = inside && p >= 0 && p < large[x];
          other = other * large[x] + p;
        }
        const int64_t own = b * small[0] * small[1] * small[2] + i;
        if (inside) f(transposed ? own : other, transposed ? other : own, k);
      }
}

// Blocks of every kind: one and many, whole and cut, in one thread's hands and shared; narrow and wide
// panels.
std::vector<Case> winograd_cases() {
  std::vector<Case> cases;
  for (ConvMethod method :
       {ConvMethod::kWinograd2, ConvMethod::kWinograd4, ConvMethod::kWinograd6, ConvMethod::kWinograd2AtUse,
        ConvMethod::kWinograd4AtUse, ConvMethod::kWinograd6AtUse})
    for (const Case& c : std::initializer_list<Case>{
             {"small", shape(2, 16, 40, 1, {1, 9, 11, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
             {"one pixel", shape(1, 5, 3, 1, {1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
             {"no pad", shape(1, 33, 17, 1, {1, 10, 8, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0})},
             {"wide pad", shape(2, 3, 8, 1, {1, 5, 4, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 2, 3})},
             {"cropped", shape(1, 4, 33, 1, {1, 9, 9, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, -1, -1})},
             {"3-d", shape(2, 10, 12, 1, {4, 7, 6, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1})},
             {"3-d, many blocks", shape(1, 18, 20, 1, {9, 21, 22, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1})},
             {"3-d dilated", shape(1, 17, 40, 1, {7, 5, 6, 2, 3, 3, 1, 1, 1, 3, 1, 1, 2, 1, 1})},
             {"dilated", shape(2, 16, 20, 1, {1, 13, 11, 1, 3, 3, 1, 1, 1, 1, 2, 3, 0, 2, 3})},
             {"dilation beyond the image", shape(1, 8, 9, 1, {1, 5, 4, 1, 3, 3, 1, 1, 1, 1, 6, 7, 0, 6, 7})},
             {"planes apart", shape(1, 16, 16, 1, {3, 9, 9, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1})},
             {"long sums", shape(1, 600, 9, 1, {1, 6, 5, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
             {"many blocks", shape(2, 20, 24, 1, {1, 57, 61, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
             {"many channels", shape(1, 256, 70, 1, {1, 13, 14, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})}})
      cases.push_back(by(method, c));
  for (ConvMethod method : {ConvMethod::kWinograd2, ConvMethod::kWinograd4, ConvMethod::kWinograd2AtUse,
                            ConvMethod::kWinograd4AtUse})
    for (const Case& c : std::initializer_list<Case>{
             {"5x5", shape(2, 16, 40, 1, {1, 9, 11, 1, 5, 5, 1, 1, 1, 1, 1, 1, 0, 2, 2})},
             {"5x5, 3-d, many blocks", shape(1, 9, 20, 1, {3, 31, 42, 3, 5, 5, 1, 1, 1, 1, 1, 1, 1, 2, 2})},
             {"5x5 dilated", shape(1, 17, 11, 1, {1, 13, 11, 1, 5, 5, 1, 1, 1, 1, 2, 3, 0, 4, 3})}})
      cases.push_back(by(method, c));
  for (const Case& c : std::initializer_list<Case>{
           {"7x7", shape(2, 16, 40, 1, {1, 9, 11, 1, 7, 7, 1, 1, 1, 1, 1, 1, 0, 3, 3})},
           {"7x7, one pixel", shape(1, 9, 3, 1, {1, 1, 1, 1, 7, 7, 1, 1, 1, 1, 1, 1, 0, 3, 3})},
           {"7x7x7", shape(1, 9, 11, 1, {5, 15, 14, 7, 7, 7, 1, 1, 1, 1, 1, 1, 3, 3, 3})}})
    for (ConvMethod method : {ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse})
      cases.push_back(by(method, c));
  for (const Case& c : std::initializer_list<Case>{
           {"s2", shape(2, 16, 40, 1, {1, 9, 11, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
           {"s2, even, no pad", shape(1, 33, 17, 1, {1, 10, 8, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 0, 0})},
           {"s2, one pixel", shape(1, 5, 3, 1, {1, 1, 1, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})},
           {"s2, cropped", shape(1, 4, 33, 1, {1, 19, 9, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, -1, -1})},
           {"s2, 3-d", shape(2, 10, 12, 1, {4, 17, 16, 3, 3, 3, 1, 2, 2, 1, 1, 1, 1, 1, 1})},
           {"s2, many blocks", shape(2, 20, 24, 1, {1, 57, 61, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1})}})
    for (ConvMethod method : {ConvMethod::kWinograd3, ConvMethod::kWinograd3AtUse})
      cases.push_back(by(method, c));
  return cases;
}

// Runs joined and not, shorter and longer than a vector and a pass; outputs of every remainder; strips cut.
std::vector<Case> dots_cases() {
  std::vector<Case> cases;
  for (const Case& c : std::initializer_list<Case>{
           {"1x1", shape(2, 103, 2, 1, {1, 5, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0})},
           {"1x1 s2", shape(1, 8, 3, 1, {1, 5, 7, 1, 1, 1, 1, 2, 2, 1, 1, 1, 0, 0, 0})},
           {"one channel", shape(1, 1, 1, 1, {1, 9, 41, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
           {"wide line", shape(1, 5, 4, 1, {1, 3, 75, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
           {"long sums", shape(1, 1030, 5, 1, {1, 4, 3, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})},
           {"many taps", shape(1, 7, 12, 1, {5, 9, 10, 7, 7, 7, 1, 1, 1, 1, 1, 1, 3, 3, 3})},
           {"dilated", shape(2, 19, 9, 1, {1, 9, 40, 1, 3, 3, 1, 1, 2, 1, 3, 2, 0, 2, 4})},
           {"dilated, tall", shape(1, 4, 6, 1, {1, 1030, 3, 1, 129, 2, 1, 9, 1, 1, 8, 3, 0, 3, 1})},
           {"cropped", shape(1, 4, 7, 1, {1, 9, 9, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, -1, -1})},
           {"no tap inside", shape(1, 9, 7, 1, {1, 4, 4, 1, 2, 2, 1, 1, 1, 1, 9, 9, 0, 4, 4})}})
    cases.push_back(by(ConvMethod::kDots, c));
  return cases;
}

std::vector<double> oracle(const ConvShape& s, bool transposed, const float* in, const float* w) {
  std::vector<double> out(static_cast<size_t>(s.batch * s.out_pixels() * s.out_channels));
  const int64_t inputs = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  for_each_link(s, transposed, [&](int64_t from, int64_t to, int64_t k) {
    for (int64_t g = 0; g < s.groups; ++g)
      for (int64_t i = 0; i < inputs; ++i)
        for (int64_t o = 0; o < outputs; ++o) {
          const int64_t ci = g * inputs + i, co = g * outputs + o;
          const int64_t at = (transposed ? ci * outputs + o : co * inputs + i) * s.taps() + k;
          out[to * s.out_channels + co] +=
              static_cast<double>(in[from * s.in_ld + ci]) * static_cast<double>(w[at]);
        }
  });
  return out;
}

std::vector<float> run(const ConvShape& s, bool transposed, const float* w, const float* in,
                       const Epilogue& e, int threads) {
  std::vector<float> out(static_cast<size_t>((s.batch * s.out_pixels() - 1) * s.out_ld + s.out_channels),
                         7.0f);
  const Buffer packed = aligned_buffer(transposed ? conv_transpose_packed_bytes(s) : conv_packed_bytes(s));
  const Buffer scratch =
      aligned_buffer(transposed ? conv_transpose_scratch_bytes(s, threads) : conv_scratch_bytes(s, threads));
  // Weights may be at any address.
  const auto count = static_cast<size_t>(s.taps() * s.in_channels * s.out_channels / s.groups);
  std::vector<char> stored(count * sizeof(float) + 1);
  if (count > 0) std::memcpy(stored.data() + 1, w, count * sizeof(float));
  const auto* from = reinterpret_cast<const UnalignedFloat*>(stored.data() + 1);
  (transposed ? conv_transpose_pack : conv_pack)(s, from, packed.get(), threads);
  (transposed ? conv_transpose : conv)(s, packed.get(), in, out.data(), e, scratch.get(), threads);
  return out;
}

// Winograd's of 8 points rounds four times what that of 6 does.
double most_error(const ConvShape& s) {
  switch (s.method) {
    case ConvMethod::kDirect:
      return 1e-4;
    case ConvMethod::kWinograd6:
    case ConvMethod::kWinograd6AtUse:
      return 3e-3;
    case ConvMethod::kWinograd4:
    case ConvMethod::kWinograd4AtUse:
      return s.kernel[1] == 5 ? 3e-3 : 1e-3;
    default:
      return s.kernel[1] == 7 ? 3e-3 : 1e-3;
  }
}

void check(const Case& c, bool transposed) {
  SCOPED_TRACE(c.name);
  ConvShape s;
  finish_shape(c, transposed, s);
  Random random(77);
  const auto in = random.floats((s.batch * s.in_pixels() - 1) * s.in_ld + s.in_channels);
  const auto w = random.floats(s.in_channels * s.out_channels / s.groups * s.taps());
  const auto bias = random.floats(s.out_channels);
  const auto residual = random.floats(s.batch * s.out_pixels() * s.out_channels);
  const Epilogue e = {.bias = bias.data(),
                      .residual = residual.data(),
                      .residual_ld = s.out_channels,
                      .activation = Activation::kLeakyRelu,
                      .alpha = 0.25f};
  const auto want = oracle(s, transposed, in.data(), w.data());
  const auto got = run(s, transposed, w.data(), in.data(), e, 1);
  for (int64_t p = 0; p < s.batch * s.out_pixels(); ++p) {
    for (int64_t o = 0; o < s.out_channels; ++o) {
      double y = want[p * s.out_channels + o] + static_cast<double>(bias[o]) +
                 static_cast<double>(residual[p * s.out_channels + o]);
      y = y < 0 ? 0.25 * y : y;
      // The numbers have so few bits that their sums are exact in double.
      if (s.method == ConvMethod::kInDouble)
        ASSERT_EQ(got[p * s.out_ld + o], static_cast<float>(y)) << "pixel " << p << " channel " << o;
      ASSERT_NEAR(got[p * s.out_ld + o], y, most_error(s)) << "pixel " << p << " channel " << o;
    }
    for (int64_t o = s.out_channels; o < s.out_ld && p * s.out_ld + o < static_cast<int64_t>(got.size()); ++o)
      ASSERT_EQ(got[p * s.out_ld + o], 7.0f) << "wrote past the channels";
  }
  for (int threads : {2, 3}) ASSERT_EQ(got, run(s, transposed, w.data(), in.data(), e, threads));
  if (s.batch == 2) {
    ConvShape second = s;
    second.batch = 1;
    Epilogue e2 = e;
    e2.residual += s.out_pixels() * s.out_channels;
    const auto half = run(second, transposed, w.data(), in.data() + s.in_pixels() * s.in_ld, e2, 1);
    ASSERT_EQ(0, std::memcmp(half.data(), got.data() + s.out_pixels() * s.out_ld, half.size() * 4))
        << "batch";
  }
}

TEST(Conv, MatchesFloat64) {
  for_each_isa([] {
    for (const Case& c : cases()) check(c, false), check(by(ConvMethod::kInDouble, c), false);
    for (const Case& c : winograd_cases()) check(c, false);
    for (const Case& c : dots_cases()) check(c, false);
  });
}

// What the choice of points is for.
TEST(Conv, WinogradRoundsLittleWorseThanTheSum) {
  ConvShape s;
  finish_shape({"", shape(1, 64, 32, 1, {1, 24, 24, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 1, 1})}, false, s);
  Random random(3);
  const auto in = random.floats((s.in_pixels() - 1) * s.in_ld + s.in_channels);
  const auto w = random.floats(s.in_channels * s.out_channels * 9);
  const auto want = oracle(s, false, in.data(), w.data());
  const auto error = [&](ConvMethod method) {
    double squares = 0;
    s.method = method;
    const auto got = run(s, false, w.data(), in.data(), {}, 1);
    for (int64_t i = 0; i < s.out_pixels() * s.out_channels; ++i) {
      const double e = static_cast<double>(got[i / s.out_channels * s.out_ld + i % s.out_channels]) - want[i];
      squares += e * e;
    }
    return std::sqrt(squares);
  };
  const double direct = error(ConvMethod::kDirect);
  for (ConvMethod method : {ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse})
    EXPECT_LT(error(method), 1.5 * direct);
  for (ConvMethod method : {ConvMethod::kWinograd4, ConvMethod::kWinograd4AtUse})
    EXPECT_LT(error(method), 4 * direct);
  for (ConvMethod method : {ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse})
    EXPECT_LT(error(method), 14 * direct);
}

// Weights of a dynamic model are packed before the extents are known.
TEST(Conv, TakesTheDirectMethodWhereTilesWouldBeMostlyEmpty) {
  for_each_isa([] {
    for (const int64_t channels : {8, 20}) {
      Case c{"", shape(2, channels, 21, 1, {1, 9, 9, 1, 3, 3, 1, 1, 1, 1, 12, 12, 0, 12, 12})};
      ConvShape small;
      finish_shape(by(ConvMethod::kWinograd3AtUse, c), false, small);
      EXPECT_EQ(method_of_run(small), ConvMethod::kDirect);
      Random random(11);
      const auto w = random.floats(small.in_channels * small.out_channels * small.taps());
      const auto in = random.floats(small.batch * small.in_pixels() * small.in_ld);
      const Buffer packed = aligned_buffer(conv_packed_bytes(small));
      conv_pack(small, w.data(), packed.get(), 1);
      small.method = ConvMethod::kDirect;
      std::vector<float> out(static_cast<size_t>(small.batch * small.out_pixels() * small.out_ld), 7.0f);
      conv(small, packed.get(), in.data(), out.data(), {}, nullptr, 1);
      const auto direct = run(small, false, w.data(), in.data(), {}, 1);
      EXPECT_TRUE(std::equal(direct.begin(), direct.end(), out.begin()));

      c.shape.in[1] = c.shape.in[2] = 200;
      c.shape.in_channels = c.shape.out_channels = 256;
      ConvShape large;
      finish_shape(by(ConvMethod::kWinograd3AtUse, c), false, large);
      EXPECT_EQ(method_of_run(large), ConvMethod::kWinograd3AtUse);
      large.method = ConvMethod::kWinograd3;
      EXPECT_EQ(method_of_run(large), ConvMethod::kWinograd3);
      large.method = ConvMethod::kInDouble;
      EXPECT_EQ(method_of_run(large), ConvMethod::kInDouble);
    }
  });
}

TEST(ConvTranspose, MatchesFloat64) {
  for_each_isa([] {
    for (const Case& c : cases()) check(c, true), check(by(ConvMethod::kInDouble, c), true);
  });
}

TEST(ConvTranspose, OfFewChannelsGoesInColumns) {
  for_each_isa([] {
    for (const Case& c : column_cases()) {
      SCOPED_TRACE(c.name);
      EXPECT_TRUE(in_columns(best_isa(), c.shape));
      EXPECT_FALSE(in_columns(best_isa(), by(ConvMethod::kInDouble, c).shape));
      check(c, true), check(by(ConvMethod::kInDouble, c), true);
    }
    // What is no less work.
    EXPECT_FALSE(in_columns(best_isa(), shape(1, 8, 64, 1, {1, 5, 5, 1, 4, 4, 1, 2, 2, 1, 1, 1, 0, 1, 1})));
    EXPECT_FALSE(in_columns(best_isa(), shape(1, 8, 8, 8, {1, 5, 5, 1, 4, 4, 1, 2, 2, 1, 1, 1, 0, 1, 1})));
  });
}

TEST(ConvTranspose, OfColumnsHasEveryEpilogue) {
  ConvShape s;
  finish_shape({"", shape(1, 5, 1, 1, {1, 6, 7, 1, 9, 9, 1, 3, 3, 1, 1, 1, 0, 4, 4}), 2}, true, s);
  Random random(3);
  const auto in = random.floats((s.in_pixels() - 1) * s.in_ld + s.in_channels);
  const auto w = random.floats(s.in_channels * s.out_channels * s.taps());
  const auto residual = random.floats(s.out_pixels() * s.out_channels);
  const float bias = 0.5f;
  const auto sum = run(s, true, w.data(), in.data(), {.bias = &bias}, 1);
  for (Activation activation :
       {Activation::kNone, Activation::kRelu, Activation::kClip, Activation::kLeakyRelu})
    for (int added : {0, 1, 2}) {  // no residual, before the activation, after it
      const Epilogue e = {.bias = &bias,
                          .residual = added ? residual.data() : nullptr,
                          .residual_ld = s.out_channels,
                          .residual_after_activation = added == 2,
                          .activation = activation,
                          .alpha = -0.25f,
                          .beta = 0.75f};
      const auto got = run(s, true, w.data(), in.data(), e, 2);
      for (int64_t p = 0; p < s.out_pixels(); ++p) {
        float y = sum[p * s.out_ld] + (added == 1 ? residual[p] : 0);
        if (activation == Activation::kRelu) y = std::max(y, 0.0f);
        if (activation == Activation::kClip) y = std::clamp(y, -0.25f, 0.75f);
        if (activation == Activation::kLeakyRelu) y = y < 0 ? -0.25f * y : y;
        ASSERT_EQ(got[p * s.out_ld], y + (added == 2 ? residual[p] : 0)) << "pixel " << p << ", " << added;
      }
    }
}

TEST(ReferenceConv, MatchesFloat64) {
  for (bool transposed : {false, true})
    for (const Case& c : cases()) {
      SCOPED_TRACE(c.name);
      ConvShape s;
      finish_shape(c, transposed, s);
      Random random(5);
      const auto in = random.floats(s.batch * s.in_pixels() * s.in_ld);
      const auto w = random.floats(s.in_channels * s.out_channels / s.groups * s.taps());
      const auto want = oracle(s, transposed, in.data(), w.data());
      std::vector<double> got(static_cast<size_t>(s.batch * s.out_pixels() * s.out_ld));
      const ReferenceConv<float, float, double> reference{s, in.data(), w.data(), nullptr, got.data()};
      transposed ? reference.run_transposed(2) : reference.run(2);
      for (int64_t p = 0; p < s.batch * s.out_pixels(); ++p)
        for (int64_t o = 0; o < s.out_channels; ++o)
          ASSERT_NEAR(got[p * s.out_ld + o], want[p * s.out_channels + o], 1e-12);
    }
}

// A clipped epilogue and a residual behind the activation, on each path.
TEST(Conv, OtherEpilogues) {
  for_each_isa([] {
    auto all = winograd_cases();
    for (const Case& c : cases()) all.push_back(c), all.push_back(by(ConvMethod::kInDouble, c));
    for (const Case& c : dots_cases()) all.push_back(c);
    for (const Case& c : all) {
      SCOPED_TRACE(c.name);
      ConvShape s;
      finish_shape(c, false, s);
      Random random(8);
      const auto in = random.floats(s.batch * s.in_pixels() * s.in_ld);
      const auto w = random.floats(s.in_channels * s.out_channels / s.groups * s.taps());
      const auto residual = random.floats(s.batch * s.out_pixels() * s.out_ld);
      const auto plain = run(s, false, w.data(), in.data(), {}, 1);
      const auto clipped = run(s, false, w.data(), in.data(),
                               {.activation = Activation::kClip, .alpha = -0.5f, .beta = 0.75f}, 1);
      const auto after = run(s, false, w.data(), in.data(),
                             {.residual = residual.data(),
                              .residual_ld = s.out_ld,
                              .residual_after_activation = true,
                              .activation = Activation::kTanh},
                             2);
      for (int64_t p = 0; p < s.batch * s.out_pixels(); ++p)
        for (int64_t i = p * s.out_ld; i < p * s.out_ld + s.out_channels; ++i) {
          ASSERT_EQ(clipped[i], std::min(std::max(plain[i], -0.5f), 0.75f));
          ASSERT_NEAR(after[i], std::tanh(plain[i]) + residual[i], 1e-6);
        }
    }
  });
}

}  // namespace
}  // namespace ow::kernels
