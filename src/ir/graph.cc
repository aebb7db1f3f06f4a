#include "ir/graph.h"

#include <algorithm>

namespace ow::ir {

const char* attribute_kind(const Attribute& a) {
  static constexpr const char* kNames[] = {"UNDEFINED", "INT",        "FLOAT",      "STRING", "TENSOR",
                                           "GRAPH",     "TYPE_PROTO", "INTS",       "FLOATS", "STRINGS",
                                           "TENSORS",   "GRAPHS",     "TYPE_PROTOS"};
  return kNames[a.index()];
}

std::string Node::label() const {
  return name.empty() && !outputs_.empty() && outputs_[0]
             ? cat(op_type, " node that makes '", printable(outputs_[0]->name()), "'")
             : cat("node '", printable(name), "' (", printable(op_type), ")");
}

void Node::visit_subgraphs(const std::function<void(const std::string&, Graph&)>& fn) const {
  for (const auto& [key, attribute] : attributes) {
    if (auto* g = std::get_if<GraphPtr>(&attribute)) {
      if (*g) fn(key, **g);
    } else if (auto* list = std::get_if<std::vector<GraphPtr>>(&attribute)) {
      for (const auto& item : *list) fn(key, *item);
    }
  }
}

// Inner graphs hold uses of outer values; they go first, and nothing here looks back at those values.
Graph::~Graph() = default;

Value* Graph::add_value(std::string_view name) {
  std::string unique(name);
  if (unique.empty()) unique = cat("v", next_name_++);
  while (!names_.insert(unique).second)
    unique = cat(name.empty() ? std::string_view("v") : name, "_", next_name_++);
  values_.push_back(std::make_unique<Value>());
  Value* v = values_.back().get();
  v->name_ = std::move(unique);
  v->graph_ = this;
  return v;
}

Value* Graph::add_input(std::string_view name, Type type) {
  Value* v = add_value(name);
  v->fact.type = std::move(type);
  v->is_graph_input = true;
  inputs_.push_back(v);
  return v;
}

Value* Graph::add_constant(std::string_view name, Tensor tensor) {
  Value* v = add_value(name);
  v->fact = Fact::of(tensor);
  return v;
}

void Graph::add_output(Value* value) {
  outputs_.push_back(value);
  ++value->output_uses_;
}

Node* Graph::insert_node(std::list<std::unique_ptr<Node>>::iterator before, std::string_view op_type,
                         std::string_view domain, std::vector<Value*> inputs, std::vector<Value*> outputs) {
  auto where = nodes_.insert(before, std::make_unique<Node>());
  Node* node = where->get();
  node->where_ = where;
  node->graph_ = this;
  node->op_type = op_type;
  node->domain = domain;
  node->inputs_ = std::move(inputs);
  node->outputs_ = std::move(outputs);
  for (size_t i = 0; i < node->inputs_.size(); ++i)
    if (Value* v = node->inputs_[i]) v->uses_.push_back({node, static_cast<int>(i)});
  for (size_t i = 0; i < node->outputs_.size(); ++i)
    if (Value* v = node->outputs_[i]) {
      v->producer_ = node;
      v->output_index_ = static_cast<int>(i);
    }
  return node;
}

Node* Graph::add_node(std::string_view op_type, std::string_view domain, std::vector<Value*> inputs,
                      const std::vector<std::string>& output_names, Attributes attributes) {
  std::vector<Value*> outputs;
  for (const std::string& n : output_names) outputs.push_back(n.empty() ? nullptr : add_value(n));
  Node* node = insert_node(nodes_.end(), op_type, domain, std::move(inputs), std::move(outputs));
  node->attributes = std::move(attributes);
  return node;
}

void visit_graphs(Graph& graph, const std::function<void(Graph&)>& fn) {
  fn(graph);
  for (const auto& node : graph.nodes())
    node->visit_subgraphs([&](const std::string&, Graph& g) { visit_graphs(g, fn); });
}

namespace {

void print_tensor(std::string& out, const Tensor& t) {
  append(out, Type::tensor(t.dtype(), symbolic(t.shape())));
  Fact fact = Fact::of(t);
  if (fact.elements && fact.elements->size() <= 16)
    out += list_text(*fact.elements, "{", "}");
  else if (t.dtype() == DType::kFloat32 && t.count() == 1)
    out += cat("{", double{t.data<float>()[0]}, "}");
}

void print_attribute(std::string& out, const Attribute& a) {
  if (auto* i = std::get_if<int64_t>(&a))
    out += cat(*i);
  else if (auto* f = std::get_if<float>(&a))
    out += cat(double{*f});
  else if (auto* s = std::get_if<std::string>(&a))
    out += cat("\"", printable(*s), "\"");
  else if (auto* v = std::get_if<ow::Value>(&a)) {
    if (v->tensor())
      print_tensor(out, *v->tensor());
    else
      out += "<value>";
  } else if (auto* ints = std::get_if<Ints>(&a))
    out += list_text(*ints);
  else if (auto* floats = std::get_if<Floats>(&a))
    out += list_text(*floats);
  else if (auto* strings = std::get_if<Strings>(&a))
    out += list_text(*strings);
  else if (auto* type = std::get_if<Type>(&a))
    out += cat(*type);
  else
    out += cat("<", attribute_kind(a), ">");
}

void print_graph(std::string& out, const Graph& g, int depth) {
  const std::string pad(static_cast<size_t>(depth) * 2, ' ');
  auto typed = [](const Value* v) { return cat("%", printable(v->name()), ": ", v->type()); };
  out += cat(pad, "graph ", printable(g.name), "(");
  for (size_t i = 0; i < g.inputs().size(); ++i) out += cat(i ? ", " : "", typed(g.inputs()[i]));
  out += ") {\n";
  for (const auto& v : g.values())
    if (v->is_constant() && v->is_used()) {
      out += cat(pad, "  %", printable(v->name()), " = ");
      print_tensor(out, *v->fact.constant);
      out += '\n';
    }
  for (const auto& node : g.nodes()) {
    out += pad + "  ";
    for (size_t i = 0; i < node->outputs().size(); ++i)
      out += cat(i ? ", " : "", node->outputs()[i] ? typed(node->outputs()[i]) : std::string("_"));
    out += cat(" = ", node->domain, node->domain.empty() ? "" : ".", printable(node->op_type), "(");
    for (size_t i = 0; i < node->inputs().size(); ++i)
      out += cat(i ? ", " : "",
                 node->inputs()[i] ? cat("%", printable(node->inputs()[i]->name())) : std::string("_"));
    out += ")";
    bool first = true;
    for (const auto& [key, a] : node->attributes) {
      out += cat(first ? " {" : ", ", printable(key), " = ");
      print_attribute(out, a);
      first = false;
    }
    out += first ? "\n" : "}\n";
    node->visit_subgraphs([&](const std::string&, Graph& sub) { print_graph(out, sub, depth + 2); });
  }
  out += pad + "  return ";
  for (size_t i = 0; i < g.outputs().size(); ++i) out += cat(i ? ", " : "", typed(g.outputs()[i]));
  out += cat("\n", pad, "}\n");
}

}  // namespace

std::string print(const Graph& graph) {
  std::string out;
  print_graph(out, graph, 0);
  return out;
}

}  // namespace ow::ir
