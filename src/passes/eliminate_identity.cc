// Removes nodes whose output is their input: Identity, Dropout outside training, and what an exporter leaves
// behind that turns out to change nothing: Reshape and Expand to the shape that is there, Transpose that
// keeps the order, Tile once, Pad by nothing, Slice of all, Cast to the same type, Concat and Sum of one.
#include <algorithm>

#include "ops/op/attributes.h"
#include "passes/passes.h"

namespace ow {
namespace {

using Dims = std::vector<Dim>;

const Dims* elements(const ir::Value* v) { return v && v->fact.elements ? &*v->fact.elements : nullptr; }

bool all_are(const Dims* values, int64_t wanted) {
  return values && std::all_of(values->begin(), values->end(), [&](const Dim& d) { return d.is(wanted); });
}

// The target is compared, not the output's shape: a file may declare the latter as it likes.
bool keeps_shape(const ir::Node& n, const SymShape& shape) {
  const Dims* target = elements(n.input(1));
  if (!target || target->size() > shape.size()) return false;
  const size_t before = shape.size() - target->size();
  if (n.is("Expand")) {
    for (size_t i = 0; i < target->size(); ++i)
      if (!(*target)[i].is(1) && !((*target)[i] == shape[before + i])) return false;
    return true;
  }
  if (before != 0) return false;
  const bool zero_copies = !AttrReader(n).flag("allowzero", false);
  int open = 0;
  for (size_t i = 0; i < target->size(); ++i) {
    const Dim& d = (*target)[i];
    if (d.is(-1))
      ++open;
    else if (!(d == shape[i]) && !(d.is(0) && zero_copies))
      return false;
  }
  return open <= 1;
}

bool keeps_order(const ir::Node& n, size_t rank) {
  const auto perm = AttrReader(n).maybe_integers("perm");
  if (!perm) return rank <= 1;
  for (size_t i = 0; i < perm->size(); ++i)
    if ((*perm)[i] != static_cast<int64_t>(i)) return false;
  return true;
}

// From the first element, one by one, to the last of each axis listed.
bool slices_all(const ir::Node& n, const SymShape& shape) {
  const Dims *starts = elements(n.input(1)), *ends = elements(n.input(2)), *axes = elements(n.input(3));
  if (!all_are(starts, 0) || !ends || ends->size() != starts->size() || (n.input(3) && !axes) ||
      (n.input(4) && !all_are(elements(n.input(4)), 1)))
    return false;
  for (size_t i = 0; i < ends->size(); ++i) {
    const auto axis = axes ? (i < axes->size() ? (*axes)[i].constant() : std::nullopt)
                           : std::optional(static_cast<int64_t>(i));
    const auto rank = static_cast<int64_t>(shape.size());
    if (!axis || *axis < -rank || *axis >= rank) return false;
    const Dim& d = shape[static_cast<size_t>(*axis < 0 ? *axis + rank : *axis)];
    const auto end = (*ends)[i].constant(), extent = d.constant();
    constexpr int64_t kFar = int64_t{1} << 31;  // that is how exporters write the end
    if (!((*ends)[i] == d) && !(end && *end >= extent.value_or(kFar - 1))) return false;
  }
  return true;
}

bool is_inference_dropout(const ir::Node& n) {
  if (n.output(1) && n.output(1)->is_used()) return false;
  const Dims* training = elements(n.input(2));
  return !n.input(2) || (training && training->size() == 1 && training->front().is(0));
}

bool passes_through(const ir::Node& n) {
  if (n.is("Identity")) return true;
  if (n.is("Dropout")) return is_inference_dropout(n);
  const ir::Value* x = n.input(0);
  if (!x || !x->type().is_tensor()) return false;
  const std::optional<SymShape>& shape = x->type().shape;
  const auto is_any_of = [&](auto... names) { return (n.is(names) || ...); };
  if (is_any_of("Concat", "Sum", "Max", "Min", "Mean")) return n.inputs().size() == 1;
  if (n.is("Cast"))
    return x->type().dtype != DType::kUndefined &&
           AttrReader(n).dtype("to", DType::kUndefined) == x->type().dtype;
  if (n.is("Tile")) return all_are(elements(n.input(1)), 1);
  if (n.is("Pad")) return all_are(elements(n.input(1)), 0);
  if (!shape) return false;
  if (is_any_of("Reshape", "Expand")) return keeps_shape(n, *shape);
  if (n.is("Slice")) return slices_all(n, *shape);
  return n.is("Transpose") && keeps_order(n, shape->size());
}

}  // namespace

Result<int> eliminate_identity(ir::Graph& g, MissedFusions*) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    ir::Value *in = node->input(0), *out = node->output(0);
    if (!passes_through(*node) || !in || !out || !out->is_used()) continue;
    // An output of the graph keeps a node that makes it, unless the value is made in this graph.
    const bool interface = out->output_uses() > 0 && (in->is_graph_input || in->graph() != &g ||
                                                      !in->producer() || in->output_uses() > 0);
    if (interface) continue;
    patch.replace_uses(out, in);
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
