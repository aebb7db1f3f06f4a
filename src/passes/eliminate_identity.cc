// Removes nodes whose output is their input: Identity, and Dropout outside training.
#include "passes/passes.h"

namespace ow {
namespace {

bool passes_through(const ir::Node& n) {
  if (n.is("Identity")) return true;
  if (!n.is("Dropout") || (n.output(1) && n.output(1)->is_used())) return false;
  const ir::Value* training = n.input(2);
  return !training || (training->fact.elements && training->fact.elements->size() == 1 &&
                       (*training->fact.elements)[0].is(0));
}

}  // namespace

Result<int> eliminate_identity(ir::Graph& g) {
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
