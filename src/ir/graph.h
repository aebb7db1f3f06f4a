// The graph that passes work on: nodes in topological order, values in SSA form.
//
// Every operator has one meaning here, that of its newest opset. A subgraph (If, Loop, Scan) is a Graph held
// in an attribute; its nodes may use values of the enclosing graphs directly (captures). Graphs own their
// nodes and values; edits go through ir::Patch, which keeps uses consistent.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/attribute.h"

namespace ow::ir {

class Node;

// Key and text pairs that travel with an element of the model and mean nothing to the engine.
using Metadata = std::vector<std::pair<std::string, std::string>>;

class Value {
 public:
  const std::string& name() const { return name_; }
  Graph* graph() const { return graph_; }
  Node* producer() const { return producer_; }  // null: graph input, initializer or constant
  int output_index() const { return output_index_; }

  Fact fact;
  bool is_graph_input = false;
  std::optional<Tensor> default_value;  // of a graph input that need not be fed

  const Type& type() const { return fact.type; }
  bool is_constant() const { return fact.constant.has_value() && !is_graph_input; }
  struct Use {
    Node* node;
    int input_index;
    friend bool operator==(const Use&, const Use&) = default;
  };
  const std::vector<Use>& uses() const { return uses_; }  // includes uses inside subgraphs
  int output_uses() const { return output_uses_; }        // times it is an output of some graph
  bool is_used() const { return !uses_.empty() || output_uses_ > 0; }

 private:
  friend class Graph;
  friend class Patch;
  std::string name_;
  Graph* graph_ = nullptr;
  Node* producer_ = nullptr;
  int output_index_ = 0;
  int output_uses_ = 0;
  std::vector<Use> uses_;
};

class Node {
 public:
  std::string name;  // may be empty
  std::string op_type;
  std::string domain;  // "" is the default domain, never "ai.onnx"
  std::string overload;
  Attributes attributes;
  std::string provider;  // filled by placement
  std::string doc;
  Metadata metadata;

  Graph* graph() const { return graph_; }
  const std::vector<Value*>& inputs() const { return inputs_; }    // null: omitted
  const std::vector<Value*>& outputs() const { return outputs_; }  // null: omitted
  Value* input(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }
  Value* output(size_t i) const { return i < outputs_.size() ? outputs_[i] : nullptr; }
  bool is(std::string_view op, std::string_view in_domain = "") const {
    return op_type == op && domain == in_domain;
  }
  // "node 'up1/concat' (Concat)", for messages.
  std::string label() const;
  // Calls fn for each subgraph in the attributes.
  void visit_subgraphs(const std::function<void(const std::string& attribute, Graph&)>& fn) const;

 private:
  friend class Graph;
  friend class Patch;
  Graph* graph_ = nullptr;
  std::vector<Value*> inputs_, outputs_;
  std::list<std::unique_ptr<Node>>::iterator where_;
};

class Graph {
 public:
  explicit Graph(Graph* outer = nullptr) : outer_(outer) {}
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  std::string name, doc;
  Metadata metadata;

  Graph* outer() const { return outer_; }
  const std::list<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<Value*>& outputs() const { return outputs_; }
  const std::vector<std::unique_ptr<Value>>& values() const { return values_; }

  // Construction. Names are made unique within the graph by a suffix where needed; "" gives a fresh name.
  Value* add_value(std::string_view name);
  Value* add_input(std::string_view name, Type type);
  Value* add_constant(std::string_view name, Tensor tensor);
  void add_output(Value* value);
  // Appends a node with outputs of the given names; "" at a place: output omitted (null).
  Node* add_node(std::string_view op_type, std::string_view domain, std::vector<Value*> inputs,
                 const std::vector<std::string>& output_names, Attributes attributes = {});

 private:
  friend class Patch;
  Node* insert_node(std::list<std::unique_ptr<Node>>::iterator before, std::string_view op_type,
                    std::string_view domain, std::vector<Value*> inputs, std::vector<Value*> outputs);
  Graph* outer_;
  std::list<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Value>> values_;
  std::vector<Value*> inputs_, outputs_;
  std::unordered_set<std::string> names_;
  int64_t next_name_ = 0;
};

// Calls fn for the graph and every graph nested in it, outermost first.
void visit_graphs(Graph& graph, const std::function<void(Graph&)>& fn);

// The only way to edit a graph once it is built. Edits take effect at once; in debug builds the destructor
// verifies the nodes that were touched, each against its values. What only the whole graph shows (its order)
// is verified after each pass.
class Patch {
 public:
  explicit Patch(Graph& graph) : graph_(graph) {}
  ~Patch();
  Patch(const Patch&) = delete;

  // A new node before `before` (null: at the end) with `outputs` fresh values. Facts are empty until
  // inferred.
  Node* insert(Node* before, std::string_view op_type, std::string_view domain, std::vector<Value*> inputs,
               size_t outputs, Attributes attributes = {});
  Value* constant(Tensor tensor, std::string_view name = "");
  // Every use of `from`, graph outputs included, becomes a use of `to`. Where `from` is an output of the
  // graph and `to` is not, the two exchange names, so that the graph's interface keeps its names.
  void replace_uses(Value* from, Value* to);
  void set_input(Node* node, size_t index, Value* value);  // null: omit; grows the list
  void add_output(Node* node);                             // one more output with a fresh value
  void drop_trailing_inputs(Node* node, size_t keep);
  void set_outputs_omitted(Node* node, size_t index);
  void set_graph_output(size_t index, Value* value);
  void truncate_outputs(size_t keep);               // drops graph outputs from the end
  void make_constant(Value* value, Tensor tensor);  // detaches it from its producer
  // Moves the outputs of `from` to `to` (which must have none in use); `from` is left without outputs.
  void move_outputs(Node* from, Node* to);
  void erase(Node* node);  // its outputs must be unused
  int erase_dead();        // nodes without used outputs, and values nobody uses; returns nodes erased

 private:
  void forget_use(Value* value, Node* node, int index);
  void touch(Node* node) {
    if (kVerify) touched_.insert(node);
  }
#ifdef NDEBUG
  static constexpr bool kVerify = false;
#else
  static constexpr bool kVerify = true;
#endif
  Graph& graph_;
  std::unordered_set<Node*> touched_;  // and still there
};

// Structure: topological order, SSA, uses consistent, captures only from enclosing graphs.
Status verify(const Graph& graph);
// One node: it and its values know each other, and its captures are from enclosing graphs.
Status verify(const Node& node);

// "%y: float[N,8] = Softmax(%x) {axis = 1}", subgraphs indented.
std::string print(const Graph& graph);

}  // namespace ow::ir
