// The discrete Fourier transform of one line of any length n, in double:
//   X[k] = sum_j x[j] exp(-2 pi i j k / n)    (inverse: +2 pi i, divided by n)
//
// Lengths whose prime factors are small go through Stockham's autosort algorithm, radix 4, 2, and whatever is
// left, one pass a factor. A length with a larger prime factor goes through Bluestein's: the transform is a
// convolution with a chirp, done by transforms of a power of two. Both need O(n log n) operations.
#pragma once
#include <complex>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/budget.h"
#include "tensor/tensor.h"

namespace ow {

class Fft {
 public:
  using Complex = std::complex<double>;

  // exp(-2 pi i k / n), 0 <= k < n, to the last bit or so.
  static Complex root(int64_t k, int64_t n);

  // Tables for length n >= 1. Errors: LimitExceeded, OutOfMemory.
  static Result<Fft> create(int64_t n, const std::shared_ptr<Budget>& budget = nullptr);

  int64_t length() const { return n_; }
  // Complex numbers of scratch memory that `run` needs.
  int64_t work_length() const { return chirp_ ? 2 * padded_->n_ : n_; }
  // Transforms line[0..n) in place. Thread-safe: only `line` and `work` are written.
  void run(Complex* line, Complex* work, bool inverse) const;

 private:
  void forward(Complex* line, Complex* work) const;
  void stockham(Complex* line, Complex* work) const;
  void bluestein(Complex* line, Complex* work) const;

  int64_t n_ = 1;
  std::vector<int> factors_;
  Buffer roots_;                       // n complex: exp(-2 pi i k / n)
  std::shared_ptr<const Fft> padded_;  // Bluestein: the transform of a power of two >= 2n - 1
  Buffer chirp_, filter_;  // n: exp(-pi i k^2 / n); padded: transform of its conjugate, over the length
};

}  // namespace ow
