// GroupNormalization: y = (x - mean) / sqrt(var + epsilon) * scale[c] + bias[c], with mean and (population)
// variance over the pixels of each group of channels of each image. InstanceNormalization is the case of one
// channel a group.
//
// Those of domain onward apply an activation behind it (ops/op/fused.h).
//
// Opset 18 has scale and bias per group; `upgrade` repeats them per channel.
#include <cmath>

#include "ops/op/op.h"
#include "ops/op/statistics.h"

namespace ow {
namespace {

struct Attrs {
  float epsilon = 1e-5f;
  int64_t num_groups = 0;  // 0: as many as channels
  FusedActivation activation;
};

Result<Attrs> read_group(const AttrReader& a) {
  Attrs attrs{a.real("epsilon", 1e-5f), a.required_integer("num_groups"), {}};
  if (attrs.num_groups < 1) a.fail("num_groups", cat("is ", attrs.num_groups, ", expected 1 or more"));
  return attrs;
}
Result<Attrs> read_instance(const AttrReader& a) { return Attrs{a.real("epsilon", 1e-5f), 0, {}}; }

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_same(c));
  const SymShape* x = c.shape(0);
  if (!x) return {};
  if (x->size() < 2) return c.error("input 0 is ", list_text(*x), ", expected rank 2 or more");
  const Dim& channels = (*x)[1];
  if (a.num_groups && channels.is_constant() && *channels.constant() % a.num_groups != 0)
    return c.error("num_groups is ", a.num_groups, ", which does not divide the ", channels, " channels");
  for (size_t i = 1; i < 3; ++i) {
    const SymShape* s = c.shape(i);
    if (s && (s->size() != 1 || (channels.is_constant() && (*s)[0].is_constant() && !((*s)[0] == channels))))
      return c.error("input ", i, " is ", list_text(*s), ", expected one value per channel: [", channels,
                     "]");
  }
  return {};
}

Status upgrade_instance(Rewriter& c) {
  if (c.since_version() < 6) c.remove_attribute("consumed_inputs");
  return {};
}

Status upgrade_group(Rewriter& c) {
  if (c.since_version() >= 21) return {};
  const AttrReader a(c.node());
  const int64_t groups = a.required_integer("num_groups");
  if (!a.error().ok()) return a.error().clone();
  if (groups < 1) return c.error("num_groups is ", groups, ", expected 1 or more");
  ir::Value* channels = ONWARD_TRY(c.add("Shape", {c.in(0)}, {{"start", int64_t{1}}, {"end", int64_t{2}}}));
  ir::Value* each = ONWARD_TRY(c.add("Div", {channels, c.ints({groups})}));
  ir::Value* shape = ONWARD_TRY(c.add("Concat", {c.ints({groups}), each}, {{"axis", int64_t{0}}}));
  for (size_t i = 1; i < 3; ++i) {
    ir::Value* column = ONWARD_TRY(c.add("Reshape", {c.in(i), c.ints({groups, 1})}));
    ir::Value* spread = ONWARD_TRY(c.add("Expand", {column, shape}));
    c.set_input(i, ONWARD_TRY(c.add("Reshape", {spread, c.ints({-1})})));
  }
  return {};
}

// One moment per image and group, from those of its channels.
std::vector<Affine> coefficients(const Attrs& a, RunContext& c, const std::vector<Moments>& each,
                                 const Planes& p) {
  const std::vector<double> scale = as_doubles(c.in(1)), bias = as_doubles(c.in(2));
  const int64_t groups = a.num_groups ? a.num_groups : p.channels, size = p.channels / groups;
  std::vector<Affine> out;
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      const Moments* from = &each[static_cast<size_t>(n * p.channels + g * size)];
      Moments m;
      for (int64_t i = 0; i < size; ++i) m.mean += from[i].mean / static_cast<double>(size);
      for (int64_t i = 0; i < size; ++i)
        m.variance += (from[i].variance + (from[i].mean - m.mean) * (from[i].mean - m.mean)) /
                      static_cast<double>(size);
      const double inverse = 1 / std::sqrt(m.variance + double{a.epsilon});
      for (int64_t i = 0; i < size; ++i) {
        const auto ch = static_cast<size_t>(g * size + i);
        out.push_back({m.mean, scale[ch] * inverse, bias[ch]});
      }
    }
  return out;
}

Status run(const Attrs& a, RunContext& c) {
  Tensor x = c.in(0);
  if (x.rank() < 2) return c.error("input 0 has shape ", x.shape(), ", expected rank 2 or more");
  if (a.num_groups && x.dim(1) % a.num_groups != 0)
    return c.error("num_groups is ", a.num_groups, ", which does not divide the ", x.dim(1), " channels");
  for (size_t i = 1; i < 3; ++i)
    if (!(c.in(i).shape() == Shape{x.dim(1)}))
      return c.error("input ", i, " has shape ", c.in(i).shape(), ", expected [", x.dim(1), "]");
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  if (!planes(x)) x = ONWARD_TRY(channels_last(c, x));
  ImageOutput out = ONWARD_TRY(plane_output(c, y));
  const auto moments = ONWARD_TRY(channel_moments(c, x));
  apply_affine(c, x, *planes(x), out.staged, *planes(out.staged), coefficients(a, c, moments, *planes(x)),
               true, a.activation);
  out.finish(c);
  return {};
}

Result<Attrs> with_activation(const AttrReader& a, Result<Attrs> attrs) {
  if (attrs.ok()) attrs->activation = read_activation(a);
  return attrs;
}

OpSpec<Attrs> row(std::string_view name, Result<Attrs> (*read)(const AttrReader&),
                  Status (*upgrade)(Rewriter&)) {
  return {.name = name,
          .read = read,
          .infer = infer,
          .upgrade = upgrade,
          .run = run,
          .native = types<float, double>,
          .layout = LayoutRule::kChannelsLast};
}

// What the optimiser makes of it and an activation behind it.
OpSpec<Attrs> fused_row(std::string_view name, Result<Attrs> (*read)(const AttrReader&)) {
  OpSpec<Attrs> spec = row(name, read, nullptr);
  spec.domain = "onward";
  spec.native = types<float>;
  return spec;
}

}  // namespace

ONWARD_OPS(group_normalization) {
  constexpr auto read_group_fused = [](const AttrReader& a) { return with_activation(a, read_group(a)); };
  constexpr auto read_instance_fused = [](const AttrReader& a) {
    return with_activation(a, read_instance(a));
  };
  return {op<Attrs>(row("GroupNormalization", read_group, upgrade_group)),
          op<Attrs>(fused_row("GroupNormalization", read_group_fused)),
          op<Attrs>(row("InstanceNormalization", read_instance, upgrade_instance)),
          op<Attrs>(fused_row("InstanceNormalization", read_instance_fused))};
}

}  // namespace ow
