// ConvTranspose: y[n, o, i * stride + k * dilation - pad] += x[n, c, i] * w[c, o, k], then the bias.
//
//   out = stride * (in - 1) + output_padding + (kernel - 1) * dilation + 1 - begin - end
//
// output_shape (or auto_pad SAME_*: in * stride) states the extent instead, and the pads follow: their odd
// element is behind for SAME_UPPER and before otherwise.
#include "kernels/conv_transpose.h"

#include "ops/op/convolution.h"
#include "ops/op/fused.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ConvAttrs conv;
  std::vector<int64_t> output_padding, output_shape;
  FusedActivation activation = {};
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{read_conv(a), a.integers("output_padding"), a.integers("output_shape")};
  for (int64_t v : attrs.output_padding)
    if (v < 0 || v > (int64_t{1} << 31)) a.fail("output_padding", "has a value outside [0, 2^31]");
  for (int64_t v : attrs.output_shape)
    if (v < 0 || v > (int64_t{1} << 40)) a.fail("output_shape", "has a value outside [0, 2^40]");
  return attrs;
}

Result<Attrs> read_fused(const AttrReader& a) {
  auto attrs = read(a);
  if (attrs.ok()) attrs->activation = read_activation(a);
  return attrs;
}

std::string problem(const Attrs& a, size_t spatial) {
  if (!a.output_padding.empty() && a.output_padding.size() != spatial)
    return cat("attribute 'output_padding' has ", a.output_padding.size(), " values, expected ", spatial);
  // Some exporters write the whole shape, batch and channels included.
  if (!a.output_shape.empty() && a.output_shape.size() != spatial && a.output_shape.size() != spatial + 2)
    return cat("attribute 'output_shape' has ", a.output_shape.size(), " values, expected ", spatial);
  return window_problem(a.conv.window, spatial);
}

// Extent before pads are taken off.
Dim full_extent(const Attrs& a, size_t axis, const Dim& in, int64_t kernel) {
  const Window& w = a.conv.window;
  const int64_t padding = a.output_padding.empty() ? 0 : a.output_padding[axis];
  return (in - 1) * w.stride(axis) + (padding + (kernel - 1) * w.dilation(axis) + 1);
}

bool is_same(const Attrs& a) {
  return a.conv.window.auto_pad == AutoPad::kSameUpper || a.conv.window.auto_pad == AutoPad::kSameLower;
}

Dim extent(const Attrs& a, size_t axis, size_t spatial, const Dim& in, int64_t kernel) {
  if (!a.output_shape.empty()) return a.output_shape[a.output_shape.size() - spatial + axis];
  const Window& w = a.conv.window;
  if (is_same(a)) return in * w.stride(axis);
  return full_extent(a, axis, in, kernel) - (w.pad_begin(axis) + w.pad_end(axis));
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *w = c.shape(1);
  if (!x || !w) {
    if (x) c.set_unknown_dims(0, c.dtype(0), x->size());
    if (!x) c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 3 || x->size() != w->size())
    return c.error("inputs are ", list_text(*x), " and ", list_text(*w), ", expected equal ranks from 3 on");
  if (x->size() > 5) return unsupported(c.node().label(), ": more than 3 spatial axes");
  const size_t spatial = x->size() - 2;
  if (const std::string p = problem(a, spatial); !p.empty()) return c.error(p);
  if ((*x)[1].is_constant() && (*w)[0].is_constant() && !((*x)[1] == (*w)[0]))
    return c.error("input 0 has ", (*x)[1], " channels, the weights ", list_text(*w), " take ", (*w)[0]);
  SymShape out = {(*x)[0], (*w)[1] * a.conv.group};
  for (size_t i = 0; i < spatial; ++i) {
    auto kernel = (*w)[i + 2].constant();
    if (kernel && !a.conv.window.kernel.empty() && a.conv.window.kernel[i] != *kernel)
      return c.error("attribute 'kernel_shape' is ", list_text(a.conv.window.kernel), " but the weights are ",
                     list_text(*w));
    out.push_back(kernel ? extent(a, i, spatial, (*x)[i + 2], *kernel) : Dim::unknown());
    if (out.back().is_constant() && *out.back().constant() < 0)
      return c.error("the pads are larger than the output along axis ", i + 2);
  }
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

Result<kernels::ConvShape> weights_shape(const Attrs& a, const Shape& w, std::string_view where) {
  if (w.rank() < 3 || w.rank() > 5)
    return unsupported(where, ": the weights have shape ", w, ", expected rank 3 to 5");
  if (const std::string p = problem(a, w.rank() - 2); !p.empty()) return invalid_model(where, ": ", p);
  auto channels = checked_mul(w[1], a.conv.group);
  if (w[0] % a.conv.group != 0 || !channels)
    return invalid_model(where, ": the weights ", w, " do not divide into ", a.conv.group, " groups");
  kernels::ConvShape s;
  s.in_channels = w[0];
  s.out_channels = *channels;
  s.groups = a.conv.group;
  for (size_t i = 0, at = 5 - w.rank(); i + 2 < w.rank(); ++i, ++at) {
    s.kernel[at] = w[i + 2];
    s.stride[at] = a.conv.window.stride(i);
    s.dilation[at] = a.conv.window.dilation(i);
  }
  // Each position between two inputs has weights of its own, packed before anything else is known.
  constexpr int64_t kMaxPhases = 65536;
  const auto phases = checked_product(s.stride);
  if (!phases || *phases > kMaxPhases)
    return unsupported(where, ": attribute 'strides' is ", list_text(a.conv.window.strides),
                       ", whose product is over ", kMaxPhases);
  return s;
}

constexpr ConvKernels kKernels{kernels::conv_transpose_packed_bytes, kernels::conv_transpose_pack,
                               kernels::conv_transpose_scratch_bytes, kernels::conv_transpose, true};

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* w = packable_weights(c);
  if (!w) return std::any();
  const kernels::ConvShape s = ONWARD_TRY(weights_shape(a, w->shape(), c.node().label()));
  return std::any(ONWARD_TRY(pack_weights(c, kKernels, s, *w)));
}

Status set_image(const Attrs& a, RunContext& c, const Shape& w, kernels::ConvShape& s, Shape& out) {
  const Shape& x = c.in(0).shape();
  if (x.rank() != w.rank() || x[1] != w[0])
    return c.error("input 0 of shape ", x, " does not fit the weights ", w);
  const size_t spatial = x.rank() - 2;
  s.batch = x[0];
  out = Shape{x[0], s.out_channels};
  for (size_t i = 0, at = 5 - x.rank(); i < spatial; ++i, ++at) {
    if (w[i + 2] < 1) return c.error("the weights have shape ", w, ", expected a kernel of 1 or more");
    s.in[at] = x[i + 2];
    s.out[at] = extent(a, i, spatial, x[i + 2], w[i + 2]).constant().value_or(-1);
    if (s.out[at] < 0) return c.error("the pads are larger than the output along spatial axis ", i);
    s.pad[at] = a.conv.window.pad_begin(i);
    if (!a.output_shape.empty() || is_same(a)) {
      const int64_t full = full_extent(a, i, x[i + 2], w[i + 2]).constant().value_or(0);
      const int64_t total = std::max<int64_t>(0, full - s.out[at]);
      s.pad[at] = a.conv.window.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    }
    out.push_back(s.out[at]);
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedWeights>();
  const Shape& w = packed ? packed->shape : c.in(1).shape();
  kernels::ConvShape s = ONWARD_TRY(weights_shape(a, w, c.node().label()));
  Shape out;
  ONWARD_TRY(set_image(a, c, w, s, out));
  return run_conv(c, kKernels, s, out,
                  {.activation = a.activation.kind, .alpha = a.activation.alpha, .beta = a.activation.beta});
}

}  // namespace

ONWARD_OPS(conv_transpose) {
  OpSpec<Attrs> spec{.name = "ConvTranspose",
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
  return {op<Attrs>(std::move(spec)), op<Attrs>(std::move(fused))};
}

}  // namespace ow
