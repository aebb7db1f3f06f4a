// onward.ChannelShuffle: what the optimiser makes of a channel shuffle that an exporter wrote as Reshape,
// Transpose and Reshape.
//
//   y[n, i * groups + g, pixel] = x[n, g * (C / groups) + i, pixel]
//
// Input 0 is an image [N, C, spatial...].
#include "kernels/channel_shuffle.h"

#include "ops/op/image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t groups = 1;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.integer("groups", 1)};
  if (attrs.groups < 1) a.fail("groups", cat("is ", attrs.groups, ", expected 1 or more"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 3) return c.error("input 0 is ", list_text(*x), ", expected rank 3 or more");
  if ((*x)[1].is_constant() && *(*x)[1].constant() % a.groups != 0)
    return c.error("input 0 is ", list_text(*x), ", whose channels do not divide into ", a.groups, " groups");
  c.set(0, c.dtype(0), *x);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() < 3 || x.dim(1) % a.groups != 0)
    return c.error("input 0 has shape ", x.shape(), ", expected channels that divide into ", a.groups,
                   " groups");
  const auto image = ONWARD_TRY(image_input<float>(c, x));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, DType::kFloat32, x.shape()));
  if (y.tensor.count() == 0) return {};
  kernels::shuffle_channels(image.data, image.ld, y.data<float>(), y.ld,
                            x.dim(0) * x.shape().count(2, x.rank()), x.dim(1), a.groups, c.threads());
  y.finish(c);
  return {};
}

}  // namespace

ONWARD_OPS(channel_shuffle) {
  return {op<Attrs>({.name = "ChannelShuffle",
                     .domain = "onward",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float>,
                     .layout = LayoutRule::kChannelsLast})};
}

}  // namespace ow
