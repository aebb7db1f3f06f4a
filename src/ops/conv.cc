// Conv: y[n, o, p] = b[o] + sum_i sum_k x[n, i, p * stride + k * dilation - pad] * w[o, i, k], in groups of
// channels, over one to three spatial axes.
//
// onward.Conv is the same with `activation` (and its `alpha`, `beta`) applied to y: what the optimiser makes
// of a convolution and the activation behind it.
//
// Works on channels-last images; constant float weights are packed once. Double goes through the plain loop.
#include "ops/op/convolution.h"

#include "kernels/conv_reference.h"
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

struct PackedWeights {
  Buffer memory;
  Shape shape;
};

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* w = c.constant(1);
  if (!w || w->dtype() != DType::kFloat32 || w->count() <= 0 || !w->is_dense()) return std::any();
  const kernels::ConvShape s = ONWARD_TRY(conv_weights_shape(a, w->shape(), c.node().label()));
  PackedWeights packed{nullptr, w->shape()};
  packed.memory = ONWARD_TRY(allocate_buffer(static_cast<int64_t>(kernels::conv_packed_bytes(s))));
  kernels::conv_pack(s, w->data<float>(), packed.memory.get(), c.threads());
  c.drop(1);
  return std::any(std::move(packed));
}

Status run_float(const Attrs& a, RunContext& c, kernels::ConvShape s, const Shape& shape,
                 const PackedWeights* prepared) {
  const auto x = ONWARD_TRY(image_input<float>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, shape));
  if (y.tensor.count() == 0) return {};
  s.in_ld = x.ld;
  s.out_ld = y.ld;
  const std::byte* packed = prepared ? prepared->memory.get() : nullptr;
  if (!packed) {
    auto memory = ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::conv_packed_bytes(s))));
    kernels::conv_pack(s, c.in(1).data<float>(), memory.data(), c.threads());
    packed = memory.data();
  }
  const size_t bytes = kernels::conv_scratch_bytes(s, c.threads());
  std::byte* scratch = bytes ? ONWARD_TRY(c.scratch(static_cast<int64_t>(bytes))).data() : nullptr;
  kernels::Epilogue epilogue{.activation = a.activation, .alpha = a.alpha, .beta = a.beta};
  if (c.has(2)) epilogue.bias = c.in(2).data<float>();
  kernels::conv(s, packed, x.data, y.data<float>(), epilogue, scratch, c.threads());
  y.finish(c);
  return {};
}

Status run_double(RunContext& c, kernels::ConvShape s, const Shape& shape) {
  const auto x = ONWARD_TRY(image_input<double>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat64, shape));
  if (y.tensor.count() == 0) return {};
  s.in_ld = x.ld;
  s.out_ld = y.ld;
  kernels::ReferenceConv<double, double, double>{.shape = s,
                                                 .in = x.data,
                                                 .w = c.in(1).data<double>(),
                                                 .bias = c.has(2) ? c.in(2).data<double>() : nullptr,
                                                 .out = y.data<double>()}
      .run(c.threads());
  y.finish(c);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedWeights>();
  Shape out;
  const Shape& w = packed ? packed->shape : c.in(1).shape();
  const kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), w, out));
  if (c.has(2) && !(c.in(2).shape() == Shape{s.out_channels}))
    return c.error("the bias has shape ", c.in(2).shape(), ", expected [", s.out_channels, "]");
  return c.in(0).dtype() == DType::kFloat64 ? run_double(c, s, out) : run_float(a, c, s, out, packed);
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
