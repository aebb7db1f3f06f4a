// Evaluates nodes one by one on heap memory, without a plan: for constant folding, for tests, and as the
// plain meaning that an optimised plan is compared with.
#pragma once
#include <span>
#include <vector>

#include "ops/op/op.h"

namespace ow {

struct EvaluateOptions {
  int threads = 1;
  std::shared_ptr<Budget> budget;  // null: unlimited
};

// Outputs of one node in the order of node.outputs() (omitted ones hold nothing). `captured` finds the values
// that subgraphs read from outside.
using Captured = std::function<const Value*(const ir::Value*)>;
Result<std::vector<Value>> evaluate(const ir::Node& node, std::span<const Value> inputs,
                                    const EvaluateOptions& options = {}, const Captured& captured = {});

// Runs a whole graph; inputs in the order of graph.inputs().
Result<std::vector<Value>> evaluate(const ir::Graph& graph, std::span<const Value> inputs,
                                    const EvaluateOptions& options = {}, const Captured& captured = {});

// For tests: one node of an operator with these attributes and inputs (monostate: omitted), inferred and run.
// Also checks that what was inferred agrees with what came out.
Result<std::vector<Value>> evaluate_op(std::string_view op_type, std::vector<Value> inputs,
                                       size_t outputs = 1, ir::Attributes attributes = {},
                                       std::string_view domain = "");

// Facts of a node's outputs, from those of its inputs, through the operator's `infer`. Graph inference over a
// whole graph is in passes/; subgraphs are inferred through `subgraph`.
Status infer_node(ir::Node& node, const InferContext::SubgraphInference& subgraph = {});

}  // namespace ow
