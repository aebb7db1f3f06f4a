#include "ops/op/svm.h"

#include <cmath>

namespace ow {

double SvmKernel::operator()(std::span<const double> row, const float* vector) const {
  double sum = 0;
  for (double v : row) {
    const double w = *vector++;
    sum += kind == SvmKernelKind::kRbf ? (v - w) * (v - w) : v * w;
  }
  switch (kind) {
    case SvmKernelKind::kLinear:
      return sum;
    case SvmKernelKind::kPoly:
      return std::pow(gamma * sum + coef0, degree);
    case SvmKernelKind::kRbf:
      return std::exp(-gamma * sum);
    case SvmKernelKind::kSigmoid:
      return std::tanh(gamma * sum + coef0);
  }
  return 0;
}

SvmKernel read_svm_kernel(const AttrReader& a) {
  SvmKernel k;
  const std::string name = a.text("kernel_type", "LINEAR");
  if (name == "POLY")
    k.kind = SvmKernelKind::kPoly;
  else if (name == "RBF")
    k.kind = SvmKernelKind::kRbf;
  else if (name == "SIGMOID")
    k.kind = SvmKernelKind::kSigmoid;
  else if (name != "LINEAR")
    a.fail("kernel_type", cat("is '", printable(name), "', expected LINEAR, POLY, RBF or SIGMOID"));
  const ir::Floats params = a.reals("kernel_params");
  if (!params.empty() && params.size() != 3)
    a.fail("kernel_params", cat("has ", params.size(), " elements, expected 3: gamma, coef0, degree"));
  if (params.size() == 3) {
    k.gamma = params[0];
    k.coef0 = params[1];
    k.degree = params[2];
  }
  return k;
}

}  // namespace ow
