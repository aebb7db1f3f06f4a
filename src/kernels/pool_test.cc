// Against float64 loops over the whole padded window, position by position.
#include "kernels/pool.h"

#include <limits>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

PoolShape shape(int64_t batch, int64_t channels, std::initializer_list<int64_t> v) {
  PoolShape s;
  s.batch = batch, s.channels = channels, s.in_ld = channels + 3, s.out_ld = channels + 1;
  const int64_t* p = v.begin();
  for (auto* axes : {&s.in, &s.out, &s.kernel, &s.stride, &s.dilation, &s.pad_begin, &s.pad_end})
    for (int i = 0; i < 3; ++i) (*axes)[i] = *p++;
  return s;
}

std::vector<PoolShape> shapes() {
  //                 in        out       kernel   stride   dilation pad      pad end
  return {
      shape(2, 70, {1, 7, 9, 1, 4, 5, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 1, 1, 0, 1, 1}),
      shape(1, 5, {1, 8, 8, 1, 4, 4, 1, 3, 3, 1, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0}),  // ceil_mode reaches over
      shape(2, 17, {5, 6, 7, 3, 3, 3, 3, 2, 3, 2, 2, 2, 1, 2, 2, 1, 0, 1, 1, 1, 1}),
      shape(1, 131, {1, 6, 7, 1, 1, 1, 1, 6, 7, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}),  // global
      shape(1, 3, {1, 2, 2, 1, 4, 4, 1, 2, 2, 1, 1, 1, 1, 1, 1, 0, 2, 2, 0, 1, 1}),    // windows outside
  };
}

// Calls f(output pixel, channel, positions in the pads or the image, {input element, its NCHW pixel} inside).
struct Position {
  int64_t element, row_major, column_major;
};
template <class F>
void for_each_window(const PoolShape& s, F f) {
  for (int64_t pixel = 0; pixel < s.batch * s.out[0] * s.out[1] * s.out[2]; ++pixel)
    for (int64_t c = 0; c < s.channels; ++c) {
      std::vector<Position> inside;
      int64_t padded = 0;
      const int64_t b = pixel / (s.out[0] * s.out[1] * s.out[2]);
      const int64_t o[3] = {pixel / s.out[2] / s.out[1] % s.out[0], pixel / s.out[2] % s.out[1],
                            pixel % s.out[2]};
      for (int64_t k = 0; k < s.kernel[0] * s.kernel[1] * s.kernel[2]; ++k) {
        const int64_t t[3] = {k / s.kernel[2] / s.kernel[1], k / s.kernel[2] % s.kernel[1], k % s.kernel[2]};
        int64_t p[3];
        bool in_image = true, in_pads = true;
        for (int i = 0; i < 3; ++i) {
          p[i] = o[i] * s.stride[i] - s.pad_begin[i] + t[i] * s.dilation[i];
          in_image = in_image && p[i] >= 0 && p[i] < s.in[i];
          in_pads = in_pads && p[i] < s.in[i] + s.pad_end[i];
        }
        padded += in_pads;
        const int64_t base = (b * s.channels + c) * s.in[0] * s.in[1] * s.in[2];
        if (in_image)
          inside.push_back({(((b * s.in[0] + p[0]) * s.in[1] + p[1]) * s.in[2] + p[2]) * s.in_ld + c,
                            base + (p[0] * s.in[1] + p[1]) * s.in[2] + p[2],
                            base + p[0] + (p[1] + p[2] * s.in[1]) * s.in[0]});
      }
      f(pixel, c, padded, inside);
    }
}

int64_t elements(const PoolShape& s, bool in) {
  const auto& e = in ? s.in : s.out;
  return (s.batch * e[0] * e[1] * e[2] - 1) * (in ? s.in_ld : s.out_ld) + s.channels;
}

template <class T>
void check_max() {
  for (const PoolShape& s : shapes())
    for (int threads : {1, 3}) {
      Random random(4);
      std::vector<T> in(elements(s, true)), out(elements(s, false)), out2 = out;
      for (T& x : in) x = static_cast<T>(random.next() % 50);  // many equal values: the first one counts
      std::vector<int64_t> rows(out.size()), columns(out.size());
      max_pool(s, in.data(), out.data(), threads);
      max_pool_indices(s, in.data(), out2.data(), rows.data(), s.out_ld, false, threads);
      max_pool_indices(s, in.data(), out2.data(), columns.data(), s.out_ld, true, threads);
      for_each_window(s, [&](int64_t pixel, int64_t c, int64_t, const std::vector<Position>& window) {
        const int64_t at = pixel * s.out_ld + c;
        Position best = {-1, -1, -1};
        for (const Position& p : window)
          if (best.element < 0 || in[p.element] > in[best.element]) best = p;
        using Limits = std::numeric_limits<T>;
        const T empty = Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
        ASSERT_EQ(out[at], best.element < 0 ? empty : in[best.element]);
        ASSERT_EQ(out2[at], out[at]);
        ASSERT_EQ(rows[at], best.row_major);
        ASSERT_EQ(columns[at], best.column_major);
      });
    }
}

TEST(MaxPool, ValuesAndIndices) {
  for_each_isa([] {
    check_max<float>();
    check_max<double>();
    check_max<int8_t>();
    check_max<uint8_t>();
  });
}

TEST(MaxPool, NanPropagates) {
  for_each_isa([] {
    const PoolShape s = shapes()[0];
    Random random(4);
    auto in = random.floats(elements(s, true));
    for (size_t i = 0; i < in.size(); i += 97) in[i] = std::nanf("");
    std::vector<float> out(elements(s, false)), out2 = out;
    std::vector<int64_t> indices(out.size());
    max_pool(s, in.data(), out.data(), 1);
    max_pool_indices(s, in.data(), out2.data(), indices.data(), s.out_ld, false, 1);
    for_each_window(s, [&](int64_t pixel, int64_t c, int64_t, const std::vector<Position>& window) {
      const Position* nan = nullptr;
      for (const Position& p : window)
        if (!nan && std::isnan(in[p.element])) nan = &p;
      const int64_t at = pixel * s.out_ld + c;
      ASSERT_EQ(std::isnan(out[at]), nan != nullptr);
      ASSERT_EQ(std::isnan(out2[at]), nan != nullptr);
      if (nan) {
        ASSERT_EQ(indices[at], nan->row_major);
      }
    });
  });
}

template <class T>
void check_sums() {
  for (const PoolShape& s : shapes()) {
    Random random(6);
    std::vector<T> in(elements(s, true)), average(elements(s, false)), padded_average = average;
    for (T& x : in) x = static_cast<T>(random.uniform());
    std::vector<T> l1 = average, l2 = average, l3 = average, again = average;
    average_pool(s, false, in.data(), average.data(), 1);
    average_pool(s, false, in.data(), again.data(), 3);
    EXPECT_EQ(average, again);
    average_pool(s, true, in.data(), padded_average.data(), 2);
    lp_pool(s, 1, in.data(), l1.data(), 1);
    lp_pool(s, 2, in.data(), l2.data(), 2);
    lp_pool(s, 3, in.data(), l3.data(), 2);
    for_each_window(s, [&](int64_t pixel, int64_t c, int64_t padded, const std::vector<Position>& window) {
      double sum = 0, sums[4] = {};
      for (const Position& p : window) {
        const double x = static_cast<double>(in[p.element]);
        sum += x;
        for (int e = 1; e < 4; ++e) sums[e] += std::pow(std::fabs(x), e);
      }
      const int64_t at = pixel * s.out_ld + c;
      ASSERT_NEAR(average[at], window.empty() ? 0 : sum / static_cast<double>(window.size()), 1e-6);
      ASSERT_NEAR(padded_average[at], sum / static_cast<double>(padded), 1e-6);
      ASSERT_NEAR(l1[at], sums[1], 1e-5);
      ASSERT_NEAR(l2[at], std::sqrt(sums[2]), 1e-5);
      ASSERT_NEAR(l3[at], std::cbrt(sums[3]), 1e-5);
    });
  }
}

TEST(SumPools, MatchFloat64) {
  for_each_isa([] {
    check_sums<float>();
    check_sums<double>();
  });
}

TEST(AveragePixels, MatchFloat64) {
  for_each_isa([] {
    for (const auto& [pixels, channels] :
         {std::pair<int64_t, int64_t>{1, 1}, {49, 17}, {130, 300}, {64, 16}}) {
      const int64_t stride = channels + 3;
      Random random(4);
      const auto x = random.floats((pixels - 1) * stride + channels);
      std::vector<float> y(static_cast<size_t>(channels));
      average_pixels(x.data(), pixels, stride, channels, y.data());
      for (int64_t c = 0; c < channels; ++c) {
        double mean = 0;
        for (int64_t i = 0; i < pixels; ++i)
          mean += static_cast<double>(x[static_cast<size_t>(i * stride + c)]);
        EXPECT_NEAR(y[static_cast<size_t>(c)], mean / static_cast<double>(pixels), 1e-6)
            << pixels << " " << channels;
      }
    }
  });
}

}  // namespace
}  // namespace ow::kernels
