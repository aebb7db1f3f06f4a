// onward.ChannelProduct: what the optimiser makes of an Einsum of one small matrix an image with the image's
// channels (`bqc,bchw->bqhw`).
//
//   y[n, o * positions + j, pixel] = sum_c m[n, o, c] * x[n, c * positions + j, pixel],   j < positions
//
// Input 0 is the image [N, channels * positions, spatial...], input 1 the matrix [N or 1, outputs, channels].
#include "kernels/channel_product.h"

#include "ops/op/image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t positions = 1;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("positions", 1)};
  if (attrs.positions < 1 || attrs.positions > (1 << 20))
    a.fail("positions", cat("is ", attrs.positions, ", expected at least 1"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *m = c.shape(1);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 3 || (m && m->size() != 3))
    return c.error("an image of rank ", x->size(), " and a matrix of rank ", m ? m->size() : 0,
                   ", expected at least 3 and 3");
  SymShape y = *x;
  y[1] = m ? (*m)[1] * Dim(a.positions) : Dim::unknown();
  c.set(0, c.dtype(0), std::move(y));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &m = c.in(1);
  if (x.rank() < 3 || m.rank() != 3 || (m.dim(0) != 1 && m.dim(0) != x.dim(0)) ||
      m.dim(2) * a.positions != x.dim(1))
    return c.error("matrices ", m.shape(), " do not fit an image ", x.shape(), " of ", a.positions,
                   " positions a channel");
  Shape shape = x.shape();
  auto outputs = checked_mul(m.dim(1), a.positions);
  if (!outputs) return c.error("the output is too large");
  shape[1] = *outputs;
  const auto image = ONWARD_TRY(image_input<float>(c, x));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, shape));
  if (y.tensor.count() == 0) return {};
  const kernels::ChannelProduct s{m.dim(1), m.dim(2), a.positions, x.shape().count(2, x.rank()),
                                  image.ld, y.ld,     c.strict()};
  auto packed = ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::channel_matrix_bytes(s))));
  for (int64_t n = 0; n < x.dim(0); ++n) {
    if (n == 0 || m.dim(0) > 1)
      kernels::pack_channel_matrix(s, m.data<float>() + n * s.outputs * s.channels, packed.data(),
                                   c.threads());
    kernels::channel_product(s, packed.data(), image.data + n * s.pixels * s.in_ld,
                             y.data<float>() + n * s.pixels * s.out_ld, c.threads());
  }
  y.finish(c);
  return {};
}

}  // namespace

ONWARD_OPS(channel_product) {
  return {op<Attrs>({.name = "ChannelProduct",
                     .domain = "onward",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float>,
                     .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
