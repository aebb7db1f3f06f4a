// LRN: y = x / (bias + alpha / size * s)^beta, s the sum of x^2 over the `size` channels around each channel:
// [c - floor((size - 1) / 2), c + ceil((size - 1) / 2)], cut at the ends.
#include <cmath>

#include "ops/op/image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  float alpha, beta, bias;
  int64_t size;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.real("alpha", 1e-4f), a.real("beta", 0.75f), a.real("bias", 1), a.required_integer("size")};
  if (attrs.size < 1 || attrs.size > (int64_t{1} << 31))
    a.fail("size", cat("is ", attrs.size, ", expected a value in [1, 2^31]"));
  return attrs;
}

Status infer(const Attrs&, InferContext& c) {
  if (c.shape(0) && c.shape(0)->size() < 2)
    return c.error("input 0 is ", list_text(*c.shape(0)), ", expected rank 2 or more");
  return infer_same(c);
}

template <class T>
void normalize_pixel(const Attrs& a, const T* x, const Planes& px, T* y, const Planes& py) {
  const int64_t before = (a.size - 1) / 2, after = a.size - 1 - before;
  for (int64_t ch = 0; ch < px.channels; ++ch) {
    double sum = 0;
    const int64_t last = std::min(px.channels - 1, ch + after);
    for (int64_t i = std::max<int64_t>(0, ch - before); i <= last; ++i) {
      const double v = static_cast<double>(x[i * px.channel_stride]);
      sum += v * v;
    }
    const double base = double{a.bias} + double{a.alpha} / static_cast<double>(a.size) * sum;
    y[ch * py.channel_stride] =
        static_cast<T>(static_cast<double>(x[ch * px.channel_stride]) / std::pow(base, double{a.beta}));
  }
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  Tensor x = c.in(0);
  if (x.rank() < 2) return c.error("input 0 has shape ", x.shape(), ", expected rank 2 or more");
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  if (!planes(x)) x = ONWARD_TRY(channels_last(c, x));
  ImageOutput out = ONWARD_TRY(plane_output(c, y));
  const Planes px = *planes(x), py = *planes(out.staged);
  c.parallel_for(px.batch * px.pixels, std::max<int64_t>(1, 1024 / px.channels),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t n = i / px.pixels, p = i % px.pixels;
                     normalize_pixel(a, x.data<T>() + n * px.batch_stride + p * px.pixel_stride, px,
                                     out.data<T>() + n * py.batch_stride + p * py.pixel_stride, py);
                   }
                 });
  out.finish(c);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(lrn) {
  return {op<Attrs>({.name = "LRN",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>,
                     .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
