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
#include "ops/op/conv_error.h"
#include "ops/op/conv_search.h"
#include "ops/op/convolution.h"
#include "ops/op/fused.h"
#include "ops/op/op.h"
#include "ops/op/stored_weights.h"

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

// Extent `axis` of a value of this rank; 0: not known before the run.
int64_t extent(const ir::Type& t, size_t rank, size_t axis) {
  if (!t.shape || t.shape->size() != rank) return 0;
  return std::max<int64_t>((*t.shape)[axis].constant().value_or(0), 0);
}

// The images of weights of this rank, as far as time depends on them, if all of it is known before the run.
std::optional<kernels::ConvShape> known_images(const Attrs& a, const PrepareContext& c, size_t rank,
                                               kernels::ConvShape s) {
  const ir::Type &x = c.fact(0)->type, &y = c.node().output(0)->type();
  s.batch = std::max<int64_t>(extent(x, rank, 0), 1);
  for (size_t i = 0, at = 5 - rank; i + 2 < rank; ++i, ++at) {
    s.in[at] = extent(x, rank, i + 2), s.out[at] = extent(y, rank, i + 2);
    if (s.in[at] == 0 || s.out[at] == 0) return std::nullopt;
    const int64_t reach = (s.out[at] - 1) * s.stride[at] + (s.kernel[at] - 1) * s.dilation[at] + 1;
    const bool given = a.window.auto_pad == AutoPad::kNotSet;
    s.pad[at] = given ? a.window.pad_begin(i) : std::max<int64_t>(0, (reach - s.in[at]) / 2);
  }
  return s;
}

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* w = packable_weights(c);
  if (!w) return std::any();
  kernels::ConvShape s = ONWARD_TRY(conv_weights_shape(a, w->shape(), c.node().label()));
  bool extents_known = false;
  if (w->rank() >= 4 && !c.strict()) {
    for (size_t axis = 1; axis < 3; ++axis)
      s.out[axis] = extent(c.node().output(0)->type(), w->rank(), axis + w->rank() - 3);
    s.method = kernels::quickest_method(s);
    if (const auto known = known_images(a, c, w->rank(), s)) {
      s.method = searched_method(*known, stored_floats(*w), c.threads()).value_or(s.method);
      extents_known = true;
    }
    s.method = ONWARD_TRY(accurate_method(s, stored_floats(*w)));
  }
  PackedWeights packed = ONWARD_TRY(pack_weights(c, kKernels, s, *w));
  packed.extents_known = extents_known;
  return std::any(std::move(packed));
}

template <bool kAddLast>
Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedWeights>();
  Shape out;
  const Shape& w = packed ? packed->shape : c.in(1).shape();
  kernels::ConvShape s = ONWARD_TRY(conv_shape(a, c, c.in(0).shape(), w, out));
  if (!packed && !c.strict()) s.method = kernels::quickest_method(s, true);
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
