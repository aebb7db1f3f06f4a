// The inverse discrete Fourier transform of one line in float: the numbers of numpy.fft.ifft on complex64, to
// the bit. (numpy's forward transform of complex64 is that in double, rounded.)
//
// ONNX's own tests expect those, rounding errors included. The order of operations is what decides them:
// decimation in frequency by one pass a factor, factors 8 first, then 4, then 2 (which trades places with the
// first one), then 3, 5, 7, 11; roots of unity computed in double and rounded; a division by n at the end, as
// a product. Lengths with a larger prime factor are not covered: ops/op/fft.h has them, in double.
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

#include "base/budget.h"
#include "tensor/tensor.h"

namespace ow {

class InverseFftSingle {
 public:
  using Complex = std::complex<float>;

  static bool covers(int64_t n);
  // Tables for a length n that is covered. Errors: LimitExceeded, OutOfMemory.
  static Result<InverseFftSingle> create(int64_t n, const std::shared_ptr<Budget>& budget = nullptr);

  int64_t length() const { return n_; }
  // Complex numbers of scratch memory that `run` needs.
  int64_t work_length() const { return n_; }
  // Transforms line[0..n) in place. Thread-safe: only `line` and `work` are written.
  void run(Complex* line, Complex* work) const;

 private:
  int64_t n_ = 1;
  std::vector<int> factors_;
  // Pass by pass: exp(2 pi i j / radix), j in [0, radix); then for k in [1, rest) exp(2 pi i j k before / n),
  // j in [1, radix).
  Buffer roots_;
};

}  // namespace ow
