// Dropout. In training mode: output = data * mask / (1 - ratio), where element i of the mask is whether
// number i of the generator (ops/op/mersenne_twister.h) is not below `ratio`. Otherwise, and where `ratio` is
// 0, it is the input and the mask all true.
//
// With a seed every run drops the same elements, those that ONNX's own tests expect. The quotient is computed
// in double and rounded once; what is dropped is data * 0, so a NaN stays. Opsets 1 and 6 train unless
// `is_test` is set; opsets 7 and 10 never do; opsets 1 to 7 have a mask of the data's type.
#include "base/stop.h"
#include "ops/op/mersenne_twister.h"
#include "ops/op/op.h"
#include "ops/op/random.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<int64_t> seed;
};

Result<Attrs> read(const AttrReader& a) {
  if (!a.has("seed")) return Attrs{};
  return Attrs{a.integer("seed", 0)};
}

bool trains(const Tensor* training_mode) {
  return training_mode && training_mode->count() == 1 && training_mode->dtype() == DType::kBool &&
         training_mode->data<bool>()[0];
}

// In [0, 1); 0.5 without the input.
Result<double> read_ratio(const ir::Node& node, const Tensor* ratio) {
  if (!ratio) return 0.5;
  if (ratio->count() != 1)
    return invalid_argument(node.label(), ": ratio is of shape ", ratio->shape(), ", expected one number");
  const Tensor value = ONWARD_TRY(convert(*ratio, DType::kFloat64));
  const double r = value.data<double>()[0];
  if (!(r >= 0 && r < 1))
    return invalid_argument(node.label(), ": ratio is ", r, ", expected a number in [0, 1): at 1 nothing ",
                            "would be left to scale");
  return r;
}

Status infer(const Attrs&, InferContext& c) {
  if (trains(c.constant(2)) && (c.constant(1) || !c.has(1))) ONWARD_TRY(read_ratio(c.node(), c.constant(1)));
  ONWARD_TRY(infer_same(c));
  if (c.wants(1)) c.set(1, DType::kBool, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 12) return {};
  AttrReader a(c.node());
  const bool training = c.since_version() <= 6 && !a.flag("is_test", false);
  const float ratio = a.real("ratio", 0.5f);
  if (!a.error().ok()) return a.error().clone();
  std::vector<ir::Value*> inputs = {c.in(0)};
  if (training) {
    inputs.push_back(c.constant(Tensor::scalar(ratio)));
    inputs.push_back(c.constant(Tensor::scalar(true)));
  }
  ir::Value* mask = c.node().output(1);
  if (!mask || !mask->is_used()) return c.replace({ONWARD_TRY(c.add("Dropout", inputs))});
  auto made = ONWARD_TRY(c.add_multi("Dropout", inputs, 2));
  if (c.since_version() <= 7) made[1] = ONWARD_TRY(c.add("CastLike", {made[1], c.in(0)}));
  return c.replace(made);
}

// The numbers are drawn one after the other, so this is no work for several threads.
template <class T>
void drop(const Tensor& x, double ratio, MersenneTwister& numbers, T* y, bool* mask) {
  const double scale = 1 / (1 - ratio);
  for (int64_t i = 0; i < x.count(); ++i) {
    if (i % 65536 == 0 && stop_requested()) return;
    const bool stays = numbers.uniform() >= ratio;
    y[i] = static_cast<T>(static_cast<double>(x.data<T>()[i]) * (stays ? scale : 0));
    if (mask) mask[i] = stays;
  }
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const double ratio = trains(c.has(2) ? &c.in(2) : nullptr)
                           ? ONWARD_TRY(read_ratio(c.node(), c.has(1) ? &c.in(1) : nullptr))
                           : 0;
  bool* mask = nullptr;
  if (c.wants(1)) {
    Tensor made = ONWARD_TRY(c.out(1, DType::kBool, x.shape()));
    mask = made.mutable_data<bool>();
    if (ratio == 0) std::fill_n(mask, made.count(), true);
  }
  if (ratio == 0) {
    c.set(0, c.value(0));
    return {};
  }
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  MersenneTwister numbers(seed_from_integer(a.seed));
  if (x.dtype() == DType::kFloat64) {
    drop(x, ratio, numbers, y.mutable_data<double>(), mask);
  } else if (x.dtype() == DType::kFloat32) {
    drop(x, ratio, numbers, y.mutable_data<float>(), mask);
  } else {
    Tensor wide = ONWARD_TRY(convert(x, DType::kFloat32, true, Round::kUp, c.budget()));
    drop(wide, ratio, numbers, wide.mutable_data<float>(), mask);
    return convert_into(wide, y);
  }
  return {};
}

}  // namespace

ONWARD_OPS(dropout) {
  return {op<Attrs>({.name = "Dropout",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .in_place = {{0, 0}},
                     .deterministic = false})};
}

}  // namespace ow
