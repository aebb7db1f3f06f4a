#include "passes/infer.h"

#include "ops/op/evaluate.h"

namespace ow {

Status infer_graph(ir::Graph& graph) {
  for (const auto& node : graph.nodes()) ONWARD_TRY(infer_node(*node, infer_subgraph));
  return {};
}

Result<std::vector<ir::Fact>> infer_subgraph(ir::Graph& graph, std::span<const ir::Fact> inputs) {
  for (size_t i = 0; i < graph.inputs().size() && i < inputs.size(); ++i) {
    ir::Fact fact = inputs[i];
    fact.type = ir::merge(fact.type, graph.inputs()[i]->fact.type);
    fact.constant.reset();  // the body is compiled once for all calls
    graph.inputs()[i]->fact = std::move(fact);
  }
  ONWARD_TRY(infer_graph(graph));
  std::vector<ir::Fact> outputs;
  for (const ir::Value* v : graph.outputs()) outputs.push_back(v->fact);
  return outputs;
}

}  // namespace ow
