// GroupNormalization: y = (x - mean) / sqrt(var + epsilon) * scale[c] + bias[c], with mean and (population)
// variance over the pixels of each group of channels of each image. InstanceNormalization is the case of one
// channel a group.
//
// Those of domain onward apply an activation behind it (ops/op/fused.h).
//
// Opset 18 has scale and bias per group; `upgrade` repeats them per channel.
#include <cmath>

#include "kernels/normalize.h"
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

struct Groups {
  int64_t count, size;  // groups; channels of one
  double epsilon;
  std::vector<double> scale, bias;

  Groups(const Attrs& a, RunContext& c, const Planes& p)
      : count(a.num_groups ? a.num_groups : p.channels),
        size(p.channels / count),
        epsilon(a.epsilon),
        scale(as_doubles(c.in(1))),
        bias(as_doubles(c.in(2))) {}
  // Of channel i of group g.
  Affine affine(const Moments& m, int64_t g, int64_t i) const {
    const auto channel = static_cast<size_t>(g * size + i);
    return {m.mean, scale[channel] / std::sqrt(m.variance + epsilon), bias[channel]};
  }
};

// One moment per image and group, from those of its channels.
std::vector<Affine> coefficients(const Groups& groups, const std::vector<Moments>& each, const Planes& p) {
  std::vector<Affine> out;
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t g = 0; g < groups.count; ++g) {
      const Moments m = joined(&each[static_cast<size_t>(n * p.channels + g * groups.size)], groups.size, 1);
      for (int64_t i = 0; i < groups.size; ++i) out.push_back(groups.affine(m, g, i));
    }
  return out;
}

// Row-major images of enough groups: a group is measured and mapped while it is in the cache.
constexpr int64_t kEnoughGroups = 8;
void run_lines(const Attrs& a, const RunContext& c, const Groups& groups, const float* x, float* y,
               const Planes& p) {
  c.parallel_for(p.batch * groups.count, 1 + 16384 / (groups.size * p.pixels + 1),
                 [&](int64_t begin, int64_t end) {
                   std::vector<Moments> each(static_cast<size_t>(groups.size));
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t first = i * groups.size * p.pixels;
                     for (int64_t ch = 0; ch < groups.size; ++ch) {
                       const kernels::Spread s = kernels::spread_line(x + first + ch * p.pixels, p.pixels);
                       each[static_cast<size_t>(ch)] = {s.mean, s.squares / s.count};
                     }
                     const Moments m = joined(each.data(), groups.size, 1);
                     for (int64_t ch = 0; ch < groups.size; ++ch)
                       apply_affine(x + first + ch * p.pixels, y + first + ch * p.pixels, p.pixels,
                                    groups.affine(m, i % groups.count, ch), a.activation);
                   }
                 });
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
  const Planes p = *planes(x);
  const Groups groups(a, c, p);
  if (x.dtype() == DType::kFloat32 && x.is_dense() && y.is_dense() && groups.count >= kEnoughGroups) {
    run_lines(a, c, groups, x.data<float>(), y.mutable_data<float>(), p);
    return {};
  }
  ImageOutput out = ONWARD_TRY(plane_output(c, y));
  const auto moments = ONWARD_TRY(channel_moments(c, x));
  apply_affine(c, x, p, out.staged, *planes(out.staged), coefficients(groups, moments, p), true,
               a.activation);
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
          .layout = LayoutRule::kElementwise};
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
