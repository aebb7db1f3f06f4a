// InferContext: what `infer` reads and writes. Works the same for symbolic shapes (when a model is compiled)
// and for concrete ones (when a plan is bound to input shapes).
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace ow {

// Output `from` of a graph is its input `to` when the graph is run the next time (the state of a loop).
struct Feedback {
  size_t from = 0, to = 0;
};

class InferContext {
 public:
  // Infers a subgraph whose inputs have the given facts at first; returns its outputs' facts, which hold for
  // every run of the graph when outputs are fed back (see ops/op/feedback.h).
  using SubgraphInference = std::function<Result<std::vector<ir::Fact>>(
      ir::Graph& graph, std::span<const ir::Fact> inputs, std::span<const Feedback> feedback)>;

  InferContext(const ir::Node& node, std::vector<const ir::Fact*> inputs, SubgraphInference subgraph)
      : node_(node),
        inputs_(std::move(inputs)),
        outputs_(node.outputs().size()),
        subgraph_(std::move(subgraph)) {}

  const ir::Node& node() const { return node_; }
  size_t inputs() const { return inputs_.size(); }
  size_t outputs() const { return outputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i]; }
  bool wants(size_t o) const { return node_.output(o) != nullptr; }

  const ir::Fact& fact(size_t i) const { return *inputs_[i]; }
  const ir::Type& type(size_t i) const { return inputs_[i]->type; }
  DType dtype(size_t i) const { return has(i) ? type(i).dtype : DType::kUndefined; }
  // Shape of a present tensor input; null when the rank is unknown.
  const SymShape* shape(size_t i) const { return has(i) && type(i).shape ? &*type(i).shape : nullptr; }
  // Contents of an integer or bool input of rank <= 1, if known (each element may be symbolic).
  const std::vector<Dim>* elements(size_t i) const {
    return has(i) && inputs_[i]->elements ? &*inputs_[i]->elements : nullptr;
  }
  // The same when all elements are constants.
  std::optional<std::vector<int64_t>> constants(size_t i) const;
  const Tensor* constant(size_t i) const {
    return has(i) && inputs_[i]->constant ? &*inputs_[i]->constant : nullptr;
  }

  void set(size_t o, DType dtype, std::optional<SymShape> shape);
  void set(size_t o, ir::Type type);
  void set_unknown_dims(size_t o, DType dtype, size_t rank);  // rank known, every dim a fresh symbol
  void set_elements(size_t o, std::vector<Dim> elements);     // kept up to 1,024 elements

  // numpy broadcasting. Unequal constants are an error; otherwise the more likely of two symbols is taken:
  // d against 1 gives d, equal symbols stay, else a constant > 1 wins, else a fresh symbol.
  Result<SymShape> broadcast(const SymShape& a, const SymShape& b) const;
  // In [0, rank); an error outside [-rank, rank).
  Result<int64_t> axis(int64_t axis, size_t rank) const;

  Result<std::vector<ir::Fact>> infer_subgraph(ir::Graph& g, std::span<const ir::Fact> inputs,
                                               std::span<const Feedback> feedback = {}) {
    if (!subgraph_) return error("its graphs cannot be inferred here");
    return subgraph_(g, inputs, feedback);
  }

  // An InvalidModel error located at this node: error("input 1 is ", shape, ", expected rank 2").
  template <class... T>
  Status error(const T&... parts) const {
    return invalid_model(node_.label(), ": ", parts...);
  }

  std::vector<ir::Fact>& results() { return outputs_; }

 private:
  const ir::Node& node_;
  std::vector<const ir::Fact*> inputs_;
  std::vector<ir::Fact> outputs_;
  SubgraphInference subgraph_;
};

// Inference rules that many operators share.
Status infer_same(InferContext& c);       // output 0 has the type and shape of input 0
Status infer_broadcast(InferContext& c);  // output 0: type of input 0, shape of all inputs broadcast
Status infer_broadcast_bool(InferContext& c);

}  // namespace ow
