#include "ops/op/convolution.h"

#include "kernels/conv_reference.h"
#include "ops/op/stored_weights.h"
#include "tensor/build_types.h"

namespace ow {

ConvAttrs read_conv(const AttrReader& a, std::string_view prefix) {
  const std::string group = cat(prefix, "group");
  ConvAttrs attrs{read_window(a, prefix), a.integer(group, 1)};
  if (attrs.group < 1) a.fail(group, cat("is ", attrs.group, ", expected 1 or more"));
  return attrs;
}

namespace {

Status check_channels(const ConvAttrs& a, InferContext& c, const Dim& channels, const SymShape& w,
                      std::string_view image) {
  if (w[0].is_constant() && *w[0].constant() % a.group != 0)
    return c.error("the weights ", list_text(w), " have ", w[0], " output channels, not divisible by group ",
                   a.group);
  if (channels.is_constant() && w[1].is_constant() && !(w[1] * a.group == channels))
    return c.error(image, " has ", channels, " channels, the weights ", list_text(w), " take ",
                   w[1] * a.group, " (group ", a.group, ")");
  return {};
}

}  // namespace

Result<std::optional<SymShape>> infer_conv_shape(const ConvAttrs& a, InferContext& c, const SymShape* x,
                                                 const SymShape* w, std::string_view x_name) {
  const size_t rank = x ? x->size() : w ? w->size() : a.window.kernel.size() + 2;
  if (!x && !w && a.window.kernel.empty()) return std::optional<SymShape>();
  if (rank < 3) return c.error(x_name, " is of rank ", rank, ", expected 3 or more");
  if (rank > 5)
    return unsupported(c.node().label(), ": ", rank - 2, " spatial axes, convolution has at most 3");
  if (const std::string p = window_problem(a.window, rank - 2); !p.empty()) return c.error(p);
  if (x && w && x->size() != w->size())
    return c.error(x_name, " is ", list_text(*x), " but the weights are ", list_text(*w),
                   ", expected equal rank");
  if (x && w) ONWARD_TRY(check_channels(a, c, (*x)[1], *w, x_name));
  SymShape out = {x ? (*x)[0] : Dim::unknown(), w ? (*w)[0] : Dim::unknown()};
  for (size_t i = 0; i + 2 < rank; ++i) {
    std::optional<int64_t> kernel;
    if (w) kernel = (*w)[i + 2].constant();
    if (kernel && !a.window.kernel.empty() && a.window.kernel[i] != *kernel)
      return c.error("attribute 'kernel_shape' is ", list_text(a.window.kernel), " but the weights are ",
                     list_text(*w));
    if (!kernel && !a.window.kernel.empty()) kernel = a.window.kernel[i];
    out.push_back(x && kernel ? window_extent(a.window, i, (*x)[i + 2], *kernel) : Dim::unknown());
    if (out.back().is_constant() && *out.back().constant() < 0)
      return c.error("a kernel of ", *kernel, " is larger than axis ", i + 2, " of ", x_name,
                     " with its pads: ", list_text(*x));
  }
  return std::optional(std::move(out));
}

Status infer_conv(const ConvAttrs& a, InferContext& c, DType dtype, size_t xi, size_t wi) {
  c.set(0, dtype, ONWARD_TRY(infer_conv_shape(a, c, c.shape(xi), c.shape(wi), cat("input ", xi))));
  return {};
}

Result<kernels::ConvShape> conv_weights_shape(const ConvAttrs& a, const Shape& w, std::string_view where) {
  if (w.rank() < 3) return invalid_model(where, ": the weights have shape ", w, ", expected rank 3 or more");
  if (w.rank() > 5) return unsupported(where, ": ", w.rank() - 2, " spatial axes, expected at most 3");
  if (const std::string p = window_problem(a.window, w.rank() - 2); !p.empty())
    return invalid_model(where, ": ", p);
  auto channels = checked_mul(w[1], a.group);
  if (w[0] % a.group != 0 || !channels)
    return invalid_model(where, ": the weights ", w, " do not divide into ", a.group, " groups");
  kernels::ConvShape s;
  s.out_channels = w[0];
  s.in_channels = *channels;
  s.groups = a.group;
  for (size_t i = 0, at = 5 - w.rank(); i + 2 < w.rank(); ++i, ++at) {
    s.kernel[at] = w[i + 2];
    s.stride[at] = a.window.stride(i);
    s.dilation[at] = a.window.dilation(i);
  }
  return s;
}

Result<kernels::ConvShape> conv_shape(const ConvAttrs& a, const RunContext& c, const Shape& x, const Shape& w,
                                      Shape& out) {
  kernels::ConvShape s = ONWARD_TRY(conv_weights_shape(a, w, c.node().label()));
  if (x.rank() != w.rank() || x[1] != s.in_channels)
    return c.error("input 0 of shape ", x, " does not fit the weights ", w, " with group ", a.group);
  s.batch = x[0];
  out = Shape{x[0], w[0]};
  for (size_t i = 0, at = 5 - x.rank(); i + 2 < x.rank(); ++i, ++at) {
    if (w[i + 2] < 1) return c.error("the weights have shape ", w, ", expected a kernel of 1 or more");
    const WindowAxis axis = ONWARD_TRY(resolve_window(c, a.window, i, x[i + 2], w[i + 2]));
    s.in[at] = x[i + 2];
    s.out[at] = axis.out;
    s.pad[at] = axis.pad_begin;
    out.push_back(axis.out);
  }
  return s;
}

const Tensor* packable_weights(const PrepareContext& c, size_t input) {
  const Tensor* w = c.constant(input);
  return w && w->dtype() == DType::kFloat32 && w->count() > 0 && w->is_dense() ? w : nullptr;
}

Result<PackedWeights> pack_weights(PrepareContext& c, const ConvKernels& k, kernels::ConvShape s,
                                   const Tensor& w, size_t input) {
  if (c.strict()) s.method = kernels::ConvMethod::kInDouble;
  PackedWeights packed{nullptr, w.shape(), s.method};
  packed.memory = ONWARD_TRY(packed_buffer(static_cast<int64_t>(k.packed_bytes(s))));
  k.pack(s, stored_floats(w), packed.memory.get(), c.threads());
  c.drop(input);
  return packed;
}

static Status run_float(RunContext& c, const ConvKernels& k, kernels::ConvShape s, const Shape& out,
                        kernels::Epilogue epilogue) {
  const auto x = ONWARD_TRY(image_input<float>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, out));
  if (y.tensor.count() == 0) return {};
  s.in_ld = x.ld;
  s.out_ld = y.ld;
  const auto* prepared = c.prepared<PackedWeights>();
  const std::byte* packed = prepared ? prepared->memory.get() : nullptr;
  if (c.strict()) s.method = kernels::ConvMethod::kInDouble;
  if (prepared) s.method = prepared->method;
  if (prepared && !prepared->extents_known) s.method = kernels::method_of_run(s);
  if (!packed) {
    auto memory = ONWARD_TRY(c.scratch(static_cast<int64_t>(k.packed_bytes(s))));
    k.pack(s, c.in(1).data<float>(), memory.data(), c.threads());
    packed = memory.data();
  }
  const size_t bytes = k.scratch_bytes(s, c.threads());
  std::byte* scratch = bytes ? ONWARD_TRY(c.scratch(static_cast<int64_t>(bytes))).data() : nullptr;
  if (c.has(2)) epilogue.bias = c.in(2).data<float>();
  k.run(s, packed, x.data, y.data<float>(), epilogue, scratch, c.threads());
  y.finish(c);
  return {};
}

static Status run_double(RunContext& c, const ConvKernels& k, kernels::ConvShape s, const Shape& out) {
  const auto x = ONWARD_TRY(image_input<double>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat64, out));
  if (y.tensor.count() == 0) return {};
  s.in_ld = x.ld;
  s.out_ld = y.ld;
  const kernels::ReferenceConv<double, double, double> loop{
      .shape = s,
      .in = x.data,
      .w = c.in(1).data<double>(),
      .bias = c.has(2) ? c.in(2).data<double>() : nullptr,
      .out = y.data<double>()};
  if (k.transposed)
    loop.run_transposed(c.threads());
  else
    loop.run(c.threads());
  y.finish(c);
  return {};
}

Status check_bias(const RunContext& c, size_t input, int64_t channels) {
  if (c.has(input) && !(c.in(input).shape() == Shape{channels}))
    return c.error("the bias has shape ", c.in(input).shape(), ", expected [", channels, "]");
  return {};
}

Status run_conv(RunContext& c, const ConvKernels& k, kernels::ConvShape s, const Shape& out,
                kernels::Epilogue epilogue) {
  ONWARD_TRY(check_bias(c, 2, s.out_channels));
  if (build::has_type(DType::kFloat64) && c.in(0).dtype() == DType::kFloat64) return run_double(c, k, s, out);
  return run_float(c, k, s, out, epilogue);
}

}  // namespace ow
