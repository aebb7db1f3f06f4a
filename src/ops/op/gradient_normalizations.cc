// Derivatives of normalizations and of losses. With h = (x - mean) r and r = 1 / sqrt(variance + epsilon),
// where both moments are taken over a set of axes and u is the gradient of h,
//
//   dx = r (u - mean(u) - h mean(u h))          (without mean(u), where no mean is subtracted)
#include "ops/op/gradient_rules.h"

namespace ow::gradients {
namespace {

using Context = GradientContext;

ir::Value* mean_over(Context& c, ir::Value* v, ir::Value* axes) { return c.op("ReduceMean", {v, axes}); }

struct Normalized {
  ir::Value *x, *axes, *h = nullptr, *r = nullptr;
  bool centred = true;
};

Normalized normalize(Context& c, ir::Value* x, ir::Value* axes, double epsilon, bool centred = true) {
  Normalized n{.x = x, .axes = axes, .centred = centred};
  ir::Value* d = centred ? c.sub(x, mean_over(c, x, axes)) : x;
  ir::Value* variance = mean_over(c, c.mul(d, d), axes);
  n.r = c.op("Reciprocal", {c.op("Sqrt", {c.add(variance, c.number(x, epsilon))})});
  n.h = c.mul(d, n.r);
  return n;
}

ir::Value* through(Context& c, const Normalized& n, ir::Value* u) {
  ir::Value* along = c.mul(n.h, mean_over(c, c.mul(u, n.h), n.axes));
  return c.mul(n.r, c.sub(n.centred ? c.sub(u, mean_over(c, u, n.axes)) : u, along));
}

double epsilon_of(Context& c) { return c.attributes().real("epsilon", 1e-5f); }

// axis, .. to the last.
ir::Value* axes_from(Context& c, int64_t axis) {
  ir::Value* end = c.int_scalar(0);
  if (axis >= 0) end = c.op("Size", {c.shape_of(c.in(0))});
  return c.op("Range", {c.int_scalar(axis), end, c.int_scalar(1)});
}

// 0 (with `batch`) and 2, .. to the last.
ir::Value* axes_but_channels(Context& c, bool batch) {
  ir::Value* spatial = axes_from(c, 2);
  return batch ? c.op("Concat", {c.ints({0}), spatial}, {{"axis", int64_t{0}}}) : spatial;
}

// [C] as [C, 1, 1, ..], which broadcasts to x.
ir::Value* per_channel(Context& c, ir::Value* v) {
  ir::Value* ones =
      c.op("Expand", {c.ints({1}), c.op("Sub", {c.op("Shape", {c.shape_of(c.in(0))}), c.ints({2})})});
  return c.op("Reshape", {v, c.op("Concat", {c.ints({-1}), ones}, {{"axis", int64_t{0}}})});
}

// Scale and bias of each channel, as inputs 1 and 2.
void give_channel_parameters(Context& c, ir::Value* h) {
  const auto sum = [&](ir::Value* v) {
    return c.op("ReduceSum", {v, axes_but_channels(c, true)}, {{"keepdims", int64_t{0}}});
  };
  const auto like = [&](ir::Value* v, size_t i) { return c.op("CastLike", {v, c.in(i)}); };
  if (c.wants(1)) c.give(1, like(sum(c.mul(c.gradient(), h)), 1));
  if (c.wants(2)) c.give(2, like(sum(c.gradient()), 2));
}

ir::Value* as_input(Context& c, size_t i) { return c.op("CastLike", {c.in(i), c.in(0)}); }

void last_axes(Context& c, bool centred) {
  if (!c.gradient(0)) return c.fail("only Y is differentiated");
  for (size_t o = 1; o < c.outputs(); ++o)
    if (c.gradient(o)) return c.fail("only Y is differentiated");
  const auto n =
      normalize(c, c.in(0), axes_from(c, c.attributes().integer("axis", -1)), epsilon_of(c), centred);
  ir::Value* g = c.op("CastLike", {c.gradient(), c.in(0)});
  if (c.wants(0)) c.give(0, through(c, n, c.mul(g, as_input(c, 1))));
  if (c.wants(1)) c.give(1, c.op("CastLike", {c.summed_to(c.mul(g, n.h), c.in(1)), c.in(1)}));
  if (c.wants(2)) c.give(2, c.summed_to(g, c.in(2)));
}

}  // namespace

void layer_normalization(Context& c) { last_axes(c, true); }
void rms_normalization(Context& c) { last_axes(c, false); }

void instance_normalization(Context& c) {
  const auto n = normalize(c, c.in(0), axes_but_channels(c, false), epsilon_of(c));
  if (c.wants(0)) c.give(0, through(c, n, c.mul(c.gradient(), per_channel(c, c.in(1)))));
  give_channel_parameters(c, n.h);
}

// Moments over groups of channels: over the last axis of [N, groups, ..].
void group_normalization(Context& c) {
  const int64_t groups = c.attributes().integer("num_groups", 1);
  const auto grouped = [&](ir::Value* v) { return c.op("Reshape", {v, c.ints({0, groups, -1})}); };
  const auto n = normalize(c, grouped(c.in(0)), c.ints({-1}), epsilon_of(c));
  ir::Value* u = grouped(c.mul(c.gradient(), per_channel(c, c.in(1))));
  if (c.wants(0)) c.give(0, c.reshaped_to(through(c, n, u), c.in(0)));
  give_channel_parameters(c, c.reshaped_to(n.h, c.in(0)));
}

void mean_variance_normalization(Context& c) {
  ir::Value* axes = c.ints(c.attributes().integers("axes", {0, 2, 3}));
  c.give(0, through(c, normalize(c, c.in(0), axes, 0), c.gradient()));
}

// With the moments of the batch in training mode; else they are inputs.
void batch_normalization(Context& c) {
  for (size_t o = 1; o < c.outputs(); ++o)
    if (c.gradient(o)) return c.fail("only Y is differentiated");
  ir::Value *x = c.in(0), *g = c.gradient();
  ir::Value* u = c.mul(g, per_channel(c, as_input(c, 1)));
  if (c.attributes().flag("training_mode", false)) {
    const auto n = normalize(c, x, axes_but_channels(c, true), epsilon_of(c));
    if (c.wants(0)) c.give(0, through(c, n, u));
    return give_channel_parameters(c, n.h);
  }
  ir::Value* variance = c.add(per_channel(c, as_input(c, 4)), c.number(x, epsilon_of(c)));
  ir::Value* r = c.op("Reciprocal", {c.op("Sqrt", {variance})});
  ir::Value* h = c.mul(c.sub(x, per_channel(c, as_input(c, 3))), r);
  ir::Value* dx = c.mul(u, r);
  if (c.wants(0)) c.give(0, dx);
  give_channel_parameters(c, h);
  const auto give_moment = [&](size_t i, ir::Value* v, double factor) {
    ir::Value* sum = c.op("ReduceSum", {v, axes_but_channels(c, true)}, {{"keepdims", int64_t{0}}});
    if (c.wants(i)) c.give(i, c.op("CastLike", {c.mul(sum, c.number(sum, factor)), c.in(i)}));
  };
  give_moment(3, dx, -1);
  give_moment(4, c.mul(c.mul(dx, h), r), -0.5);
}

// y = x / n: (g - y sum(g y)) / n for the norm of squares, (g - sign(x) sum(g y)) / n for that of absolutes.
void lp_normalization(Context& c) {
  const AttrReader a = c.attributes();
  ir::Value *x = c.in(0), *axis = c.ints({a.integer("axis", -1)});
  const bool squares = a.integer("p", 2) == 2;
  ir::Value* norm = c.op(squares ? "ReduceL2" : "ReduceL1", {x, axis});
  ir::Value* along = c.op("ReduceSum", {c.mul(c.gradient(), c.out()), axis});
  ir::Value* direction = squares ? c.out() : c.op("Sign", {x});
  c.give(0, c.div(c.sub(c.gradient(), c.mul(direction, along)), norm));
}

namespace {

// The loss is -sum w[t] l[t] by target t, so dl is -w[t] g there and 0 elsewhere.
ir::Value* likelihood_gradient(Context& c, ir::Value* l, ir::Value* g) {
  const AttrReader a = c.attributes();
  const std::string reduction(a.text("reduction", "mean"));
  ir::Value *target = c.in(1), *weight = nullptr;
  if (a.has("ignore_index")) {
    ir::Value* ignored =
        c.op("Equal", {target, c.number(target, static_cast<double>(a.integer("ignore_index", 0)))});
    weight = c.op("CastLike", {c.op("Not", {ignored}), l});
    target = c.op("Where", {ignored, c.number(target, 0), target});
  }
  if (c.in(2)) {
    ir::Value* own = c.op("Gather", {c.in(2), target});
    weight = weight ? c.mul(weight, own) : own;
  }
  if (!weight) weight = c.filled(1, c.op("CastLike", {target, l}));
  ir::Value* share = c.mul(weight, g);
  if (reduction == "mean") share = c.div(share, c.op("ReduceSum", {weight}, {{"keepdims", int64_t{0}}}));
  ir::Value* depth = c.op("Shape", {l}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
  ir::Value* values = c.op("CastLike", {c.ints({0, -1}), l});
  ir::Value* hot = c.op("OneHot", {target, depth, values}, {{"axis", int64_t{1}}});
  return c.mul(hot, c.op("Unsqueeze", {share, c.ints({1})}));
}

}  // namespace

void negative_log_likelihood_loss(Context& c) {
  if (c.wants(2)) return c.fail("its weights depend on what is differentiated by");
  c.give(0, likelihood_gradient(c, c.in(0), c.gradient()));
}

void softmax_cross_entropy_loss(Context& c) {
  if (c.wants(2)) return c.fail("its weights depend on what is differentiated by");
  ir::Value* l = c.op("LogSoftmax", {c.in(0)}, {{"axis", int64_t{1}}});
  ir::Value* dl = c.gradient() ? likelihood_gradient(c, l, c.gradient()) : nullptr;
  if (c.outputs() > 1 && c.gradient(1)) dl = dl ? c.add(dl, c.gradient(1)) : c.gradient(1);
  ir::Value* sum = c.op("ReduceSum", {dl, c.ints({1})});
  c.give(0, c.sub(dl, c.mul(c.op("Exp", {l}), sum)));
}

}  // namespace ow::gradients
