// Conv: y[n, o, p] = b[o] + sum_i sum_k x[n, i, p * stride + k * dilation - pad] * w[o, i, k], in groups of
// channels, over one to three spatial axes.
//
// onward.Conv is the same with `activation` (and its `alpha`, `beta`) applied to y: what the optimiser makes
// of a convolution and the activation behind it.
//
// Works on channels-last images; constant float weights are packed once. Double goes through the plain loop.
#include "ops/op/convolution.h"

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs : ConvAttrs {
  kernels::Activation activation = kernels::Activation::kNone;
  float alpha = 0, beta = 0;
};

kernels::Activation read_activation(const AttrReader& a) {
  using A = kernels::Activation;
  static constexpr std::pair<std::string_view, A> kNames[] = {{"", A::kNone},
                                                              {"relu", A::kRelu},
                                                              {"leaky_relu", A::kLeakyRelu},
                                                              {"clip", A::kClip},
                                                              {"sigmoid", A::kSigmoid},
                                                              {"silu", A::kSilu},
                                                              {"tanh", A::kTanh},
                                                              {"hard_swish", A::kHardSwish},
                                                              {"hard_sigmoid", A::kHardSigmoid}};
  const std::string name = a.text("activation", "");
  for (auto [known, activation] : kNames)
    if (name == known) return activation;
  a.fail("activation", cat("is '", printable(name), "', which is no activation"));
  return A::kNone;
}

Result<Attrs> read(const AttrReader& a) { return Attrs{{read_conv(a)}}; }
Result<Attrs> read_fused(const AttrReader& a) {
  return Attrs{{read_conv(a)}, read_activation(a), a.real("alpha", 0), a.real("beta", 0)};
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_conv(a, c, c.dtype(0), 0, 1));
  const SymShape *w = c.shape(1), *b = c.shape(2);
  if (b && (b->size() != 1 || (w && (*b)[0].is_constant() && (*w)[0].is_constant() && !((*b)[0] == (*w)[0]))))
    return c.error("the bias is ", list_text(*b), ", expected one value per output channel");
  return {};
}

constexpr ConvKernels kKernels{kernels::conv_packed_bytes, kernels::conv_pack, kernels::conv_scratch_bytes,
                               kernels::conv, false};

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* w = packable_weights(c);
  if (!w) return std::any();
  kernels::ConvShape s = ONWARD_TRY(conv_weights_shape(a, w->shape(), c.node().label()));
  if (w->rank() >= 4) {
    const ir::Type& y = c.node().output(0)->type();
    for (size_t axis = 1; axis < 3; ++axis)
      s.out[axis] = y.shape ? (*y.shape)[axis + w->rank() - 3].constant().value_or(0) : 0;
    s.method = kernels::quickest_method(s);
  }
  return pack_weights(c, kKernels, s, *w);
}

Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedWeights>();
  Shape out;
  const Shape& w = packed ? packed->shape : c.in(1).shape();
  const kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), w, out));
  return run_conv(c, kKernels, s, out, {.activation = a.activation, .alpha = a.alpha, .beta = a.beta});
}

}  // namespace

ONWARD_OPS(conv) {
  OpSpec<Attrs> spec{.name = "Conv",
                     .read = read,
                     .infer = infer,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float, double>,
                     .layout = LayoutRule::kChannelsLast};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.native = types<float>;
  return {op<Attrs>(spec), op<Attrs>(fused)};
}

}  // namespace ow
