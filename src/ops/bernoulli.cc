// Bernoulli: 1 with the probability that the input states, else 0: element i compares number i of the stream
// (ops/op/random.h) with p. A probability outside [0, 1] is an error.
//
// The output's type is free of the input's, so `run` widens the input itself.
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
  const RandomStream stream(a.seed);
  c.parallel_for(p.count(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = stream.uniform(static_cast<uint64_t>(i)) < probability[i];
  });
  return convert_into(drawn, y);
}

}  // namespace

ONWARD_OPS(bernoulli) {
  return {op<Attrs>({.name = "Bernoulli", .read = read, .infer = infer, .run = run, .deterministic = false})};
}

}  // namespace ow
