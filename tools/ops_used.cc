// Which operator files a model takes: those of the nodes in the file, of the graph that the import makes of
// it, and of what each pass makes of that; a node may come with one pass and go with the next.
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

// The kernels for depthwise convolutions, which are large, are on the list by this name.
constexpr const char* kDepthwise = "depthwise_kernels";

bool has_groups(const ow::ir::Node& node) {
  const auto group = node.attributes.find("group");
  const auto* n = group == node.attributes.end() ? nullptr : std::get_if<int64_t>(&group->second);
  return n && *n > 1;
}

void add(Ops& ops, std::string_view domain, std::string_view name) {
  if (const ow::Op* op = ow::find_op(domain, name)) ops.insert(op);
}

void add_nodes(Ops& ops, const std::vector<ow::onnx::Node>& nodes) {
  for (const ow::onnx::Node& node : nodes) {
    add(ops, ow::onnx::or_default(node.domain), ow::onnx::or_default(node.op_type));
    for (const ow::onnx::Attribute& a : node.attribute) {
      if (a.g) add_nodes(ops, a.g->node);
      for (const ow::onnx::Graph& g : a.graphs) add_nodes(ops, g.node);
    }
  }
}

std::vector<ow::ir::Graph*> graphs_of(ow::ir::Graph& main) {
  std::vector<ow::ir::Graph*> graphs;
  ow::ir::visit_graphs(main, [&](ow::ir::Graph& g) { graphs.push_back(&g); });
  return graphs;
}

// Sets `grouped` if there is a grouped convolution.
void add_graph(Ops& ops, ow::ir::Graph& main, bool& grouped) {
  for (ow::ir::Graph* g : graphs_of(main))
    for (const auto& node : g->nodes()) {
      add(ops, node->domain, node->op_type);
      grouped |= has_groups(*node);
    }
}

template <class T>
T value_or_throw(ow::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(std::string(result.status().message()));
  return *std::move(result);
}

}  // namespace

std::string used_operator_files(const std::string& model_path) {
  Ops ops;
  const auto file = value_or_throw(ow::onnx::load(model_path));
  if (file->model.graph) add_nodes(ops, file->model.graph->node);
  for (const ow::onnx::Function& f : file->model.functions) add_nodes(ops, f.node);
  const ow::ImportedModel imported = value_or_throw(ow::import_model(file));
  bool grouped = false;
  add_graph(ops, *imported.graph, grouped);
  for (const ow::Pass& pass : ow::pipeline()) {
    if (!pass.run) continue;
    const auto graphs = graphs_of(*imported.graph);
    for (auto g = graphs.rbegin(); g != graphs.rend(); ++g) value_or_throw(pass.run(**g, nullptr));
    add_graph(ops, *imported.graph, grouped);
  }
  std::set<std::string_view> files;
  if (grouped) files.insert(kDepthwise);
  for (const ow::Op* op : ops) files.insert(ow::op_file(*op));
  std::string out = "# operator files for " + ow::printable(model_path) + "\n";
  for (std::string_view stem : files) out += std::string(stem) + "\n";
  return out;
}

}  // namespace onward::tools
