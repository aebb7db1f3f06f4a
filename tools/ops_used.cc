// Which operator files and element types a model takes: those of the nodes in the file, of the graph that the
// import makes of it, and of what each pass makes of that; a node may come with one pass and go with the
// next.
#include "tools/ops_used.h"

#include <set>
#include <stdexcept>

#include "base/text.h"
#include "onnx/file.h"
#include "ops/op/op_file.h"
#include "passes/import.h"
#include "passes/passes.h"
#include "passes/pipeline.h"

namespace onward::tools {
namespace {

using Ops = std::set<const ow::Op*>;

// What is on the list beside operator files: kernels that are large, and types.
struct Used {
  Ops ops;
  std::set<ow::DType> types;
  bool depthwise_kernels = false, wide_winograd = false, curved_activations = false;
};

// An activation with an exponential or such in it, under its own name or as part of another operator.
bool is_curved(const ow::ir::Node& node) {
  for (const char* name : {"Sigmoid", "Tanh", "Gelu", "Mish", "Swish"})
    if (node.op_type.find(name) != std::string::npos) return true;
  return node.is("ElementwiseProgram", "onward");
}

// Null: the node has none of that name, or one of another type.
template <class T>
const T* attribute(const ow::ir::Node& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

bool has_groups(const ow::ir::Node& node) {
  const auto* n = attribute<int64_t>(node, "group");
  return n && *n > 1;
}

// A convolution of more than 3x3 taps at stride 1, or that may be one.
bool is_wide(const ow::ir::Node& node) {
  if (node.op_type.find("Conv") == std::string::npos || !node.input(1)) return false;
  const auto* steps = attribute<std::vector<int64_t>>(node, "strides");
  const bool transposed = node.op_type.find("ConvTranspose") != std::string::npos;
  if (!transposed && steps && !steps->empty() && steps->back() > 1) return false;
  const auto& shape = node.input(1)->type().shape;
  if (!shape) return true;
  if (shape->size() < 4) return false;
  const auto wide = [](const ow::Dim& taps) { return taps.constant().value_or(7) > 3; };
  return wide(shape->back()) && wide((*shape)[shape->size() - 2]);
}

void add(Used& used, std::string_view domain, std::string_view name) {
  if (const ow::Op* op = ow::find_op(domain, name)) used.ops.insert(op);
}

void add_type(Used& used, std::optional<int32_t> code) {
  const auto type = static_cast<ow::DType>(code.value_or(0));
  if (ow::is_valid(type)) used.types.insert(type);
}

void add_graph(Used& used, const ow::onnx::Graph& graph);

void add_nodes(Used& used, const std::vector<ow::onnx::Node>& nodes) {
  for (const ow::onnx::Node& node : nodes) {
    add(used, ow::onnx::or_default(node.domain), ow::onnx::or_default(node.op_type));
    for (const ow::onnx::Attribute& a : node.attribute) {
      if (a.t) add_type(used, a.t->data_type);
      if (a.g) add_graph(used, *a.g);
      for (const ow::onnx::Graph& g : a.graphs) add_graph(used, g);
    }
  }
}

void add_graph(Used& used, const ow::onnx::Graph& graph) {
  for (const ow::onnx::Tensor& t : graph.initializer) add_type(used, t.data_type);
  add_nodes(used, graph.node);
}

std::vector<ow::ir::Graph*> graphs_of(ow::ir::Graph& main) {
  std::vector<ow::ir::Graph*> graphs;
  ow::ir::visit_graphs(main, [&](ow::ir::Graph& g) { graphs.push_back(&g); });
  return graphs;
}

void add_graph(Used& used, ow::ir::Graph& main) {
  for (ow::ir::Graph* g : graphs_of(main)) {
    for (const auto& v : g->values())
      if (ow::is_valid(v->type().dtype)) used.types.insert(v->type().dtype);
    for (const auto& node : g->nodes()) {
      add(used, node->domain, node->op_type);
      used.depthwise_kernels |= has_groups(*node);
      used.wide_winograd |= is_wide(*node);
      used.curved_activations |= is_curved(*node);
    }
  }
}

template <class T>
T value_or_throw(ow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}

}  // namespace

std::string used_operator_files(const std::string& model_path) {
  Used used;
  const auto file = value_or_throw(ow::onnx::load(model_path));
  if (file->model.graph) add_graph(used, *file->model.graph);
  for (const ow::onnx::Function& f : file->model.functions) add_nodes(used, f.node);
  const ow::ImportedModel imported = value_or_throw(ow::import_model(file));
  add_graph(used, *imported.graph);
  for (const ow::Pass& pass : ow::pipeline()) {
    if (!pass.run) continue;
    const auto graphs = graphs_of(*imported.graph);
    for (auto g = graphs.rbegin(); g != graphs.rend(); ++g) value_or_throw(pass.run(**g, nullptr));
    add_graph(used, *imported.graph);
  }
  std::set<std::string> lines;
  for (const ow::Op* op : used.ops) lines.emplace(ow::op_file(*op));
  if (used.depthwise_kernels) lines.emplace("depthwise_kernels");
  if (used.wide_winograd) lines.emplace("wide_winograd");
  if (used.curved_activations) lines.emplace("curved_activations");
  lines.emplace("type:float");
  for (ow::DType type : used.types) lines.insert(ow::cat("type:", type));
  std::string out = "# operator files and element types for " + ow::printable(model_path) + "\n";
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace onward::tools
