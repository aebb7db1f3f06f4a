#include "ops/op/inverse_fft_single.h"

#include <numbers>

#include "base/checked.h"
#include "ops/op/fft.h"

namespace ow {
namespace {

using Complex = InverseFftSingle::Complex;

Complex rounded(std::complex<double> z) {
  return {static_cast<float>(z.real()), static_cast<float>(z.imag())};
}

std::vector<int> factors_of(int64_t n) {
  std::vector<int> factors;
  for (int radix : {8, 4})
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  if (n % 2 == 0) {
    n /= 2;
    factors.push_back(2);
    std::swap(factors.front(), factors.back());
  }
  for (int radix : {3, 5, 7, 11})
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  if (n != 1) factors.clear();
  return factors;
}

int64_t table_length(int64_t radix, int64_t rest) { return radix + (radix - 1) * (rest - 1); }

inline Complex times(Complex a, Complex w) {
  return {a.real() * w.real() - a.imag() * w.imag(), a.real() * w.imag() + a.imag() * w.real()};
}

// By i, and by the square root of i and its cube.
inline Complex quarter_turn(Complex a) { return {-a.imag(), a.real()}; }
inline Complex eighth_turn(Complex a) {
  constexpr float kHalf = 0.5f * std::numbers::sqrt2_v<float>;
  return {kHalf * (a.real() - a.imag()), kHalf * (a.imag() + a.real())};
}
inline Complex three_eighths_turn(Complex a) {
  constexpr float kHalf = 0.5f * std::numbers::sqrt2_v<float>;
  return {kHalf * (-a.real() - a.imag()), kHalf * (a.real() - a.imag())};
}

// A transform of kRadix points in place; `roots` are exp(2 pi i j / kRadix). The odd ones are sums of pairs
// of conjugate roots.
template <int kRadix>
struct Butterfly {
  static constexpr int kPairs = (kRadix - 1) / 2;

  static void run(Complex* z, const Complex* roots) {
    Complex sums[kPairs + 1], differences[kPairs + 1], total = z[0];
    for (int j = 1; j <= kPairs; ++j) {
      sums[j] = z[j] + z[kRadix - j];
      differences[j] = z[j] - z[kRadix - j];
      total += sums[j];
    }
    for (int u = 1; u <= kPairs; ++u) {
      Complex even = z[0];
      float real = 0, imag = 0;
      for (int j = 1; j <= kPairs; ++j) {
        const Complex root = roots[u * j % kRadix];
        even += root.real() * sums[j];
        const float added_real = root.imag() * differences[j].imag(),
                    added_imag = root.imag() * differences[j].real();
        real = j == 1 ? added_real : real + added_real;
        imag = j == 1 ? added_imag : imag + added_imag;
      }
      const Complex odd(-real, imag);
      z[u] = even + odd;
      z[kRadix - u] = even - odd;
    }
    z[0] = total;
  }
};

template <>
struct Butterfly<2> {
  static void run(Complex* z, const Complex*) {
    const Complex a = z[0];
    z[0] = a + z[1];
    z[1] = a - z[1];
  }
};

template <>
struct Butterfly<4> {
  static void run(Complex* z, const Complex*) {
    const Complex even = z[0] + z[2], even_difference = z[0] - z[2], odd = z[1] + z[3],
                  odd_difference = quarter_turn(z[1] - z[3]);
    z[0] = even + odd;
    z[1] = even_difference + odd_difference;
    z[2] = even - odd;
    z[3] = even_difference - odd_difference;
  }
};

template <>
struct Butterfly<8> {
  static void run(Complex* z, const Complex*) {
    const Complex sum15 = z[1] + z[5], sum37 = z[3] + z[7], difference15 = z[1] - z[5],
                  difference37 = quarter_turn(z[3] - z[7]);
    const Complex odd0 = sum15 + sum37, odd2 = quarter_turn(sum15 - sum37),
                  odd1 = eighth_turn(difference15 + difference37),
                  odd3 = three_eighths_turn(difference15 - difference37);
    const Complex sum04 = z[0] + z[4], sum26 = z[2] + z[6], difference04 = z[0] - z[4],
                  difference26 = quarter_turn(z[2] - z[6]);
    const Complex even0 = sum04 + sum26, even2 = sum04 - sum26, even1 = difference04 + difference26,
                  even3 = difference04 - difference26;
    z[0] = even0 + odd0, z[4] = even0 - odd0;
    z[1] = even1 + odd1, z[5] = even1 - odd1;
    z[2] = even2 + odd2, z[6] = even2 - odd2;
    z[3] = even3 + odd3, z[7] = even3 - odd3;
  }
};

// x is `before` transforms of kRadix * rest points each; y is kRadix times as many of `rest`.
template <int kRadix>
void pass(const Complex* x, Complex* y, const Complex* roots, int64_t before, int64_t rest) {
  const Complex* turns = roots + kRadix - 1;
  const int64_t apart = before * rest;
  for (int64_t k = 0; k < before; ++k, x += kRadix * rest, y += rest) {
    Complex z[kRadix];
    for (int j = 0; j < kRadix; ++j) z[j] = x[rest * j];
    Butterfly<kRadix>::run(z, roots);
    for (int j = 0; j < kRadix; ++j) y[apart * j] = z[j];
    for (int64_t i = 1; i < rest; ++i) {
      for (int j = 0; j < kRadix; ++j) z[j] = x[i + rest * j];
      Butterfly<kRadix>::run(z, roots);
      y[i] = z[0];
      for (int j = 1; j < kRadix; ++j) y[i + apart * j] = times(z[j], turns[(kRadix - 1) * (i - 1) + j]);
    }
  }
}

void pass_of(int radix, const Complex* x, Complex* y, const Complex* roots, int64_t before, int64_t rest) {
  switch (radix) {
    case 2:
      return pass<2>(x, y, roots, before, rest);
    case 3:
      return pass<3>(x, y, roots, before, rest);
    case 4:
      return pass<4>(x, y, roots, before, rest);
    case 5:
      return pass<5>(x, y, roots, before, rest);
    case 7:
      return pass<7>(x, y, roots, before, rest);
    case 8:
      return pass<8>(x, y, roots, before, rest);
    default:
      return pass<11>(x, y, roots, before, rest);
  }
}

}  // namespace

bool InverseFftSingle::covers(int64_t n) { return n == 1 || (n > 1 && !factors_of(n).empty()); }

Result<InverseFftSingle> InverseFftSingle::create(int64_t n, const std::shared_ptr<Budget>& budget) {
  InverseFftSingle f;
  f.n_ = n;
  f.factors_ = factors_of(n);
  int64_t count = 0, rest = n;
  for (int radix : f.factors_) {
    rest /= radix;
    count += table_length(radix, rest);
  }
  auto bytes = checked_mul<int64_t>(count, sizeof(Complex));
  if (!bytes) return limit_exceeded("a Fourier transform of ", n, " points is too long");
  f.roots_ = ONWARD_TRY(allocate_buffer(*bytes, budget));
  auto* root = reinterpret_cast<Complex*>(f.roots_.get());
  int64_t before = 1;
  rest = n;
  for (int radix : f.factors_) {
    rest /= radix;
    for (int64_t j = 0; j < radix; ++j) *root++ = std::conj(rounded(Fft::root(j, radix)));
    for (int64_t i = 1; i < rest; ++i)
      for (int64_t j = 1; j < radix; ++j) *root++ = std::conj(rounded(Fft::root(j * before * i, n)));
    before *= radix;
  }
  return f;
}

void InverseFftSingle::run(Complex* line, Complex* work) const {
  const auto* roots = reinterpret_cast<const Complex*>(roots_.get());
  Complex *x = line, *y = work;
  int64_t before = 1, rest = n_;
  for (int radix : factors_) {
    rest /= radix;
    pass_of(radix, x, y, roots, before, rest);
    roots += table_length(radix, rest);
    before *= radix;
    std::swap(x, y);
  }
  const float scale = 1 / static_cast<float>(n_);
  for (int64_t i = 0; i < n_; ++i) line[i] = {x[i].real() * scale, x[i].imag() * scale};
}

}  // namespace ow
