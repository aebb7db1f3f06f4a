// GraphProto: names in single static assignment form, order of nodes, inputs, outputs, initializers; and what
// of it nothing uses.
#include <algorithm>

#include "onnx/element_type.h"
#include "onnx/text.h"
#include "onnx/walk.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

using Inputs = std::unordered_map<std::string_view, const onnx::ValueInfo*>;

Inputs check_inputs(Report& r, const onnx::Graph& g, const std::string& at, Names& names, bool main) {
  Inputs inputs;
  for (size_t i = 0; i < g.input.size(); ++i) {
    const onnx::ValueInfo& info = g.input[i];
    const std::string where = cat(at, ".input[", i, "]");
    const std::string_view name = or_default(info.name);
    check_value_info(r, info, where, main);
    if (name.empty()) continue;
    if (!inputs.emplace(name, &info).second)
      r.add("E0202", where, cat("input ", quoted(name), " listed a second time"), "unique names",
            "rename or remove one");
    else if (names.outer && names.outer->has(name))
      r.add("E0212", where, cat("input ", quoted(name), " hides a value of a graph around it"),
            "a name of its own", "rename it");
    names.own.insert(name);
  }
  return inputs;
}

// The declared type of an input that also has an initializer.
void check_default(Report& r, const onnx::Tensor& t, const onnx::ValueInfo& info, const std::string& at) {
  if (!info.type || !info.type->tensor_type) return;
  const auto& type = *info.type->tensor_type;
  if (type.elem_type && t.data_type && *type.elem_type != *t.data_type)
    r.add("E0219", at, cat("initializer of type ", onnx::element_type_text(*t.data_type)),
          cat(onnx::element_type_text(*type.elem_type), ", as the input of that name says"));
  if (!type.shape) return;
  const auto& dims = type.shape->dim;
  bool fits = dims.size() == t.dims.size();
  for (size_t i = 0; fits && i < dims.size(); ++i)
    fits = !dims[i].dim_value || *dims[i].dim_value == t.dims[i];
  if (!fits)
    r.add("E0219", at, cat("initializer of shape ", list_text(t.dims)),
          cat("the shape of the input of that name, ", onnx::to_text(*info.type)));
}

void check_initializers(Report& r, const onnx::Graph& g, const std::string& at, Names& names,
                        const Inputs& inputs) {
  std::unordered_set<std::string_view> seen;
  auto one = [&](std::string_view name, const std::string& where) {
    if (name.empty()) return r.add("E0203", where, "an initializer without a name", "a name");
    if (!seen.insert(name).second)
      r.add("E0204", where, cat("initializer ", quoted(name), " defined a second time"),
            "unique names, dense and sparse together");
    if (r.ir_version > 0 && r.ir_version <= 3 && !inputs.count(name))
      r.add("E0205", where, cat("initializer ", quoted(name), " is no graph input"),
            "an input of that name up to IR version 3", "list it as an input or raise ir_version to 4");
    if (names.outer && names.outer->has(name) && !inputs.count(name))
      r.add("E0212", where, cat("initializer ", quoted(name), " hides a value of a graph around it"),
            "a name of its own", "rename it");
    names.own.insert(name);
  };
  for (size_t i = 0; i < g.initializer.size(); ++i) {
    const onnx::Tensor& t = g.initializer[i];
    const std::string where = cat(at, ".initializer[", i, "] ", quoted(or_default(t.name)));
    one(or_default(t.name), where);
    check_tensor(r, t, where);
    if (auto it = inputs.find(or_default(t.name)); it != inputs.end())
      check_default(r, t, *it->second, where);
  }
  for (size_t i = 0; i < g.sparse_initializer.size(); ++i) {
    const onnx::SparseTensor& t = g.sparse_initializer[i];
    const std::string_view name = t.values ? or_default(t.values->name) : std::string_view();
    const std::string where = cat(at, ".sparse_initializer[", i, "] ", quoted(name));
    if (i == 0 && r.ir_version > 0 && r.ir_version < 6)
      r.add("W0114", where, cat("a sparse initializer at IR version ", r.ir_version), "IR version 6 or newer",
            "raise ir_version");
    one(name, where);
    check_sparse_tensor(r, t, where);
  }
}

void check_outputs(Report& r, const onnx::Graph& g, const std::string& at, const Names& names, bool main) {
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < g.output.size(); ++i) {
    const std::string where = cat(at, ".output[", i, "]");
    const std::string_view name = or_default(g.output[i].name);
    check_value_info(r, g.output[i], where, main);
    if (name.empty()) continue;
    if (!seen.insert(name).second)
      r.add(main ? "E0211" : "W0211", where, cat("output ", quoted(name), " listed a second time"),
            "unique names", "remove one, or copy it by Identity");
    if (!names.has(name))
      r.add("E0210", where, cat("output ", quoted(name), " is made by no node, input or initializer"),
            "a value of the graph");
  }
  if (main && g.output.empty()) r.add("W0220", at, "a graph without outputs", "at least one output");
}

void check_value_infos(Report& r, const onnx::Graph& g, const std::string& at, const Names& names) {
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < g.value_info.size(); ++i) {
    const std::string where = cat(at, ".value_info[", i, "]");
    const std::string_view name = or_default(g.value_info[i].name);
    check_value_info(r, g.value_info[i], where, false);
    if (!seen.insert(name).second)
      r.add("W0217", where, cat("value ", quoted(name), " described a second time"), "once");
    if (!names.own.count(name))
      r.add("W0218", where, cat("describes ", quoted(name), ", which the graph does not have"), "",
            "remove it");
  }
}

// What a Gradient differentiates stands in its attributes.
template <class Use>
void visit_own_reads(const onnx::Node& node, Use use) {
  for (onnx::Text in : node.input) use(in);
  if (or_default(node.op_type) != "Gradient") return;
  for (const onnx::Attribute& a : node.attribute) {
    for (onnx::Text name : a.strings) use(name);
    if (a.s) use(*a.s);
  }
}

// Everything that a node reads: its inputs and, through its subgraphs, values of the graphs around it.
template <class Use>
void visit_reads(const onnx::Node& node, Use use) {
  visit_own_reads(node, use);
  if (node.attribute.empty()) return;
  (void)onnx::for_each<onnx::Node>(node, [&](const onnx::Node& inner, std::string_view) {
    visit_own_reads(inner, use);
    return Status();
  });
  (void)onnx::for_each<onnx::Graph>(node, [&](const onnx::Graph& inner, std::string_view) {
    for (const auto& out : inner.output) use(or_default(out.name));
    return Status();
  });
}

std::unordered_set<std::string_view> live_values(Report& r, const std::vector<onnx::Node>& nodes,
                                                 const std::string& at,
                                                 const std::vector<std::string_view>& outputs) {
  std::unordered_set<std::string_view> live(outputs.begin(), outputs.end());
  for (size_t i = nodes.size(); i-- > 0;) {
    const onnx::Node& n = nodes[i];
    const bool used =
        std::any_of(n.output.begin(), n.output.end(), [&](auto o) { return !o.empty() && live.count(o); });
    if (!used) {
      r.add("W0215", r.node_places.count(&n) ? r.node_places[&n] : cat(at, ".node[", i, "]"),
            "nothing uses the node's outputs", "", "simplify the model");
      continue;
    }
    visit_reads(n, [&](onnx::Text name) { live.insert(name); });
  }
  return live;
}

void check_use(Report& r, const onnx::Graph& g, const std::string& at, bool main) {
  std::vector<std::string_view> outputs;
  for (const auto& o : g.output) outputs.push_back(or_default(o.name));
  const auto live = live_values(r, g.node, at, outputs);
  std::unordered_set<std::string_view> initialized;
  auto unused = [&](std::string_view name, const char* list, size_t i) {
    initialized.insert(name);
    if (!name.empty() && !live.count(name))
      r.add("W0216", cat(at, ".", list, "[", i, "] ", quoted(name)), "nothing uses the initializer", "",
            "remove it");
  };
  for (size_t i = 0; i < g.initializer.size(); ++i)
    unused(or_default(g.initializer[i].name), "initializer", i);
  for (size_t i = 0; i < g.sparse_initializer.size(); ++i)
    if (g.sparse_initializer[i].values)
      unused(or_default(g.sparse_initializer[i].values->name), "sparse_initializer", i);
  for (size_t i = 0; main && i < g.input.size(); ++i) {
    const std::string_view name = or_default(g.input[i].name);
    if (!name.empty() && !live.count(name) && !initialized.count(name))
      r.add("W0221", cat(at, ".input[", i, "] ", quoted(name)), "nothing uses the input");
  }
}

std::string node_place(const onnx::Node& n, const std::string& at, size_t i) {
  std::string out = cat(at, ".node[", i, "]");
  if (!or_default(n.name).empty()) out += cat(" ", quoted(*n.name));
  return cat(out, " (", printable(or_default(n.op_type)), ")");
}

void check_reads(Report& r, const onnx::Node& n, const std::string& where, const Names& names,
                 const std::unordered_set<std::string_view>& made) {
  for (size_t k = 0; k < n.input.size(); ++k) {
    const onnx::Text in = n.input[k];
    if (in.empty() || names.has(in)) continue;
    if (made.count(in))
      r.add("E0208", cat(where, ".input[", k, "]"), cat("value ", quoted(in), " is made by a later node"),
            "nodes in topological order", "sort the nodes");
    else
      r.add("E0207", cat(where, ".input[", k, "]"),
            cat("value ", quoted(in), " is made by no node, input or initializer"), "a value in sight");
  }
}

}  // namespace

void check_nodes(Report& r, const std::vector<onnx::Node>& nodes, const std::string& at, const Place& place,
                 Names& names) {
  std::unordered_set<std::string_view> made, node_names;
  for (const onnx::Node& n : nodes) made.insert(n.output.begin(), n.output.end());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const onnx::Node& n = nodes[i];
    const std::string where = node_place(n, at, i);
    const int64_t errors = r.errors();
    r.node_places.emplace(&n, where);
    check_reads(r, n, where, names, made);
    check_node(r, n, where, place, names);
    for (size_t k = 0; k < n.output.size(); ++k) {
      if (n.output[k].empty()) continue;
      if (names.has(n.output[k]))
        r.add("E0209", cat(where, ".output[", k, "]"),
              cat("value ", quoted(n.output[k]), " is defined a second time"),
              "single static assignment: a name of its own, also in subgraphs", "rename it");
      names.own.insert(n.output[k]);
    }
    if (!or_default(n.name).empty() && !node_names.insert(*n.name).second)
      r.add("W0214", where, cat("node name ", quoted(*n.name), " a second time"), "unique node names");
    if (r.errors() != errors) r.bad_nodes.insert(&n);
  }
}

void check_dead_nodes(Report& r, const std::vector<onnx::Node>& nodes, const std::string& at,
                      const std::vector<std::string_view>& outputs) {
  (void)live_values(r, nodes, at, outputs);
}

void check_graph(Report& r, const onnx::Graph& g, const std::string& at, const Place& place,
                 const Names* outer) {
  const bool main = at == "graph";
  Names names{outer};
  if (or_default(g.name).empty()) r.add("E0201", at, "a graph without a name", "a name");
  check_metadata(r, at, g.metadata_props);
  const Inputs inputs = check_inputs(r, g, at, names, main);
  check_initializers(r, g, at, names, inputs);
  check_nodes(r, g.node, at, place, names);
  check_outputs(r, g, at, names, main);
  check_value_infos(r, g, at, names);
  check_annotations(r, g, at, names);
  check_use(r, g, at, main);
}

}  // namespace ow::check
