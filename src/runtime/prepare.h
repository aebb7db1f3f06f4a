// What comes before the steps of a plan: each node's attributes are read, and constants are packed by those
// who take them so. Nodes are packed side by side, each by one thread, since to touch the pages of their
// memory for the first time is a good part of it; by all threads where one node has most of the bytes.
#pragma once
#include "runtime/plan.h"

namespace ow {

struct Preparation {
  const Op* op = nullptr;
  Op::Attrs attrs;
  std::any made;         // what `prepare` returned
  uint32_t dropped = 0;  // inputs that `run` does not read any more, as a bit mask
};

// In the order of the nodes. Constants that all who read them have packed are taken out of the graph.
// Errors: as those of compile_plan.
Result<std::vector<Preparation>> prepare_nodes(const ir::Graph& graph, const PlanOptions& options);

// An aligned copy (tensor/alignment.h); the original's memory is let go.
Result<Tensor> copy_aligned(const Tensor& stored, const PlanOptions& options);

}  // namespace ow
