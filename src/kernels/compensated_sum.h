// A sum of doubles that keeps what rounding takes from it, by Knuth's exact sum of two numbers: as good as
// summed without rounding and rounded once, unless terms cancel to less than 2^-50 of the largest partial
// sum.
#pragma once
#include <cmath>
#include <type_traits>

namespace ow::kernels {

class CompensatedSum {
 public:
  CompensatedSum(double start = 0) : sum_(start) {}
  CompensatedSum& operator+=(double x) {
    const double sum = sum_ + x, added = sum - sum_;
    lost_ += (sum_ - (sum - added)) + (x - added);
    sum_ = sum;
    return *this;
  }
  CompensatedSum& operator+=(const CompensatedSum& other) {
    *this += other.sum_;
    lost_ += other.lost_;
    return *this;
  }
  CompensatedSum& operator*=(double factor) {
    sum_ *= factor, lost_ *= factor;
    return *this;
  }
  // What infinities and NaN leave of the sum is right without what was lost.
  explicit operator double() const { return std::isfinite(sum_) ? sum_ + lost_ : sum_; }

 private:
  double sum_, lost_ = 0;
};

// What numbers of a type are summed in: those of 64 bits compensated, shorter floating-point ones in double,
// any others (SumOf) as they are.
template <class T>
using FloatSum = std::conditional_t<std::is_same_v<T, double>, CompensatedSum, double>;
template <class T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, FloatSum<T>, T>;

}  // namespace ow::kernels
