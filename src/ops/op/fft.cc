#include "ops/op/fft.h"

#include <cmath>
#include <numbers>

#include "base/checked.h"

namespace ow {
namespace {

using Complex = Fft::Complex;
constexpr int kLargestFactor = 31;

// Without the special cases for infinities that std::complex multiplies by.
inline Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
inline Complex minus_i_times(Complex a) { return {a.imag(), -a.real()}; }

Complex* complex_of(const Buffer& b) { return reinterpret_cast<Complex*>(b.get()); }

Result<Buffer> allocate_complex(int64_t n, const std::shared_ptr<Budget>& budget) {
  auto bytes = checked_mul<int64_t>(n, sizeof(Complex));
  if (!bytes) return limit_exceeded("a Fourier transform of ", n, " points is too long");
  return allocate_buffer(*bytes, budget);
}

// One pass: `stride` interleaved transforms of length rest * radix become radix times as many of length rest.
void pass2(const Complex* x, Complex* y, const Complex* roots, int64_t rest, int64_t stride) {
  for (int64_t p = 0; p < rest; ++p)
    for (int64_t q = 0; q < stride; ++q) {
      const Complex a = x[q + stride * p], b = x[q + stride * (p + rest)];
      y[q + stride * 2 * p] = a + b;
      y[q + stride * (2 * p + 1)] = times(a - b, roots[stride * p]);
    }
}

void pass4(const Complex* x, Complex* y, const Complex* roots, int64_t rest, int64_t stride) {
  for (int64_t p = 0; p < rest; ++p) {
    const Complex w1 = roots[stride * p], w2 = roots[2 * stride * p], w3 = roots[3 * stride * p];
    for (int64_t q = 0; q < stride; ++q) {
      const Complex* from = x + q + stride * p;
      const Complex a = from[0], b = from[stride * rest], c = from[2 * stride * rest],
                    d = from[3 * stride * rest];
      const Complex even = a + c, odd = b + d, even_difference = a - c, odd_difference = minus_i_times(b - d);
      Complex* to = y + q + stride * 4 * p;
      to[0] = even + odd;
      to[stride] = times(even_difference + odd_difference, w1);
      to[2 * stride] = times(even - odd, w2);
      to[3 * stride] = times(even_difference - odd_difference, w3);
    }
  }
}

void pass_any(const Complex* x, Complex* y, const Complex* roots, int64_t n, int radix, int64_t rest,
              int64_t stride) {
  for (int64_t p = 0; p < rest; ++p)
    for (int64_t q = 0; q < stride; ++q)
      for (int u = 0; u < radix; ++u) {
        Complex sum = x[q + stride * p];
        for (int j = 1; j < radix; ++j)
          sum += times(x[q + stride * (p + rest * j)], roots[n / radix * (j * u % radix)]);
        y[q + stride * (radix * p + u)] = times(sum, roots[stride * p * u]);
      }
}

}  // namespace

// The angle is reduced to an eighth of a turn, where sin and cos are exact
// to the last bit or so.
Complex Fft::root(int64_t k, int64_t n) {
  const bool below = 2 * k > n;
  if (below) k = n - k;  // conjugate
  const bool left = 4 * k > n;
  const int64_t twice = left ? n - 2 * k : 2 * k;  // angle pi * twice / n, at most a quarter turn
  const double angle = std::numbers::pi / static_cast<double>(n) * static_cast<double>(twice);
  const double upper = std::numbers::pi / static_cast<double>(n) * 0.5 * static_cast<double>(n - 2 * twice);
  const double cosine = 4 * twice > n ? std::sin(upper) : std::cos(angle);
  const double sine = 4 * twice > n ? std::cos(upper) : std::sin(angle);
  return {left ? -cosine : cosine, below ? sine : -sine};
}

Result<Fft> Fft::create(int64_t n, const std::shared_ptr<Budget>& budget) {
  Fft f;
  f.n_ = n;
  int64_t rest = n;
  for (int radix : {4, 2})
    for (; rest % radix == 0; rest /= radix) f.factors_.push_back(radix);
  for (int radix = 3; radix <= kLargestFactor; radix += 2)
    for (; rest % radix == 0; rest /= radix) f.factors_.push_back(radix);
  if (rest == 1) {
    f.roots_ = ONWARD_TRY(allocate_complex(n, budget));
    for (int64_t k = 0; k < n; ++k) complex_of(f.roots_)[k] = root(k, n);
    return f;
  }
  if (n > INT64_MAX / 128) return limit_exceeded("a Fourier transform of ", n, " points is too long");
  int64_t padded = 1;
  while (padded < 2 * n - 1) padded *= 2;
  f.padded_ = std::make_shared<const Fft>(ONWARD_TRY(create(padded, budget)));
  f.chirp_ = ONWARD_TRY(allocate_complex(n, budget));
  f.filter_ = ONWARD_TRY(allocate_complex(padded, budget));
  Buffer work = ONWARD_TRY(allocate_complex(padded, budget));
  Complex *chirp = complex_of(f.chirp_), *filter = complex_of(f.filter_);
  std::fill(filter, filter + padded, Complex());
  int64_t square = 0;  // k^2 mod 2n
  for (int64_t k = 0; k < n; ++k) {
    chirp[k] = root(square, 2 * n);
    filter[k] = filter[(padded - k) % padded] = std::conj(chirp[k]) / static_cast<double>(padded);
    square = (square + 2 * k + 1) % (2 * n);
  }
  f.padded_->forward(filter, complex_of(work));
  return f;
}

void Fft::run(Complex* line, Complex* work, bool inverse) const {
  if (!inverse) return forward(line, work);
  for (int64_t i = 0; i < n_; ++i) line[i] = std::conj(line[i]);
  forward(line, work);
  const double scale = 1.0 / static_cast<double>(n_);
  for (int64_t i = 0; i < n_; ++i) line[i] = {line[i].real() * scale, -line[i].imag() * scale};
}

void Fft::forward(Complex* line, Complex* work) const {
  chirp_ ? bluestein(line, work) : stockham(line, work);
}

void Fft::stockham(Complex* line, Complex* work) const {
  const Complex* roots = complex_of(roots_);
  Complex *x = line, *y = work;
  int64_t rest = n_, stride = 1;
  for (int radix : factors_) {
    rest /= radix;
    if (radix == 4)
      pass4(x, y, roots, rest, stride);
    else if (radix == 2)
      pass2(x, y, roots, rest, stride);
    else
      pass_any(x, y, roots, n_, radix, rest, stride);
    stride *= radix;
    std::swap(x, y);
  }
  if (x != line) std::copy(x, x + n_, line);
}

void Fft::bluestein(Complex* line, Complex* work) const {
  const Complex *chirp = complex_of(chirp_), *filter = complex_of(filter_);
  const int64_t padded = padded_->n_;
  for (int64_t k = 0; k < n_; ++k) work[k] = times(line[k], chirp[k]);
  std::fill(work + n_, work + padded, Complex());
  padded_->forward(work, work + padded);
  // The inverse transform by way of conjugates; its 1/padded is in the filter.
  for (int64_t k = 0; k < padded; ++k) work[k] = std::conj(times(work[k], filter[k]));
  padded_->forward(work, work + padded);
  for (int64_t k = 0; k < n_; ++k) line[k] = times(std::conj(work[k]), chirp[k]);
}

}  // namespace ow
