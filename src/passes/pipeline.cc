#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>

#include "build_parts.h"
#include "passes/passes.h"

namespace ow {

std::span<const Pass> pipeline() {
  static constexpr Pass kPasses[] = {
      {"constants", Level::kOff, fold_constant_nodes},
      {"lower", Level::kOff, lower_nodes},
      {"fold", Level::kBasic, fold_constants},
      {"identity", Level::kBasic, eliminate_identity},
      {"gelu", Level::kFull, build::kHas_gelu ? fuse_gelu : nullptr},
      {"layer_norm", Level::kFull, build::kHas_layer_norm ? fuse_layer_norm : nullptr},
      {"batch_norm", Level::kFull, build::kHas_batch_norm ? fuse_batch_norm : nullptr},
      {"scale", Level::kFull, fuse_scale, true},
      {"pad", Level::kFull, build::kHas_pad ? fuse_pad : nullptr},
      {"channel_product", Level::kFull, build::kHas_channel_product ? fuse_channel_product : nullptr, true},
      {"channel_shuffle", Level::kFull, build::kHas_channel_shuffle ? fuse_channel_shuffle : nullptr},
      {"attention", Level::kFull, build::kHas_attention ? fuse_attention : nullptr, true},
      {"activation", Level::kFull, fuse_activation},
      {"residual", Level::kFull, fuse_residual},
      {"depthwise", Level::kFull, build::kHas_depthwise ? fuse_depthwise : nullptr},
      {"pointwise", Level::kFull, build::kHas_pointwise ? fuse_pointwise : nullptr},
      {"matmul", Level::kFull, build::kHas_matmul ? fuse_matmul : nullptr},
      {"expand", Level::kFull, build::kHas_expand ? fuse_expand : nullptr},
      {"elementwise", Level::kFull, build::kHas_elementwise ? fuse_elementwise : nullptr},
      {"views", Level::kFull, build::kHas_views ? make_views : nullptr},
      {"dead", Level::kOff, eliminate_dead},
      {"widen", Level::kOff, widen_types},
  };
  return kPasses;
}

namespace {

Status check_skipped(std::span<const std::string> skipped) {
  for (const std::string& name : skipped) {
    std::vector<std::string> known;
    bool found = false;
    for (const Pass& pass : pipeline()) {
      if (pass.from == Level::kOff) continue;
      found |= name == pass.name;
      known.emplace_back(pass.name);
    }
    if (!found)
      return invalid_argument("there is no pass '", printable(name), "' to leave out; there are ",
                              list_text(known, "", ""));
  }
  return {};
}

}  // namespace

Result<std::vector<PassReport>> run_pipeline(ir::Graph& graph, Level level, int stop_after,
                                             std::span<const std::string> skipped, bool strict,
                                             MissedFusions* missed) {
  ONWARD_TRY(check_skipped(skipped));
  using Clock = std::chrono::steady_clock;
  std::vector<PassReport> reports;
  int index = 0;
  for (const Pass& pass : pipeline()) {
    if (stop_after >= 0 && index++ >= stop_after) break;
    if (!pass.run) continue;  // not in this build
    if (strict && pass.reassociates) continue;
    if (level < pass.from || std::count(skipped.begin(), skipped.end(), pass.name)) continue;
    PassReport report{pass.name};
    if (missed) missed->begin(pass.name);
    const auto start = Clock::now();
    std::vector<ir::Graph*> graphs;
    ir::visit_graphs(graph, [&](ir::Graph& g) { graphs.push_back(&g); });
    // Innermost first: a pass may remove a node together with its subgraphs.
    for (auto it = graphs.rbegin(); it != graphs.rend(); ++it) {
      auto changes = pass.run(**it, missed);
      if (!changes.ok()) return changes.take_status().context(pass.name);
      report.changes += *changes;
    }
#ifndef NDEBUG
    if (Status s = ir::verify(graph); !s.ok()) return std::move(s).context(pass.name);
#endif
    report.ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace ow
