// Binarizer (ai.onnx.ml): y = 1 where x > threshold, else 0.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  float threshold = 0;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.threshold = a.real("threshold", 0)}; }

Status infer(const Attrs&, InferContext& c) { return infer_same(c); }

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  for (int64_t i = 0; i < x.count(); ++i)
    y.mutable_data<T>()[i] =
        static_cast<double>(x.data<T>()[i]) > static_cast<double>(a.threshold) ? T(1) : T(0);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  switch (c.in(0).dtype()) {
    case DType::kFloat64:
      return run_typed<double>(a, c);
    case DType::kInt64:
      return run_typed<int64_t>(a, c);
    case DType::kInt32:
      return run_typed<int32_t>(a, c);
    default:
      return run_typed<float>(a, c);
  }
}

}  // namespace

ONWARD_OPS(binarizer) {
  return {op<Attrs>({.name = "Binarizer",
                     .domain = "ai.onnx.ml",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, int64_t, int32_t>})};
}

}  // namespace ow
