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

// Runs those passes over the graph and its subgraphs until none changes anything, at most `max_rounds` times.
Result<Simplified> simplify(ir::Graph& graph, int max_rounds = 8);

// Why `node` is still there, for people: what folding it or the passes above would need.
std::string why_kept(const ir::Node& node);

}  // namespace ow
