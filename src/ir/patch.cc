#include <algorithm>
#include <exception>
#include <unordered_set>

#include "ir/graph.h"

namespace ow::ir {

Patch::~Patch() {
  if (std::uncaught_exceptions() > 0) return;  // out of memory: the graph is on its way out, too
  for (const Node* node : touched_)
    if (Status s = verify(*node); !s.ok()) {
      std::string text(s.message());
      internal::check_failed("Patch", 0, text.c_str());
    }
}

Node* Patch::insert(Node* before, std::string_view op_type, std::string_view domain,
                    std::vector<Value*> inputs, size_t outputs, Attributes attributes) {
  std::vector<Value*> values;
  for (size_t i = 0; i < outputs; ++i) values.push_back(graph_.add_value(""));
  auto where = before ? before->where_ : graph_.nodes_.end();
  Node* node = graph_.insert_node(where, op_type, domain, std::move(inputs), std::move(values));
  node->attributes = std::move(attributes);
  touch(node);
  if (before) {
    node->name = before->name;
    node->metadata = before->metadata;
  }
  return node;
}

Value* Patch::constant(Tensor tensor, std::string_view name) {
  return graph_.add_constant(name, std::move(tensor));
}

void Patch::forget_use(Value* value, Node* node, int index) {
  if (!value) return;
  // From the end: what was added last is mostly removed first, and a value may have very many uses.
  auto it = std::find(value->uses_.rbegin(), value->uses_.rend(), Value::Use{node, index});
  if (it != value->uses_.rend()) value->uses_.erase(std::next(it).base());
}

void Patch::replace_uses(Value* from, Value* to) {
  if (from == to) return;
  for (const Value::Use& use : from->uses_) {
    use.node->inputs_[static_cast<size_t>(use.input_index)] = to;
    to->uses_.push_back(use);
    touch(use.node);
  }
  from->uses_.clear();
  if (from->output_uses_ == 0) return;
  const bool keep_name = to->output_uses_ == 0 && !to->is_graph_input && to->graph_ == from->graph_;
  auto redirect = [&](Graph& g) {
    for (Value*& out : g.outputs_)
      if (out == from) {
        out = to;
        --from->output_uses_;
        ++to->output_uses_;
      }
  };
  redirect(*from->graph_);
  if (from->output_uses_ > 0) visit_graphs(*from->graph_, redirect);  // captured as a subgraph's output
  if (keep_name) std::swap(from->name_, to->name_);
}

void Patch::set_input(Node* node, size_t index, Value* value) {
  touch(node);
  if (index >= node->inputs_.size()) node->inputs_.resize(index + 1, nullptr);
  forget_use(node->inputs_[index], node, static_cast<int>(index));
  node->inputs_[index] = value;
  if (value) value->uses_.push_back({node, static_cast<int>(index)});
}

void Patch::add_output(Node* node) {
  touch(node);
  Value* v = node->graph_->add_value("");
  v->producer_ = node;
  v->output_index_ = static_cast<int>(node->outputs_.size());
  node->outputs_.push_back(v);
}

void Patch::drop_trailing_inputs(Node* node, size_t keep) {
  touch(node);
  while (node->inputs_.size() > keep) {
    forget_use(node->inputs_.back(), node, static_cast<int>(node->inputs_.size() - 1));
    node->inputs_.pop_back();
  }
}

void Patch::set_outputs_omitted(Node* node, size_t index) {
  Value* v = node->output(index);
  if (!v) return;
  touch(node);
  ONWARD_CHECK(!v->is_used());
  v->producer_ = nullptr;
  node->outputs_[index] = nullptr;
}

void Patch::set_graph_output(size_t index, Value* value) {
  --graph_.outputs_[index]->output_uses_;
  graph_.outputs_[index] = value;
  ++value->output_uses_;
}

void Patch::truncate_outputs(size_t keep) {
  while (graph_.outputs_.size() > keep) {
    --graph_.outputs_.back()->output_uses_;
    graph_.outputs_.pop_back();
  }
}

void Patch::make_constant(Value* value, Tensor tensor) {
  if (Node* node = value->producer_) {
    touch(node);
    node->outputs_[static_cast<size_t>(value->output_index_)] = nullptr;
  }
  value->producer_ = nullptr;
  value->fact = Fact::of(tensor);
}

void Patch::move_outputs(Node* from, Node* to) {
  touch(from);
  touch(to);
  for (Value* v : to->outputs_) ONWARD_CHECK(!v || !v->is_used());
  for (Value* v : to->outputs_)
    if (v) v->producer_ = nullptr;
  to->outputs_ = std::move(from->outputs_);
  from->outputs_.clear();
  for (Value* v : to->outputs_)
    if (v) v->producer_ = to;
}

void Patch::erase(Node* node) {
  touched_.erase(node);
  for (Value* v : node->outputs_) {
    if (!v) continue;
    ONWARD_CHECK(!v->is_used());
    v->producer_ = nullptr;
  }
  node->visit_subgraphs([&](const std::string&, Graph& sub) {
    visit_graphs(sub, [&](Graph& g) {
      for (auto& inner : g.nodes_) {
        touched_.erase(inner.get());
        for (size_t i = 0; i < inner->inputs_.size(); ++i)
          forget_use(inner->inputs_[i], inner.get(), static_cast<int>(i));
      }
      for (Value* v : g.outputs_) --v->output_uses_;
    });
  });
  for (size_t i = 0; i < node->inputs_.size(); ++i) forget_use(node->inputs_[i], node, static_cast<int>(i));
  node->graph_->nodes_.erase(node->where_);
}

int Patch::erase_dead() {
  int erased = 0;
  for (auto it = graph_.nodes_.end(); it != graph_.nodes_.begin();) {
    Node* node = (--it)->get();
    if (std::any_of(node->outputs_.begin(), node->outputs_.end(), [](Value* v) { return v && v->is_used(); }))
      continue;
    ++it;
    erase(node);
    ++erased;
  }
  std::erase_if(graph_.values_, [&](const std::unique_ptr<Value>& v) {
    bool dead = !v->is_used() && !v->producer_ && !v->is_graph_input;
    if (dead) graph_.names_.erase(v->name_);
    return dead;
  });
  return erased;
}

namespace {

Status verify_graph(const Graph& g, std::unordered_set<const Value*> visible) {
  for (const auto& v : g.values())
    if (!v->producer()) visible.insert(v.get());
  for (const auto& node : g.nodes()) {
    if (node->graph() != &g) return internal_error(node->label(), " belongs to another graph");
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const Value* v = node->inputs()[i];
      if (!v) continue;
      if (!visible.count(v))
        return internal_error(node->label(), ": input ", i, " '", v->name(), "' is used before it is made");
      Value::Use use{node.get(), static_cast<int>(i)};
      if (std::count(v->uses().begin(), v->uses().end(), use) != 1)
        return internal_error(node->label(), ": input ", i, " is not in the use list of '", v->name(), "'");
    }
    Status status;
    node->visit_subgraphs([&](const std::string&, Graph& sub) {
      if (status.ok()) status = verify_graph(sub, visible);
    });
    ONWARD_TRY(std::move(status));
    for (size_t i = 0; i < node->outputs().size(); ++i) {
      const Value* v = node->outputs()[i];
      if (!v) continue;
      if (v->producer() != node.get() || v->output_index() != static_cast<int>(i))
        return internal_error(node->label(), ": output '", v->name(), "' names another producer");
      if (!visible.insert(v).second) return internal_error("value '", v->name(), "' is made twice");
    }
  }
  for (const Value* v : g.outputs())
    if (!visible.count(v)) return internal_error("graph output '", v->name(), "' is made by nobody");
  return {};
}

bool encloses(const Graph* outer, const Graph* inner) {
  while (inner && inner != outer) inner = inner->outer();
  return inner != nullptr;
}

}  // namespace

Status verify(const Node& node) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const Value* v = node.inputs()[i];
    if (!v) continue;
    if (!encloses(v->graph(), node.graph()))
      return internal_error(node.label(), ": input ", i, " '", v->name(), "' is of another graph");
    const Value::Use use{const_cast<Node*>(&node), static_cast<int>(i)};
    if (std::find(v->uses().rbegin(), v->uses().rend(), use) == v->uses().rend())
      return internal_error(node.label(), ": input ", i, " is not in the use list of '", v->name(), "'");
  }
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    const Value* v = node.outputs()[i];
    if (v && (v->producer() != &node || v->output_index() != static_cast<int>(i)))
      return internal_error(node.label(), ": output '", v->name(), "' names another producer");
  }
  return {};
}

Status verify(const Graph& graph) {
  std::unordered_set<const Value*> visible;
  for (const Graph* outer = graph.outer(); outer; outer = outer->outer())
    for (const auto& v : outer->values()) visible.insert(v.get());
  return verify_graph(graph, std::move(visible));
}

}  // namespace ow::ir
