// A convolution of one input pixel per output pixel, or of few channels, and the depthwise convolution that
// alone reads it become onward.ConvDepthwise: the wide image between them is made and read strip by strip in
// the cache. So in inverted residuals (Sandler et al.: MobileNetV2, 2018), and at the start of networks.
#include <algorithm>

#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// The shape of its constant float weights, if it is a float32 convolution that adds nothing; else null.
const Shape* plain_weights(const ir::Node& node) {
  if ((!node.is("Conv") && !node.is("Conv", "onward")) || node.input(3) || !node.output(0)) return nullptr;
  const Tensor* w = float_constant(node.input(1));
  return w && w->count() > 0 && node.output(0)->type().dtype == DType::kFloat32 ? &w->shape() : nullptr;
}

bool all(const ir::Ints& list, auto holds) { return std::all_of(list.begin(), list.end(), holds); }
bool is_one(int64_t v) { return v == 1; }

// Other kernels over many channels may have a quicker method (kernels/conv.h), which needs the whole image.
bool can_be_first(const ir::Node& node) {
  constexpr int64_t kFewChannels = 8;
  const Shape* w = plain_weights(node);
  if (!w || w->rank() != 4 || AttrReader(node).integer("group", 1) != 1) return false;
  return (*w)[1] <= kFewChannels || w->count(2, 4) == 1;
}

bool is_depthwise(const ir::Node& node) {
  const Shape* w = plain_weights(node);
  return w && w->rank() == 4 && AttrReader(node).integer("group", 1) == (*w)[0] && (*w)[0] >= 2 &&
         (*w)[1] == 1;
}

// Whether the kernel knows a depthwise convolution of these sizes.
bool has_kernel(const ir::Node& node, Why& why) {
  const Shape& w = *plain_weights(node);
  const AttrReader a(node);
  if (w[2] != w[3] || !(w[2] == 3 || w[2] == 5 || w[2] == 7))
    return why.no(2, &node, " has windows of ", w[2], "x", w[3], ", expected 3x3, 5x5 or 7x7"), false;
  const ir::Ints strides = a.integers("strides", {1, 1});
  if (strides.size() != 2 || strides[0] != strides[1] || strides[0] > 2)
    return why.no(2, &node, " has strides other than 1 or 2, alike in both axes"), false;
  if (all(a.integers("dilations"), is_one) && all(a.integers("pads"), [](int64_t v) { return v >= 0; }))
    return true;
  return why.no(2, &node, " is dilated, or takes pixels away at the edges"), false;
}

// The depthwise convolution behind `first`, itself one that can come before it.
ir::Node* match(const ir::Node& first, Why& why) {
  const ir::Value* y = first.output(0);
  const auto reads_image = [&](const auto& use) { return use.input_index == 0 && is_depthwise(*use.node); };
  const auto depthwise = std::find_if(y->uses().begin(), y->uses().end(), reads_image);
  if (depthwise == y->uses().end()) return nullptr;
  if (!only_reader(y))
    return why.no(1, ReadersOf{y}, "; only the depthwise convolution may read it"), nullptr;
  return has_kernel(*depthwise->node, why) ? depthwise->node : nullptr;
}

}  // namespace

Result<int> fuse_depthwise(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!can_be_first(*node)) continue;
    Why why(missed, *node);
    ir::Node* reader = match(*node, why);
    if (!reader) continue;
    ir::Attributes attributes = node->attributes;
    for (const auto& [name, value] : reader->attributes) attributes["depthwise_" + name] = value;
    ir::Node* fused =
        patch.insert(reader, "ConvDepthwise", "onward",
                     {node->input(0), node->input(1), node->input(2), reader->input(1), reader->input(2)}, 1,
                     std::move(attributes));
    fused->name = reader->name;
    fused->output(0)->fact = reader->output(0)->fact;
    patch.replace_uses(reader->output(0), fused->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
