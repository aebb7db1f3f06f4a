// Pad with zeros, around the pixels alone, becomes the padding of the convolution or average that alone reads
// it: Conv(Pad(x)) = Conv(x) with the sum of both pads; AveragePool counts what was padded (unless it has
// pads of its own that it does not count).
#include "ops/op/attributes.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// The amounts per spatial axis, first all beginnings, then all ends; nullopt if they are not known, negative,
// not zeros, or of other axes.
std::optional<ir::Ints> pixel_pads(const ir::Node& pad, Why& why) {
  const ir::Value *amounts = pad.input(1), *value = pad.input(2);
  if (!pad.input(0) || !amounts || pad.input(3)) return why.no(1, "it pads axes of a list of its own");
  if (pad.input(0)->type().dtype != DType::kFloat32)
    return why.no(1, pad.input(0), " is ", pad.input(0)->type(), ", expected float");
  const std::string mode = AttrReader(pad).text("mode", "constant");
  if (mode != "constant") return why.no(1, "it pads in mode ", mode, ", expected constant zeros");
  if (value && scalar(value) != 0.0f) return why.no(1, "it pads with ", value, ", expected the constant 0");
  if (!amounts->is_constant() || amounts->fact.constant->dtype() != DType::kInt64)
    return why.no(1, "the amounts ", amounts, " are not constant");
  const auto all = amounts->fact.constant->span<int64_t>();
  const size_t rank = all.size() / 2;
  ir::Ints pads;
  bool fit = rank >= 3 && all.size() % 2 == 0;
  for (size_t i = 0; fit && i < all.size(); ++i) {
    fit = all[i] >= 0 && all[i] <= (1 << 20) && (i % rank >= 2 || all[i] == 0);
    if (i % rank >= 2) pads.push_back(all[i]);
  }
  if (!fit)
    return why.no(1, "it pads batch or channels, or by less than nothing, expected pixels around an image");
  return pads;
}

// Whether a convolution or average reads `v` as its image.
bool any_window(const ir::Value& v) {
  for (const auto& use : v.uses())
    if (use.input_index == 0 && (use.node->is("Conv") || use.node->is("AveragePool"))) return true;
  return false;
}

bool take_pads(ir::Node& node, const ir::Ints& pads, Why& why) {
  const AttrReader a(node);
  const std::string mode = a.text("auto_pad", "NOTSET");
  ir::Ints own = a.integers("pads");
  if ((mode != "NOTSET" && mode != "VALID") || (!own.empty() && own.size() != pads.size()))
    return why.no(3, &node, " has pads that depend on its input's size, or of other axes"), false;
  if (own.empty() || mode == "VALID") own.assign(pads.size(), 0);
  bool none = true;
  for (int64_t p : own) none &= p == 0;
  if (node.is("AveragePool")) {
    if (a.flag("ceil_mode", false) || (!none && !a.flag("count_include_pad", false)))
      return why.no(3, &node, " has a ceil_mode, or pads that it does not count"), false;
    node.attributes.insert_or_assign("count_include_pad", int64_t{1});
  }
  for (size_t i = 0; i < own.size(); ++i) own[i] += pads[i];
  node.attributes.erase("auto_pad");
  node.attributes.insert_or_assign("pads", std::move(own));
  return true;
}

}  // namespace

Result<int> fuse_pad(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& pad : g.nodes()) {
    const ir::Value* y = pad->output(0);
    if (!pad->is("Pad") || !y || !any_window(*y)) continue;
    Why why(missed, *pad);
    const auto pads = pixel_pads(*pad, why);
    ir::Node* reader = pads ? only_reader(y) : nullptr;
    if (pads && !reader) why.no(2, ReadersOf{y}, "; only one may read it");
    if (!reader || !take_pads(*reader, *pads, why)) continue;
    patch.set_input(reader, 0, pad->input(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
