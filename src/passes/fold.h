// Constant folding.
#pragma once
#include "ir/graph.h"

namespace ow {

struct FoldLimits {
  int64_t max_output_bytes = int64_t{64} << 20;
  // Outputs may have so many times the bytes of the inputs, beyond the first free_bytes.
  int64_t max_growth = 8;
  int64_t free_bytes = int64_t{1} << 20;
};

// Evaluates `node` if all its inputs are constants, its operator is deterministic and has no subgraphs, and
// the outputs stay within the limits; its outputs become constants and the node is left without outputs in
// use. Returns whether it did. An evaluation that fails leaves the node as it is: the run will say why.
bool fold_node(ir::Node& node, const FoldLimits& limits = {});

// Outputs whose elements inference knows as numbers, whatever the inputs, become constants: what Shape and
// the arithmetic behind it make where sizes are fixed. Returns whether all outputs did.
bool fold_known_elements(ir::Node& node);

}  // namespace ow
