// The kernels of support vector machines, and the attributes that SVMClassifier and SVMRegressor share.
//   LINEAR u.v    POLY (gamma u.v + coef0)^degree    RBF exp(-gamma |u - v|^2)    SIGMOID tanh(gamma u.v +
//   coef0)
// kernel_params holds gamma, coef0, degree. All sums are in double.
#pragma once
#include <span>

#include "ops/op/features.h"

namespace ow {

enum class SvmKernelKind { kLinear, kPoly, kRbf, kSigmoid };

struct SvmKernel {
  SvmKernelKind kind = SvmKernelKind::kLinear;
  double gamma = 0, coef0 = 0, degree = 0;
  // Both of the row's length.
  double operator()(std::span<const double> row, const float* vector) const;
};

SvmKernel read_svm_kernel(const AttrReader& a);

}  // namespace ow
