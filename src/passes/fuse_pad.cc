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
std::optional<ir::Ints> pixel_pads(const ir::Node& pad) {
  const ir::Value *amounts = pad.input(1), *value = pad.input(2);
  if (!pad.is("Pad") || AttrReader(pad).text("mode", "constant") != "constant" || pad.input(3) || !amounts ||
      !amounts->is_constant() || amounts->fact.constant->dtype() != DType::kInt64 ||
      (value && scalar(value) != 0.0f) || !pad.input(0) || pad.input(0)->type().dtype != DType::kFloat32)
    return std::nullopt;
  const auto all = amounts->fact.constant->span<int64_t>();
  const size_t rank = all.size() / 2;
  if (rank < 3 || all.size() % 2 != 0) return std::nullopt;
  ir::Ints pads;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] < 0 || all[i] > (1 << 20) || (i % rank < 2 && all[i] != 0)) return std::nullopt;
    if (i % rank >= 2) pads.push_back(all[i]);
  }
  return pads;
}

bool take_pads(ir::Node& node, const ir::Ints& pads) {
  const AttrReader a(node);
  const std::string mode = a.text("auto_pad", "NOTSET");
  ir::Ints own = a.integers("pads");
  if ((mode != "NOTSET" && mode != "VALID") || (!own.empty() && own.size() != pads.size())) return false;
  if (own.empty() || mode == "VALID") own.assign(pads.size(), 0);
  bool none = true;
  for (int64_t p : own) none &= p == 0;
  if (node.is("AveragePool")) {
    if (a.flag("ceil_mode", false) || (!none && !a.flag("count_include_pad", false))) return false;
    node.attributes.insert_or_assign("count_include_pad", int64_t{1});
  }
  for (size_t i = 0; i < own.size(); ++i) own[i] += pads[i];
  node.attributes.erase("auto_pad");
  node.attributes.insert_or_assign("pads", std::move(own));
  return true;
}

}  // namespace

Result<int> fuse_pad(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& pad : g.nodes()) {
    const auto pads = pixel_pads(*pad);
    ir::Node* reader = pads && pad->output(0) ? only_reader(pad->output(0)) : nullptr;
    if (!reader || (!reader->is("Conv") && !reader->is("AveragePool")) ||
        reader->input(0) != pad->output(0) || !take_pads(*reader, *pads))
      continue;
    patch.set_input(reader, 0, pad->input(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
