// Derivatives of convolution and pooling. Along each axis a window that starts at s o - p, of K elements d
// apart, leads to output o (stride s, padding p before the axis, dilation d). With x_ the input cut or filled
// to exactly what the windows cover, E = s (O - 1) + d (K - 1) + 1 elements from -p on:
//
//   y[m, o] = sum_c,k  W[m, c, k] x_[c, s o + d k]                  Conv without padding
//   dx_     = the transposed convolution of g with W
//   dW      = sum_n,o  g[n, m, o] x_[n, c, d k + s o]               Conv of x_ by g, with s and d exchanged
//
// Paddings and extents are int64 vectors of the graph, so shapes may be known at run time only.
#include "ops/op/gradient_rules.h"

namespace ow::gradients {
namespace {

using Context = GradientContext;

struct Windows {
  size_t axes = 0;                                 // spatial ones
  ir::Ints strides, dilations;                     // of each
  ir::Value *begin = nullptr, *covered = nullptr;  // p and E: int64 [axes]
};

ir::Value* spatial_shape(Context& c, ir::Value* v) { return c.op("Shape", {v}, {{"start", int64_t{2}}}); }

// E - size - p of each axis, and p: what Pad adds behind and before (negative: cuts).
ir::Value* fitted(Context& c, const Windows& w, ir::Value* x) {
  ir::Value* none = c.ints({0, 0});
  ir::Value* behind = c.sub(c.sub(w.covered, spatial_shape(c, x)), w.begin);
  return c.op("Pad", {x, c.op("Concat", {none, w.begin, none, behind}, {{"axis", int64_t{0}}})});
}

// The reverse: `covered` elements become those of x's shape.
ir::Value* unfitted(Context& c, const Windows& w, ir::Value* v, ir::Value* x) {
  ir::Value* none = c.ints({0, 0});
  ir::Value* behind = c.sub(c.add(spatial_shape(c, x), w.begin), w.covered);
  ir::Value* pads = c.op("Concat", {none, c.neg(w.begin), none, behind}, {{"axis", int64_t{0}}});
  return c.op("Pad", {v, pads});
}

ir::Value* halved(Context& c, ir::Value* total, bool upward) {
  return c.div(upward ? c.add(total, c.ints({1})) : total, c.ints({2}));
}

// `kernel`: K of each axis, int64 [axes]; `many` and `few`: what the windows are on, and one element for
// each. `transposed`: their padding counts as ConvTranspose's.
bool read_windows(Context& c, ir::Value* many, ir::Value* few, ir::Value* kernel, bool transposed,
                  Windows& w) {
  const AttrReader a = c.attributes();
  auto rank = c.rank(many);
  for (ir::Value* v : {few, c.in(1)})
    if (!rank && v) rank = c.rank(v);
  const ir::Ints shape = a.integers("kernel_shape");
  if (!rank && shape.empty()) return c.fail("the rank of its input is unknown"), false;
  w.axes = rank ? *rank - 2 : shape.size();
  w.strides = a.integers("strides", ir::Ints(w.axes, 1));
  w.dilations = a.integers("dilations", ir::Ints(w.axes, 1));
  ir::Value* last = c.mul(c.ints(w.strides), c.sub(spatial_shape(c, few), c.ints({1})));
  w.covered = c.add(c.add(last, c.mul(c.ints(w.dilations), c.sub(kernel, c.ints({1})))), c.ints({1}));
  const std::string mode(a.text("auto_pad", "NOTSET"));
  ir::Ints pads = a.integers("pads", ir::Ints(2 * w.axes, 0));
  pads.resize(w.axes);
  if (mode == "VALID") pads.assign(w.axes, 0);
  w.begin = c.ints(pads);
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && !(transposed && a.has("output_shape"))) return c.status().ok();
  ir::Value* total = c.sub(w.covered, spatial_shape(c, many));
  if (transposed) total = c.add(total, c.ints(a.integers("output_padding", ir::Ints(w.axes, 0))));
  total = c.op("Max", {total, c.ints({0})});
  w.begin = halved(c, total, transposed ? mode != "SAME_UPPER" : mode == "SAME_LOWER");
  return c.status().ok();
}

ir::Attributes strided(const ir::Ints& strides, const ir::Ints& dilations, int64_t group) {
  return {{"strides", strides}, {"dilations", dilations}, {"group", group}};
}

// [N, group * C, ..] as [first, second, ..] of N, group and C in another order and put together.
ir::Value* regrouped(Context& c, ir::Value* v, int64_t group, const ir::Ints& order, bool first_alone,
                     size_t axes) {
  ir::Value* rest = spatial_shape(c, v);
  const auto joined = [&](ir::Value* head) { return c.op("Concat", {head, rest}, {{"axis", int64_t{0}}}); };
  ir::Value* batch = c.op("Shape", {v}, {{"end", int64_t{1}}});
  ir::Value* channels =
      c.div(c.op("Shape", {v}, {{"start", int64_t{1}}, {"end", int64_t{2}}}), c.ints({group}));
  ir::Value* parts[] = {batch, c.ints({group}), channels};
  ir::Value* split = c.op("Concat", {parts[0], parts[1], parts[2]}, {{"axis", int64_t{0}}});
  ir::Ints perm = order;
  for (size_t i = 0; i < axes; ++i) perm.push_back(static_cast<int64_t>(i + 3));
  ir::Value* turned =
      c.op("Transpose", {c.op("Reshape", {v, joined(split)}, {{"allowzero", int64_t{1}}})}, {{"perm", perm}});
  const auto part = [&](size_t i) { return parts[static_cast<size_t>(order[i])]; };
  ir::Value* two = first_alone ? c.op("Concat", {part(0), c.mul(part(1), part(2))}, {{"axis", int64_t{0}}})
                               : c.op("Concat", {c.mul(part(0), part(1)), part(2)}, {{"axis", int64_t{0}}});
  return c.op("Reshape", {turned, joined(two)}, {{"allowzero", int64_t{1}}});
}

// dW [channels of few, channels of a group of many, K]. `many` is fitted. The groups stand side by side among
// the channels, the images of each are its input channels.
ir::Value* weight_gradient(Context& c, const Windows& w, ir::Value* many, ir::Value* few, int64_t group) {
  ir::Value* data = regrouped(c, many, group, {2, 1, 0}, true, w.axes);
  ir::Value* kernel = regrouped(c, few, group, {1, 2, 0}, false, w.axes);
  ir::Value* dw = c.op("Conv", {data, kernel}, strided(w.dilations, w.strides, group));
  ir::Ints perm(w.axes + 2);
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[0], perm[1]);
  return c.op("Transpose", {dw}, {{"perm", perm}});
}

void give_bias(Context& c, size_t axes) {
  if (!c.wants(2)) return;
  ir::Ints others = {0};
  for (size_t i = 0; i < axes; ++i) others.push_back(static_cast<int64_t>(i + 2));
  c.give(2, c.op("ReduceSum", {c.gradient(), c.ints(others)}, {{"keepdims", int64_t{0}}}));
}

// Each channel an image of its own.
ir::Value* channels_apart(Context& c, ir::Value* v) {
  ir::Value* shape = c.op("Concat", {c.ints({-1, 1}), spatial_shape(c, v)}, {{"axis", int64_t{0}}});
  return c.op("Reshape", {v, shape});
}

ir::Value* ones_kernel(Context& c, const ir::Ints& shape) {
  ir::Ints full = {1, 1};
  full.insert(full.end(), shape.begin(), shape.end());
  return c.op("Expand", {c.number(c.gradient(), 1), c.ints(full)});
}

}  // namespace

void conv(Context& c) {
  Windows w;
  ir::Value *x = c.in(0), *g = c.gradient();
  if (!read_windows(c, x, g, spatial_shape(c, c.in(1)), false, w)) return;
  const int64_t group = c.attributes().integer("group", 1);
  if (c.wants(0)) {
    ir::Value* covered = c.op("ConvTranspose", {g, c.in(1)}, strided(w.strides, w.dilations, group));
    c.give(0, unfitted(c, w, covered, x));
  }
  if (c.wants(1)) c.give(1, weight_gradient(c, w, fitted(c, w, x), g, group));
  give_bias(c, w.axes);
}

// Its output is what the windows are on.
void conv_transpose(Context& c) {
  Windows w;
  ir::Value *x = c.in(0), *g = c.gradient();
  if (!read_windows(c, g, x, spatial_shape(c, c.in(1)), true, w)) return;
  const int64_t group = c.attributes().integer("group", 1);
  ir::Value* padded = fitted(c, w, g);
  if (c.wants(0)) c.give(0, c.op("Conv", {padded, c.in(1)}, strided(w.strides, w.dilations, group)));
  if (c.wants(1)) c.give(1, weight_gradient(c, w, padded, x, group));
  give_bias(c, w.axes);
}

// Each output's share of g goes to all of its window. What it divides by is how many elements the window has
// within x, over what the pooling of ones gives: this counts padding as the operator does.
void average_pool(Context& c) {
  Windows w;
  ir::Value *x = c.in(0), *g = c.gradient();
  const ir::Ints shape = c.attributes().integers("kernel_shape");
  if (!read_windows(c, x, g, c.ints(shape), false, w)) return;
  ir::Value* kernel = ones_kernel(c, shape);
  ir::Value* one_shape = c.op("Concat", {c.ints({1, 1}), spatial_shape(c, x)}, {{"axis", int64_t{0}}});
  ir::Value* ones = c.op("Expand", {c.number(g, 1), one_shape});
  const ir::Attributes windows = strided(w.strides, w.dilations, 1);
  ir::Value* within = c.op("Conv", {fitted(c, w, ones), kernel}, windows);
  ir::Value* share = c.div(c.op("AveragePool", {ones}, c.node().attributes), within);
  ir::Value* spread = c.op("ConvTranspose", {channels_apart(c, c.mul(g, share)), kernel}, windows);
  c.give(0, c.reshaped_to(unfitted(c, w, spread, channels_apart(c, x)), x));
}

// g where the maximum was found: Indices count all elements of x.
void max_pool(Context& c) {
  ir::Attributes attributes = c.node().attributes;
  attributes.insert_or_assign("storage_order", int64_t{0});
  const auto both = c.ops("MaxPool", {c.in(0)}, 2, std::move(attributes));
  if (both.empty() || !c.gradient()) return;
  ir::Value* count = c.op("Reshape", {c.op("Size", {c.in(0)}), c.ints({1})});
  ir::Value* zeros = c.op("Expand", {c.number(c.gradient(), 0), count});
  const auto flat = [&](ir::Value* v) { return c.op("Reshape", {v, c.ints({-1})}); };
  ir::Value* sums = c.op("ScatterElements", {zeros, flat(both[1]), flat(c.gradient())},
                         {{"reduction", std::string("add")}});
  c.give(0, c.reshaped_to(sums, c.in(0)));
}

void global_average_pool(Context& c) {
  ir::Value* count = c.op("ReduceProd", {spatial_shape(c, c.in(0))}, {{"keepdims", int64_t{0}}});
  ir::Value* share = c.div(c.gradient(), c.op("CastLike", {count, c.gradient()}));
  c.give(0, c.op("Expand", {share, c.shape_of(c.in(0))}));
}

// Equal parts where several elements are the maximum.
void global_max_pool(Context& c) {
  ir::Value* mask = c.op("CastLike", {c.op("Equal", {c.in(0), c.out()}), c.gradient()});
  ir::Value* rank = c.op("Size", {c.shape_of(c.in(0))});
  ir::Value* axes = c.op("Range", {c.int_scalar(2), rank, c.int_scalar(1)});
  c.give(0, c.mul(mask, c.div(c.gradient(), c.op("ReduceSum", {mask, axes}))));
}

}  // namespace ow::gradients
