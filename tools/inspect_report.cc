#include "tools/inspect_report.h"

#include <algorithm>
#include <set>

#include "onnx/element_type.h"
#include "onnx/external_data.h"
#include "onnx/tensor_data.h"
#include "onnx/text.h"
#include "onnx/walk.h"
#include "passes/cost.h"

namespace onward::tools {
namespace {

using ow::onnx::or_default;

std::string text(const std::optional<ow::onnx::Text>& t) { return std::string(or_default(t)); }

ordered_json header(const ow::onnx::Model& m) {
  ordered_json out = {{"ir_version", or_default(m.ir_version)},       {"producer", text(m.producer_name)},
                      {"producer_version", text(m.producer_version)}, {"domain", text(m.domain)},
                      {"model_version", or_default(m.model_version)}, {"doc_string", text(m.doc_string)}};
  out["opsets"] = ordered_json::array();
  for (const auto& o : m.opset_import)
    out["opsets"].push_back({{"domain", text(o.domain)}, {"version", or_default(o.version)}});
  out["metadata"] = ordered_json::object();
  for (const auto& e : m.metadata_props) out["metadata"][text(e.key)] = text(e.value);
  return out;
}

ordered_json values(const std::vector<ow::onnx::ValueInfo>& infos, const std::set<std::string_view>& skip) {
  ordered_json out = ordered_json::array();
  for (const auto& v : infos)
    if (!skip.count(or_default(v.name)))
      out.push_back({{"name", text(v.name)}, {"type", v.type ? ow::onnx::to_text(*v.type) : ""}});
  return out;
}

ordered_json operators(const ow::onnx::Model& m) {
  std::map<std::string, int64_t> counts;
  (void)ow::onnx::for_each<ow::onnx::Node>(m, [&](const ow::onnx::Node& n, std::string_view) {
    const std::string domain = text(n.domain);
    ++counts[domain.empty() || domain == "ai.onnx" ? text(n.op_type) : domain + "." + text(n.op_type)];
    return ow::Status();
  });
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ordered_json out = ordered_json::object();
  for (const auto& [op, count] : sorted) out[op] = count;
  return out;
}

void parameters(const ow::onnx::Model& m, ordered_json& out) {
  struct Sum {
    int64_t tensors = 0, elements = 0, bytes = 0;
  };
  std::map<int32_t, Sum> by_type;
  std::map<std::string, Sum> files;
  (void)ow::onnx::for_each<ow::onnx::Tensor>(m, [&](const ow::onnx::Tensor& t, std::string_view) {
    int64_t elements = 1, bytes = 0;
    for (int64_t d : t.dims)
      if (d < 0 || __builtin_mul_overflow(elements, d, &elements)) return ow::Status();
    if (auto b = ow::onnx::payload_bytes(or_default(t.data_type), t.dims); b.ok()) bytes = *b;
    for (ow::onnx::Text s : t.string_data) bytes += static_cast<int64_t>(s.size());
    auto add = [&](Sum& sum) { sum = {sum.tensors + 1, sum.elements + elements, sum.bytes + bytes}; };
    add(by_type[or_default(t.data_type)]);
    if (!t.is_external()) return ow::Status();
    auto where = ow::onnx::external_location(t);
    add(files[where.ok() ? std::string(where->location) : "(invalid location)"]);
    return ow::Status();
  });
  auto json = [](const Sum& s) {
    return ordered_json{{"tensors", s.tensors}, {"elements", s.elements}, {"bytes", s.bytes}};
  };
  Sum total;
  out["parameters"] = ordered_json::object();
  for (const auto& [type, s] : by_type) {
    out["parameters"][std::string(ow::onnx::element_type_name(type))] = json(s);
    total = {total.tensors + s.tensors, total.elements + s.elements, total.bytes + s.bytes};
  }
  out["parameters"]["total"] = json(total);
  out["external_files"] = ordered_json::object();
  for (const auto& [file, s] : files) out["external_files"][file] = json(s);
}

ordered_json expression(const ow::Dim& d, const SymbolSizes& sizes) {
  ordered_json out = {{"expression", d.text()}, {"value", nullptr}};
  auto value = d.evaluate([&](std::string_view s) -> std::optional<int64_t> {
    auto it = sizes.find(s);
    return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
  });
  if (value) out["value"] = *value;
  return out;
}

ordered_json inferred(const std::vector<ow::ir::Value*>& list, const SymbolSizes& sizes) {
  ordered_json out = ordered_json::array();
  for (const ow::ir::Value* v : list) {
    ow::ir::Type type = v->type();
    if (type.shape)
      for (ow::Dim& d : *type.shape)
        if (auto e = expression(d, sizes)["value"]; !e.is_null()) d = ow::Dim(e.get<int64_t>());
    out.push_back({{"name", v->name()}, {"type", type.text()}});
  }
  return out;
}

}  // namespace

ordered_json file_report(const ow::onnx::ModelFile& file) {
  const ow::onnx::Model& m = file.model;
  ordered_json out = header(m);
  std::set<std::string_view> initialized;
  if (m.graph) {
    for (const auto& t : m.graph->initializer) initialized.insert(or_default(t.name));
    out["graph"] = text(m.graph->name);
    out["inputs"] = values(m.graph->input, initialized);
    out["outputs"] = values(m.graph->output, {});
    out["nodes"] = m.graph->node.size();
  }
  out["functions"] = m.functions.size();
  out["local_functions"] = ordered_json::array();
  for (const auto& f : m.functions)
    out["local_functions"].push_back(
        {{"name", text(f.domain) + (or_default(f.domain).empty() ? "" : ".") + text(f.name)},
         {"inputs", f.input.size()},
         {"outputs", f.output.size()},
         {"nodes", f.node.size()}});
  out["operators"] = operators(m);
  parameters(m, out);
  out["missing_files"] = ordered_json::array();
  for (const auto& [name, sums] : out["external_files"].items())
    if (!file.external_files().open(name).ok()) out["missing_files"].push_back(name);
  return out;
}

ordered_json graph_report(ow::ImportedModel& model, const SymbolSizes& sizes) {
  ow::ir::Graph& g = *model.graph;
  const ow::GraphCost cost = ow::graph_cost(g, [&](std::string_view s) -> std::optional<int64_t> {
    auto it = sizes.find(s);
    return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
  });
  std::set<std::string> symbols;
  for (const ow::ir::Value* v : g.inputs())
    if (v->type().shape)
      for (const ow::Dim& d : *v->type().shape)
        d.visit_symbols([&](std::string_view s) {
          if (!s.starts_with("?")) symbols.emplace(s);
        });
  ordered_json out = {{"inputs", inferred(g.inputs(), sizes)},
                      {"outputs", inferred(g.outputs(), sizes)},
                      {"symbols", symbols}};
  out["macs"] = expression(cost.total.macs, sizes);
  out["flops"] = expression(cost.total.flops, sizes);
  out["nodes_of_unknown_cost"] = cost.unknown_nodes;
  out["loops_counted_once"] = cost.loops;
  out["activation_peak_bytes"] = ordered_json::array();
  for (const ow::Dim& d : cost.peak_bytes) out["activation_peak_bytes"].push_back(expression(d, sizes));
  out["activations_of_unknown_size"] = cost.unsized_values;
  return out;
}

}  // namespace onward::tools
