// The passes that leave standard operators standard: what can be done to a graph that is written back as
// ONNX.
#pragma once
#include <string>
#include <vector>

#include "passes/pipeline.h"

namespace ow {

struct Simplified {
  std::vector<PassReport> passes;  // summed over rounds, in the pipeline's order
  int rounds = 0;
};

struct SimplifyOptions {
  int max_rounds = 8;
  Level level = Level::kFull;
  std::vector<std::string> skipped;  // names of passes, as for run_pipeline
  MissedFusions* missed = nullptr;   // if given: why fusions did not match in the last round
};

// Runs those passes over the graph and its subgraphs until none changes anything.
Result<Simplified> simplify(ir::Graph& graph, const SimplifyOptions& options = {});

// Why `node` is still there, for people: what folding it or the passes above, which said `missed`, would
// need.
std::string why_kept(const ir::Node& node, const MissedFusions& missed = {});

}  // namespace ow
