#include "passes/infer.h"

#include "ops/op/evaluate.h"
#include "ops/op/feedback.h"

namespace ow {
namespace {

// One inference of a graph with all that is nested in it. What a body's values were known to be before is
// kept, so that each round starts from it and not from what an earlier round, with narrower facts, found.
class SubgraphInference {
 public:
  Result<std::vector<ir::Fact>> infer(ir::Graph& graph, std::span<const ir::Fact> inputs,
                                      std::span<const Feedback> feedback) {
    return feedback_.infer(&graph, {inputs.begin(), inputs.end()}, feedback,
                           [&](std::span<const ir::Fact> facts) { return once(graph, facts); });
  }

  Status nodes(ir::Graph& graph) {
    for (const auto& node : graph.nodes())
      ONWARD_TRY(infer_node(
          *node, [this](ir::Graph& g, std::span<const ir::Fact> inputs, std::span<const Feedback> feedback) {
            return infer(g, inputs, feedback);
          }));
    return {};
  }

 private:
  Result<std::vector<ir::Fact>> once(ir::Graph& graph, std::span<const ir::Fact> inputs) {
    restore(graph);
    for (size_t i = 0; i < graph.inputs().size() && i < inputs.size(); ++i) {
      ir::Fact fact = inputs[i];
      fact.type = ir::merge(fact.type, graph.inputs()[i]->fact.type);
      fact.constant.reset();  // the body is compiled once for all calls
      graph.inputs()[i]->fact = std::move(fact);
    }
    ONWARD_TRY(nodes(graph));
    std::vector<ir::Fact> outputs;
    for (const ir::Value* v : graph.outputs()) outputs.push_back(v->fact);
    return outputs;
  }

  void restore(ir::Graph& graph) {
    auto [it, fresh] = before_.try_emplace(&graph);
    for (const auto& v : graph.values()) {
      if (v->is_constant()) continue;
      if (fresh) it->second.emplace_back(v.get(), v->fact);
    }
    if (!fresh)
      for (const auto& [value, fact] : it->second) value->fact = fact;
  }

  FeedbackInference feedback_;
  std::unordered_map<const ir::Graph*, std::vector<std::pair<ir::Value*, ir::Fact>>> before_;
};

}  // namespace

Status infer_graph(ir::Graph& graph) { return SubgraphInference().nodes(graph); }

Result<std::vector<ir::Fact>> infer_subgraph(ir::Graph& graph, std::span<const ir::Fact> inputs,
                                             std::span<const Feedback> feedback) {
  return SubgraphInference().infer(graph, inputs, feedback);
}

}  // namespace ow
