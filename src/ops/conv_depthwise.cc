// onward.ConvDepthwise: what the optimiser makes of a convolution and the depthwise one that alone reads it.
//
//   y = depthwise_activation(Conv(activation(Conv(x, w, b)), w_depthwise, b_depthwise))
//
// Inputs: x, w, b (may be absent), w_depthwise, b_depthwise (may be absent). The attributes of the second
// convolution and of its activation have the prefix `depthwise_`. The image between the two is never whole in
// memory (kernels/conv_depthwise.h).
#include "kernels/conv_depthwise.h"

#include "ops/op/convolution.h"
#include "ops/op/fused.h"
#include "ops/op/op.h"

namespace ow {
namespace {

constexpr std::string_view kPrefix = "depthwise_";
constexpr size_t kWeights[2] = {1, 3}, kBiases[2] = {2, 4};

struct Attrs {
  ConvAttrs conv[2];
  FusedActivation activation[2];
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{{read_conv(a), read_conv(a, kPrefix)}, {read_activation(a), read_activation(a, kPrefix)}};
}

Status infer(const Attrs& a, InferContext& c) {
  const auto between =
      ONWARD_TRY(infer_conv_shape(a.conv[0], c, c.shape(0), c.shape(kWeights[0]), "input 0"));
  c.set(0, c.dtype(0),
        ONWARD_TRY(infer_conv_shape(a.conv[1], c, between ? &*between : nullptr, c.shape(kWeights[1]),
                                    "the first convolution's result")));
  return {};
}

constexpr ConvKernels kKernels{kernels::conv_packed_bytes, kernels::conv_pack, kernels::conv_scratch_bytes,
                               kernels::conv, false};

struct Packed {
  PackedWeights weights[2];
};

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  Packed packed;
  const Tensor* w[2];
  for (int i = 0; i < 2; ++i)
    if (w[i] = packable_weights(c, kWeights[i]); !w[i]) return std::any();
  for (int i = 0; i < 2; ++i) {
    const auto s = ONWARD_TRY(conv_weights_shape(a.conv[i], w[i]->shape(), c.node().label()));
    packed.weights[i] = ONWARD_TRY(pack_weights(c, kKernels, s, *w[i], kWeights[i]));
  }
  return std::any(std::move(packed));
}

// The weights as they were packed before the run, or packed now.
Result<const std::byte*> weights_of(RunContext& c, const kernels::ConvShape& s, int i) {
  if (const auto* packed = c.prepared<Packed>()) return packed->weights[i].memory.get();
  const auto memory = ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::conv_packed_bytes(s))));
  kernels::conv_pack(s, c.in(kWeights[i]).data<float>(), memory.data(), c.threads());
  return memory.data();
}

Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<Packed>();
  kernels::ConvShape shapes[2];
  kernels::Epilogue epilogues[2];
  const Shape* weights[2];
  Shape image = c.in(0).shape(), out;
  for (int i = 0; i < 2; ++i, image = out) {
    weights[i] = packed ? &packed->weights[i].shape : &c.in(kWeights[i]).shape();
    shapes[i] = ONWARD_TRY(conv_shape(a.conv[i], c, image, *weights[i], out));
    if (c.strict()) shapes[i].method = kernels::ConvMethod::kInDouble;
    ONWARD_TRY(check_bias(c, kBiases[i], shapes[i].out_channels));
    epilogues[i] = {.bias = c.has(kBiases[i]) ? c.in(kBiases[i]).data<float>() : nullptr,
                    .activation = a.activation[i].kind,
                    .alpha = a.activation[i].alpha,
                    .beta = a.activation[i].beta};
  }
  const auto x = ONWARD_TRY(image_input<float>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, out));
  if (y.tensor.count() == 0) return {};
  kernels::ConvDepthwise pair{shapes[0], shapes[1]};
  pair.first.in_ld = x.ld, pair.depthwise.out_ld = y.ld;
  if (!kernels::conv_depthwise_applies(pair))
    return c.error("weights ", *weights[0], " and ", *weights[1],
                   " with these attributes, expected one group and then one per channel, "
                   "a flat square kernel of 3, 5 or 7 with stride 1 or 2");
  const std::byte *first = ONWARD_TRY(weights_of(c, pair.first, 0)),
                  *second = ONWARD_TRY(weights_of(c, pair.depthwise, 1));
  const auto cut = kernels::cut_conv_depthwise(pair, first, c.threads());
  const auto scratch =
      ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::conv_depthwise_scratch_bytes(pair, cut))));
  kernels::conv_depthwise(pair, cut, first, second, x.data, y.data<float>(), epilogues[0], epilogues[1],
                          scratch.data());
  y.finish(c);
  return {};
}

}  // namespace

ONWARD_OPS(conv_depthwise) {
  return {op<Attrs>({.name = "ConvDepthwise",
                     .domain = "onward",
                     .read = read,
                     .infer = infer,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float>,
                     .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
