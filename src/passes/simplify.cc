#include "passes/simplify.h"

#include <algorithm>

#include "ops/op/op.h"
#include "passes/match.h"

namespace ow {
namespace {

// Not lowering, fusing and widening: they make what only this engine runs, or what it runs best.
constexpr std::string_view kStandard[] = {"constants", "identity", "fold", "batch_norm", "dead"};

bool is_wanted(const Pass& pass, const SimplifyOptions& options) {
  return options.level >= pass.from &&
         !std::count(options.skipped.begin(), options.skipped.end(), pass.name) &&
         std::find(std::begin(kStandard), std::end(kStandard), pass.name) != std::end(kStandard);
}

Result<int> run_everywhere(const Pass& pass, ir::Graph& graph, MissedFusions* missed) {
  if (missed) missed->begin(pass.name);
  std::vector<ir::Graph*> graphs;
  ir::visit_graphs(graph, [&](ir::Graph& g) { graphs.push_back(&g); });
  int changes = 0;
  for (auto it = graphs.rbegin(); it != graphs.rend(); ++it) {
    auto made = pass.run(**it, missed);
    if (!made.ok()) return made.take_status().context(pass.name);
    changes += *made;
  }
  return changes;
}

}  // namespace

Result<Simplified> simplify(ir::Graph& graph, const SimplifyOptions& options) {
  Simplified out;
  for (const Pass& pass : pipeline())
    if (is_wanted(pass, options)) out.passes.push_back({pass.name});
  for (bool changed = true; changed && out.rounds < options.max_rounds; ++out.rounds) {
    changed = false;
    size_t at = 0;
    for (const Pass& pass : pipeline()) {
      if (!is_wanted(pass, options)) continue;
      const int changes = ONWARD_TRY(run_everywhere(pass, graph, options.missed));
      out.passes[at++].changes += changes;
      changed |= changes > 0;
    }
  }
  return out;
}

namespace {

std::string variable_inputs(const ir::Node& node) {
  std::string names;
  int count = 0;
  for (const ir::Value* v : node.inputs()) {
    if (!v || v->is_constant()) continue;
    if (++count <= 3) names += cat(count > 1 ? ", '" : "'", printable(v->name()), "'");
  }
  return count > 3 ? cat(names, " and ", count - 3, " more") : names;
}

}  // namespace

std::string why_kept(const ir::Node& node, const MissedFusions& missed) {
  if (const MissedFusion* m = missed.about(node)) return m->reason;
  if (node.is("Identity"))
    return "its output is an output of the graph, and its input has a name to keep as well";
  if (const std::string names = variable_inputs(node); !names.empty())
    return cat("computed from ", names, ", no constant");
  if (has_subgraphs(node)) return "nodes with graphs inside are not folded";
  const Op* op = find_op(node.domain, node.op_type);
  if (!op || !op->can_run) return "this build cannot compute it by itself";
  if (!op->traits.deterministic) return "it answers differently each time";
  if (node.is("DequantizeLinear")) return "its constants stay small: unpacked weights would grow the model";
  return "its result would grow the model past the limit of folding, or folding it failed";
}

}  // namespace ow
