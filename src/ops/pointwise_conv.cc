// onward.PointwiseConv: what the optimiser makes of a convolution of single pixels and what happens to its
// image before, channel by channel:
//
//   y = activation(W * z + b + residual),   z = before_activation((x - mean) * scale + shift)
//
// Inputs: x, W [O, C, 1, ...], b, residual, scale, mean, shift. The scale is [C], or [N, C, 1, ...] where an
// image has its own; mean and shift are [C], and may be absent, as b and the residual may.
//
// z is made piece by piece, each multiplied while it is in the cache.
#include <algorithm>

#include "kernels/gemm.h"
#include "kernels/normalize.h"
#include "ops/op/fused.h"
#include "ops/op/image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  FusedActivation before, activation;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{read_activation(a, "before_"), read_activation(a)}; }

Status infer(const Attrs&, InferContext& c) {
  const SymShape *x = c.shape(0), *w = c.shape(1);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x || !w) return {};
  if (x->size() < 3 || w->size() != x->size())
    return c.error("an image ", list_text(*x), " and weights ", list_text(*w),
                   ", expected one rank from 3 on");
  SymShape y = *x;
  y[1] = (*w)[0];
  c.set(0, c.dtype(0), std::move(y));
  return {};
}

struct Weights {
  Buffer packed;
  int64_t channels, outputs;
};

Result<std::any> prepare(const Attrs&, PrepareContext& c) {
  const Tensor* w = c.constant(1);
  if (!w || w->dtype() != DType::kFloat32 || w->rank() < 3 || !w->is_dense() ||
      w->count() != w->dim(0) * w->dim(1) || w->count() == 0)
    return c.error("the weights are no constant of single pixels");
  Weights out{nullptr, w->dim(1), w->dim(0)};
  const size_t bytes = kernels::packed_b_bytes(1, out.channels, out.outputs);
  out.packed = ONWARD_TRY(allocate_buffer(static_cast<int64_t>(bytes)));
  kernels::pack_b({.b = w->data<float>(),
                   .k = out.channels,
                   .n = out.outputs,
                   .stride_k = 1,
                   .stride_n = out.channels,
                   .in_double = c.strict()},
                  out.packed.get(), c.threads());
  c.drop(1);
  return std::any(std::move(out));
}

struct Call {
  ImageInput<float> x, residual{nullptr, 0};
  float* y;
  int64_t y_ld;
  int64_t batch, pixels, channels, outputs;
  int64_t scale_step;  // from image to image
  const float *scale, *mean, *shift;
  const std::byte* packed;
  kernels::Epilogue epilogue;
  FusedActivation before;
  int64_t z_ld;

  // Pixels [first, first + n) of an image.
  void make(int64_t image, int64_t first, int64_t n, float* z) const {
    kernels::affine_channels({x.data + (image * pixels + first) * x.ld, x.ld, z, z_ld, n, channels, mean,
                              scale + image * scale_step, shift});
    if (before.kind == kernels::Activation::kNone) return;
    const int64_t rows = z_ld == channels ? 1 : n, each = z_ld == channels ? n * channels : channels;
    for (int64_t i = 0; i < rows; ++i)
      kernels::activate(before.kind, before.alpha, before.beta, z + i * z_ld, z + i * z_ld, each);
  }
  void multiply(int64_t image, int64_t first, int64_t n, const float* z, int threads) const {
    kernels::Epilogue e = epilogue;
    const int64_t at = image * pixels + first;
    if (residual.data) e.residual = residual.data + at * residual.ld, e.residual_ld = residual.ld;
    kernels::gemm(n, outputs, channels, z, z_ld, packed, y + at * y_ld, y_ld, e, threads);
  }
};

Status run_pieces(const Call& k, RunContext& c) {
  constexpr int64_t kPiece = 256 * 1024;  // elements of z, at most, that the caches of the threads hold
  const int64_t tiles = 14 * std::max(1, c.threads());  // whole tiles of rows for each thread
  const int64_t pieces = (k.pixels * k.channels + kPiece - 1) / kPiece;
  const int64_t rows = ((k.pixels + pieces - 1) / pieces + tiles - 1) / tiles * tiles;
  auto z = ONWARD_TRY(c.scratch_of<float>(std::min(rows, k.pixels) * k.z_ld));
  for (int64_t image = 0; image < k.batch; ++image)
    for (int64_t first = 0; first < k.pixels; first += rows) {
      const int64_t n = std::min(rows, k.pixels - first);
      if (c.budget()) ONWARD_TRY(c.budget()->check());
      c.parallel_for(n, 1 + 8192 / k.channels, [&](int64_t begin, int64_t end) {
        k.make(image, first + begin, end - begin, z.data() + begin * k.z_ld);
      });
      k.multiply(image, first, n, z.data(), c.threads());
    }
  return {};
}

Status check(RunContext& c, const Weights& w, const Shape& out) {
  const Shape& x = c.in(0).shape();
  if (x.rank() < 3 || x[1] != w.channels)
    return c.error("the image has shape ", x, ", expected ", w.channels, " channels");
  if (c.has(2) && c.in(2).count() != w.outputs)
    return c.error("the bias has shape ", c.in(2).shape(), ", expected [", w.outputs, "]");
  if (c.has(3) && !(c.in(3).shape() == out))
    return c.error("the residual has shape ", c.in(3).shape(), ", expected ", out);
  if (c.in(4).count() != w.channels && c.in(4).count() != x[0] * w.channels)
    return c.error("the scale has shape ", c.in(4).shape(), ", expected one value per channel");
  for (size_t i : {5, 6})
    if (c.has(i) && c.in(i).count() != w.channels)
      return c.error("input ", i, " has shape ", c.in(i).shape(), ", expected [", w.channels, "]");
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const auto* w = c.prepared<Weights>();
  if (!w) return c.error("the weights are not packed");
  Shape out = c.in(0).shape();
  if (out.rank() > 1) out[1] = w->outputs;
  ONWARD_TRY(check(c, *w, out));
  Call k{.x = ONWARD_TRY(image_input<float>(c, c.in(0)))};
  if (c.has(3)) k.residual = ONWARD_TRY(image_input<float>(c, c.in(3)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, out));
  if (out.count() == 0) return {};
  k.y = y.data<float>(), k.y_ld = y.ld;
  k.batch = out[0], k.pixels = out.count(2, out.rank()), k.channels = w->channels, k.outputs = w->outputs;
  k.z_ld = k.channels % 128 == 0 ? k.channels + 16 : k.channels;  // or rows would share places in the cache
  k.scale_step = c.in(4).count() == k.channels ? 0 : k.channels;
  auto zeros = ONWARD_TRY(c.scratch_of<float>(k.channels));
  std::fill(zeros.begin(), zeros.end(), 0.0f);
  k.scale = c.in(4).data<float>();
  k.mean = c.has(5) ? c.in(5).data<float>() : zeros.data();
  k.shift = c.has(6) ? c.in(6).data<float>() : zeros.data();
  k.packed = w->packed.get();
  k.epilogue = {.bias = c.has(2) ? c.in(2).data<float>() : nullptr,
                .activation = a.activation.kind,
                .alpha = a.activation.alpha,
                .beta = a.activation.beta};
  k.before = a.before;
  ONWARD_TRY(run_pieces(k, c));
  y.finish(c);
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(pointwise_conv) {
  return {op<Attrs>({.name = "PointwiseConv",
                     .domain = "onward",
                     .read = read,
                     .infer = infer,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float>,
                     .layout = LayoutRule::kChannelsLast,
                     .in_place = {{3, 0}},
                     .images = 1u << 3})};
}

}  // namespace ow
