// Normalizer (ai.onnx.ml): each row of [N, C] (or [C]) divided by its norm: MAX the largest |x|, L1 the sum
// of |x|, L2 the root of the sum of x^2. A row whose norm is zero stays as it is. Computed in double, given
// as float.
#include <cmath>

#include "ops/op/features.h"

namespace ow {
namespace {

enum class Norm { kMax, kL1, kL2 };
struct Attrs {
  Norm norm = Norm::kMax;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string norm = a.text("norm", "MAX");
  if (norm == "L1") return Attrs{Norm::kL1};
  if (norm == "L2") return Attrs{Norm::kL2};
  if (norm != "MAX") a.fail("norm", cat("is '", printable(norm), "', expected MAX, L1 or L2"));
  return Attrs{};
}

Status infer(const Attrs&, InferContext& c) {
  int64_t features = -1;
  ONWARD_TRY(infer_features(c, 0, &features));
  c.set(0, DType::kFloat32, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

double norm_of(Norm norm, std::span<const double> row) {
  double sum = 0;
  for (double v : row)
    sum = norm == Norm::kMax ? std::max(sum, std::abs(v)) : sum + (norm == Norm::kL1 ? std::abs(v) : v * v);
  return norm == Norm::kL2 ? std::sqrt(sum) : sum;
}

Status run(const Attrs& a, RunContext& c) {
  const FeatureRows x = ONWARD_TRY(read_features(c, 0));
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, c.in(0).shape()));
  float* out = y.mutable_data<float>();
  for (int64_t i = 0; i < x.rows; ++i) {
    const double norm = norm_of(a.norm, x.row(i));
    for (double v : x.row(i)) *out++ = static_cast<float>(norm == 0 ? v : v / norm);
  }
  return {};
}

}  // namespace

ONWARD_OPS(normalizer) {
  return {
      op<Attrs>({.name = "Normalizer", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
