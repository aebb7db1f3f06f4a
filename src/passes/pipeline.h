// The passes that turn an imported graph into one that is ready to plan, as a visible list.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "passes/missed.h"

namespace ow {

enum class Level { kOff, kBasic, kFull };

struct Pass {
  const char* name;
  Level from;  // the lowest level that runs it
  // Edits one graph (not its subgraphs); returns the number of changes.
  Result<int> (*run)(ir::Graph& g, MissedFusions* missed);
  bool reassociates = false;  // it changes the order in which products are summed: not in strict_math
};

std::span<const Pass> pipeline();

struct PassReport {
  std::string name;
  int changes = 0;
  double ms = 0;
};

// Runs the list over the graph and its subgraphs, the first `stop_after` passes only if that is >= 0, and
// those in `skipped`, and if `strict` those that re-associate, not at all. Errors: InvalidArgument where
// `skipped` names no pass, or one that every level needs. `missed`, if given: why fusions did not match.
Result<std::vector<PassReport>> run_pipeline(ir::Graph& graph, Level level, int stop_after = -1,
                                             std::span<const std::string> skipped = {}, bool strict = false,
                                             MissedFusions* missed = nullptr);

}  // namespace ow
