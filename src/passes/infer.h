// Shape and type inference over whole graphs, subgraphs included.
#pragma once
#include "ops/op/infer.h"

namespace ow {

// Infers all nodes in order, from the facts of the inputs and constants. Facts already present are joined
// with what is inferred. Errors: InvalidModel where a node's inputs contradict its rules.
Status infer_graph(ir::Graph& graph);

// For InferContext: gives `graph` these input facts, infers it, and returns its outputs' facts. The facts of
// its values hold for every run of it (ops/op/feedback.h).
Result<std::vector<ir::Fact>> infer_subgraph(ir::Graph& graph, std::span<const ir::Fact> inputs,
                                             std::span<const Feedback> feedback);

}  // namespace ow
