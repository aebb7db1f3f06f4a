// Conv: y[n, o, p] = b[o] + sum_i sum_k x[n, i, p * stride + k * dilation - pad] * w[o, i, k], in groups of
// channels, over one to three spatial axes.
//
// What the optimiser makes of a convolution and the nodes behind it:
//   onward.Conv          activation(y + residual), with `activation`, its `alpha` and `beta`; input 3, the
//   residual, may
//                        be absent
//   onward.ConvThenAdd   activation(y) + residual
//
// Works on channels-last images; constant float weights are packed once. Double goes through the plain loop.
#include "ops/op/conv_search.h"
#include "ops/op/convolution.h"
#include "ops/op/fused.h"

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs : ConvAttrs {
  FusedActivation activation;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{{read_conv(a)}, {}}; }
Result<Attrs> read_fused(const AttrReader& a) { return Attrs{{read_conv(a)}, read_activation(a)}; }

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_conv(a, c, c.dtype(0), 0, 1));
  const SymShape *w = c.shape(1), *b = c.shape(2);
  if (b && (b->size() != 1 || (w && (*b)[0].is_constant() && (*w)[0].is_constant() && !((*b)[0] == (*w)[0]))))
    return c.error("the bias is ", list_text(*b), ", expected one value per output channel");
  return {};
}

constexpr ConvKernels kKernels{kernels::conv_packed_bytes, kernels::conv_pack, kernels::conv_scratch_bytes,
                               kernels::conv, false};

// In place of packed weights where a run brings its own.
struct OwnWeights {
  bool strict;
};

// Extents of the images that are known before the run; 0: not. Whether all are.
bool known_extents(const Attrs& a, const PrepareContext& c, kernels::ConvShape& s) {
  const auto *x = c.fact(0), *w = c.fact(1);
  const ir::Type& y = c.node().output(0)->type();
  const size_t rank = w && w->type.shape ? w->type.shape->size() : 0;
  if (rank < 3 || !y.shape || y.shape->size() != rank) return false;
  const bool same_rank = x && x->type.shape && x->type.shape->size() == rank;
  bool known = same_rank;
  for (size_t i = 0, at = 5 - rank; i + 2 < rank; ++i, ++at) {
    s.out[at] = (*y.shape)[i + 2].constant().value_or(0);
    s.in[at] = same_rank ? (*x->type.shape)[i + 2].constant().value_or(0) : 0;
    const int64_t reach = (s.out[at] - 1) * s.stride[at] + (s.kernel[at] - 1) * s.dilation[at] + 1;
    const bool given = a.window.auto_pad == AutoPad::kNotSet;
    s.pad[at] = given ? a.window.pad_begin(i) : std::max<int64_t>(0, (reach - s.in[at]) / 2);
    known = known && s.out[at] > 0 && s.in[at] > 0;
  }
  if (same_rank) s.batch = std::max<int64_t>((*x->type.shape)[0].constant().value_or(1), 1);
  return known;
}

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* w = packable_weights(c);
  if (!w) return std::any(OwnWeights{c.strict()});
  kernels::ConvShape s = ONWARD_TRY(conv_weights_shape(a, w->shape(), c.node().label()));
  if (!c.strict()) {
    const bool known = known_extents(a, c, s);
    if (w->rank() >= 4) s.method = kernels::quickest_method(s);
    if (known) s.method = searched_method(s, w->data<float>(), c.threads()).value_or(s.method);
  }
  return std::any(ONWARD_TRY(pack_weights(c, kKernels, s, *w)));
}

template <bool kAddLast>
Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedWeights>();
  Shape out;
  const Shape& w = packed ? packed->shape : c.in(1).shape();
  kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), w, out));
  const auto* own = c.prepared<OwnWeights>();
  if (own && !own->strict) s.method = kernels::quickest_method(s, true);
  kernels::Epilogue e = {.residual_after_activation = kAddLast,
                         .activation = a.activation.kind,
                         .alpha = a.activation.alpha,
                         .beta = a.activation.beta};
  if (c.has(3)) {
    if (!(c.in(3).shape() == out))
      return c.error("the residual has shape ", c.in(3).shape(), ", expected ", out);
    const auto residual = ONWARD_TRY(image_input<float>(c, c.in(3)));
    e.residual = residual.data;
    e.residual_ld = residual.ld;
  }
  return run_conv(c, kKernels, s, out, e);
}

}  // namespace

ONWARD_OPS(conv) {
  OpSpec<Attrs> spec{.name = "Conv",
                     .read = read,
                     .infer = infer,
                     .prepare = prepare,
                     .run = run<false>,
                     .native = types<float, double>,
                     .layout = LayoutRule::kChannelsLast};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.native = types<float>;
  fused.images = 1u << 3;
  OpSpec<Attrs> add_last = fused;
  add_last.name = "ConvThenAdd";
  add_last.run = run<true>;
  fused.in_place = {{3, 0}};
  return {op<Attrs>(spec), op<Attrs>(fused), op<Attrs>(add_last)};
}

}  // namespace ow
