// Planes against float64 sums of products of the tables, at sizes that fill no vector, growing and shrinking;
// bit-equal for any number of threads.
#include "kernels/resize.h"

#include <cstring>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

struct Axis {
  std::vector<int32_t> index;
  std::vector<float> weight;
  ResizeAxisTable table;
};

// The tables of columns, tap by tap.
Axis turned(const Axis& a) {
  Axis out = a;
  for (int64_t i = 0; i < a.table.out; ++i)
    for (int t = 0; t < a.table.taps; ++t) {
      const auto to = static_cast<size_t>(t * a.table.out + i),
                 from = static_cast<size_t>(i * a.table.taps + t);
      out.index[to] = a.index[from], out.weight[to] = a.weight[from];
    }
  out.table.index = out.index.data(), out.table.weight = out.weight.data();
  return out;
}

// taps 0: as it is.
Axis axis(int64_t in, int64_t out, int taps, Random& random) {
  Axis a;
  for (int64_t i = 0; i < out; ++i)
    for (int t = 0; t < taps; ++t) {
      const int64_t at = i * in / out + t - taps / 2;
      a.index.push_back(static_cast<int32_t>(std::min(std::max<int64_t>(at, 0), in - 1)));
      a.weight.push_back(random.uniform());
    }
  a.table = {in, out, taps, a.index.data(), a.weight.data()};
  return a;
}

void check(int64_t outer, int64_t inner, const Axis& rows, const Axis& columns, Random& random) {
  const Axis by_tap = turned(columns);
  const ResizePlanes p{outer, inner, rows.table, by_tap.table};
  SCOPED_TRACE(testing::Message() << outer << " x " << p.rows.in << "->" << p.rows.out << " x "
                                  << p.columns.in << "->" << p.columns.out << " x " << inner << ", taps "
                                  << p.rows.taps << ", " << p.columns.taps);
  const auto x = random.floats(outer * p.rows.in * p.columns.in * inner);
  std::vector<float> y(static_cast<size_t>(outer * p.rows.out * p.columns.out * inner)), again(y.size());
  for (int threads : {1, 3}) {
    const Buffer scratch = aligned_buffer(resize_scratch_bytes(p, threads));
    resize_planes(p, x.data(), (threads == 1 ? y : again).data(), scratch.get(), threads);
  }
  EXPECT_EQ(std::memcmp(y.data(), again.data(), y.size() * sizeof(float)), 0)
      << "results must not depend on the number of threads";
  auto tap = [](const ResizeAxisTable& t, int64_t i, int k) {
    return t.taps ? std::pair(int64_t{t.index[i * t.taps + k]}, double{t.weight[i * t.taps + k]})
                  : std::pair(i, 1.0);
  };
  for (size_t i = 0; i < y.size(); ++i) {
    const auto n = static_cast<int64_t>(i);
    const int64_t k = n % inner, column = n / inner % p.columns.out,
                  row = n / inner / p.columns.out % p.rows.out, o = n / inner / p.columns.out / p.rows.out;
    double sum = 0;
    for (int r = 0; r < std::max(p.rows.taps, 1); ++r)
      for (int t = 0; t < std::max(p.columns.taps, 1); ++t) {
        const auto [y0, wy] = tap(p.rows, row, r);
        const auto [x0, wx] = tap(columns.table, column, t);
        sum += wy * wx * x[((o * p.rows.in + y0) * p.columns.in + x0) * inner + k];
      }
    ASSERT_NEAR(y[i], sum, 1e-4) << "element " << i;
  }
}

TEST(ResizePlanes, MatchFloat64Sums) {
  for_each_isa([] {
    Random random(3);
    for (int64_t inner : {1, 3, 16, 21})
      for (int taps : {2, 3, 4}) {
        check(2, inner, axis(5, 11, taps, random), axis(9, 18, taps, random), random);
        check(1, inner, axis(13, 4, taps, random), axis(35, 17, taps, random), random);
        check(3, inner, axis(6, 13, taps, random), axis(7, 7, 0, random), random);
        check(1, inner, axis(4, 4, 0, random), axis(20, 37, taps, random), random);
      }
    check(1, 1, axis(200, 70, 130, random), axis(40, 50, 2, random), random);  // taps beyond the buffers
    check(1, 1, axis(70, 140, 70, random), axis(40, 50, 2, random), random);
    check(1, 700, axis(3, 6, 2, random), axis(30, 61, 2, random), random);  // more than one strip
  });
}

TEST(ResizePlanes, EveryElementTwice) {
  for_each_isa([] {
    for (int64_t n : {1, 15, 16, 33}) {
      std::vector<int32_t> x(static_cast<size_t>(n)), y(x.size() * 2);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int32_t>(i) * 0x01020301;
      repeat_twice(x.data(), n, y.data());
      for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], x[i / 2]) << i;
    }
  });
}

}  // namespace
}  // namespace ow::kernels
