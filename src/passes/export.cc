// See export.h. Names first, then nodes: ONNX wants a name to be defined once in a graph and all graphs
// inside it, so that every value of every graph gets a name of its own before anything is written.
#include "passes/export.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "onnx/walk.h"
#include "passes/export_value.h"

namespace ow {
namespace {

using onnx::or_default;

class Exporter {
 public:
  explicit Exporter(const ImportedModel& model) : in_(model) {}
  Result<ExportedModel> run();

 private:
  // An output that is no value of the graph's own making, or is so twice: an Identity node makes it.
  struct Copy {
    const ir::Value* from;
    onnx::Text to;
  };
  onnx::Text take(std::string_view wanted);
  onnx::Text node_name(const std::string& wanted);
  void reserve(const ir::Graph& g);
  void name_outputs(const ir::Graph& g, bool main);
  void name_values(const ir::Graph& g);
  onnx::Text name_of(const ir::Value* v) const { return v ? names_.at(v) : onnx::Text(); }

  Result<onnx::Graph> graph(const ir::Graph& g, bool main);
  Result<onnx::Node> node(const ir::Node& n);
  Status attributes(const ir::Node& n, const Schema* schema, onnx::Node& out);
  Status initializers(const ir::Graph& g, bool main, onnx::Graph& out);
  void interface(const ir::Graph& g, bool main, onnx::Graph& out);
  void value_infos(const ir::Graph& g, onnx::Graph& out);
  void annotations(onnx::Graph& out);
  onnx::ValueInfo value_info(const ir::Value& v, onnx::Text name, bool with_shape);
  const onnx::Graph& source() const { return *in_.file->model.graph; }
  void model_fields();
  void functions();
  void opsets();

  const ImportedModel& in_;
  ExportedModel out_;
  std::unordered_map<const ir::Value*, onnx::Text> names_;
  std::unordered_map<const ir::Graph*, std::vector<onnx::Text>> output_names_;
  std::unordered_map<const ir::Graph*, std::vector<Copy>> copies_;
  std::unordered_set<std::string_view> taken_;
  std::unordered_set<std::string> node_names_;
  std::map<std::string, int64_t> needed_;      // opset by domain
  std::map<std::string, std::string> called_;  // domains and names of operators without a schema
};

onnx::Text Exporter::take(std::string_view wanted) {
  std::string name(wanted.empty() ? "v" : wanted);
  for (int i = 1; taken_.count(name); ++i) name = cat(wanted.empty() ? "v" : wanted, "_", i);
  const onnx::Text kept = out_.file->keep(std::move(name));
  taken_.insert(kept);
  return kept;
}

// Inputs keep their names, and outputs have those of the file, whatever the values are called by now.
void Exporter::name_outputs(const ir::Graph& g, bool main) {
  auto& list = output_names_[&g];
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    const ir::Value* v = g.outputs()[i];
    const auto known = names_.find(v);
    const bool own = v->graph() == &g && !v->is_graph_input && known == names_.end();
    const onnx::Text wanted = main ? or_default(source().output[i].name) : onnx::Text(v->name());
    if (known != names_.end() && main && v->is_graph_input && known->second == wanted) {
      list.push_back(wanted);
      continue;
    }
    const onnx::Text name = take(wanted);
    list.push_back(name);
    if (own)
      names_[v] = name;
    else
      copies_[&g].push_back({v, name});
  }
}

void Exporter::name_values(const ir::Graph& g) {
  for (const auto& v : g.values())
    if (!names_.count(v.get())) names_[v.get()] = take(v->name());
}

// What an upgrade put in place of a node shares its name, which other engines refuse.
onnx::Text Exporter::node_name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !node_names_.insert(name).second; ++i) name = cat(wanted, "_", i);
  return out_.file->keep(std::move(name));
}

void Exporter::reserve(const ir::Graph& g) {
  const bool main = g.outer() == nullptr;
  for (const ir::Value* v : g.inputs()) names_[v] = take(v->name());
  name_outputs(g, main);
  name_values(g);
  for (const auto& n : g.nodes())
    n->visit_subgraphs([&](const std::string&, ir::Graph& inner) { reserve(inner); });
}

onnx::ValueInfo Exporter::value_info(const ir::Value& v, onnx::Text name, bool with_shape) {
  onnx::ValueInfo info;
  info.name = name;
  if (auto type = export_type(v.type(), with_shape, *out_.file)) info.type = std::move(*type);
  return info;
}

// Bodies run at many shapes, so that theirs are left to inference, but for counters and conditions, whose
// shape some engines want to see.
bool is_scalar(const ir::Type& type) {
  return type.shape && (type.shape->empty() || (type.shape->size() == 1 && (*type.shape)[0].is(1)));
}

// The main graph's own declarations stay word for word; an output without a type or rank gets what is known.
void Exporter::interface(const ir::Graph& g, bool main, onnx::Graph& out) {
  std::unordered_map<std::string_view, const onnx::ValueInfo*> declared;
  if (main)
    for (const onnx::ValueInfo& info : source().input) declared[or_default(info.name)] = &info;
  for (const ir::Value* v : g.inputs()) {
    const auto it = declared.find(v->name());
    onnx::ValueInfo info = value_info(*v, names_.at(v), main || is_scalar(v->type()));
    if (it != declared.end()) {
      auto type = in_.sizes_given && v->type().is_tensor() ? std::move(info.type) : it->second->type;
      info = *it->second;
      info.type = std::move(type);
    }
    out.input.push_back(std::move(info));
  }
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    onnx::ValueInfo info = value_info(*g.outputs()[i], output_names_[&g][i], main);
    if (main) {
      onnx::ValueInfo said = source().output[i];
      const bool ranked = said.type && (!said.type->tensor_type || said.type->tensor_type->shape);
      const bool typed = ranked && (!said.type->tensor_type || said.type->tensor_type->elem_type);
      if (typed && !(in_.sizes_given && g.outputs()[i]->type().shape)) info.type = std::move(said.type);
      info.doc_string = said.doc_string;
      info.metadata_props = std::move(said.metadata_props);
    }
    out.output.push_back(std::move(info));
  }
}

void Exporter::value_infos(const ir::Graph& g, onnx::Graph& out) {
  std::unordered_map<std::string_view, const onnx::ValueInfo*> declared;
  for (const onnx::ValueInfo& info : source().value_info) declared[or_default(info.name)] = &info;
  for (const auto& n : g.nodes())
    for (const ir::Value* v : n->outputs()) {
      if (!v || std::find(g.outputs().begin(), g.outputs().end(), v) != g.outputs().end()) continue;
      onnx::ValueInfo info = value_info(*v, names_.at(v), true);
      if (const auto it = declared.find(*info.name); it != declared.end()) {
        info.doc_string = it->second->doc_string;
        info.metadata_props = it->second->metadata_props;
      }
      if (info.type) out.value_info.push_back(std::move(info));
    }
}

Status Exporter::initializers(const ir::Graph& g, bool main, onnx::Graph& out) {
  std::unordered_map<std::string_view, const onnx::Tensor*> declared;
  if (main)
    for (const onnx::Tensor& t : source().initializer) declared[or_default(t.name)] = &t;
  for (const auto& v : g.values()) {
    const Tensor* constant = v->is_graph_input  ? (v->default_value ? &*v->default_value : nullptr)
                             : v->fact.constant ? &*v->fact.constant
                                                : nullptr;
    if (!constant || v->producer() || (!v->is_used() && !v->is_graph_input)) continue;
    onnx::Tensor t = ONWARD_TRY(export_tensor(*constant, out_));
    t.name = names_.at(v.get());
    if (const auto it = declared.find(*t.name); it != declared.end()) {
      t.doc_string = it->second->doc_string;
      t.metadata_props = it->second->metadata_props;
    }
    out.initializer.push_back(std::move(t));
  }
  return {};
}

Status Exporter::attributes(const ir::Node& n, const Schema* schema, onnx::Node& out) {
  const ExportGraph subgraph = [&](const ir::Graph& g) { return graph(g, false); };
  for (const auto& [name, value] : n.attributes) {
    const SchemaAttribute* declared = schema ? schema->attribute(name) : nullptr;
    if (schema && !declared && !name.starts_with("__"))
      return unsupported("attribute '", printable(name), "' is none of ", schema->name(), "-",
                         schema->since_version(), "; it cannot be written");
    out.attribute.push_back(ONWARD_TRY(export_attribute(
        name, value, declared ? declared->type() : AttributeType::kUndefined, out_, subgraph)));
  }
  return {};
}

Result<onnx::Node> Exporter::node(const ir::Node& n) {
  if (n.domain == "onward")
    return unsupported(n.label(), ": onward.", printable(n.op_type),
                       " holds several operators in one; export the graph before the passes that fuse");
  const int64_t newest = newest_opset(n.domain);
  const Schema* schema = newest > 0 ? find_schema(n.domain, n.op_type, newest) : nullptr;
  onnx::Node out;
  // Where ONNX Runtime, whose operator it is, looks for it.
  const bool is_in_default_domain =
      n.domain == "com.microsoft" && n.op_type == "SimplifiedLayerNormalization";
  int64_t& needed = needed_[is_in_default_domain ? std::string() : n.domain];
  needed = std::max(needed, schema ? oldest_opset(n, *schema) : int64_t{1});
  if (!schema) called_[n.domain] = n.op_type;
  out.op_type = out_.file->keep(n.op_type);
  if (!n.domain.empty() && !is_in_default_domain) out.domain = out_.file->keep(n.domain);
  if (!n.name.empty()) out.name = node_name(n.name);
  if (!n.overload.empty()) out.overload = out_.file->keep(n.overload);
  if (!n.doc.empty()) out.doc_string = out_.file->keep(n.doc);
  for (const auto& [key, value] : n.metadata) {
    auto& entry = out.metadata_props.emplace_back();
    entry.key = out_.file->keep(key);
    entry.value = out_.file->keep(value);
  }
  for (const ir::Value* v : n.inputs()) out.input.push_back(name_of(v));
  for (size_t i = 0; i < n.outputs().size(); ++i) {
    const SchemaParam* param = schema ? schema->output(i) : nullptr;
    const bool may_omit = !param || param->option() == ParamOption::kOptional;
    const ir::Value* v = n.outputs()[i];
    out.output.push_back(v || may_omit ? name_of(v) : take("unused"));
  }
  while (!out.input.empty() && out.input.back().empty()) out.input.pop_back();
  while (!out.output.empty() && out.output.back().empty()) out.output.pop_back();
  if (Status s = attributes(n, schema, out); !s.ok()) return std::move(s).context(n.label());
  return out;
}

Result<onnx::Graph> Exporter::graph(const ir::Graph& g, bool main) {
  onnx::Graph out;
  out.name = main ? or_default(source().name) : onnx::Text(out_.file->keep(g.name.empty() ? "body" : g.name));
  if (out.name->empty()) out.name = "graph";
  interface(g, main, out);
  ONWARD_TRY(initializers(g, main, out));
  for (const auto& n : g.nodes()) out.node.push_back(ONWARD_TRY(node(*n)));
  for (const Copy& copy : copies_[&g]) {
    onnx::Node identity;
    identity.op_type = "Identity";
    identity.input = {names_.at(copy.from)};
    identity.output = {copy.to};
    ir::Graph scratch;
    const ir::Node* n = scratch.add_node("Identity", "", {scratch.add_input("x", copy.from->type())}, {"y"});
    n->output(0)->fact.type = copy.from->type();
    int64_t& needed = needed_[""];
    needed = std::max(needed, oldest_opset(*n, *find_schema("", "Identity", newest_opset(""))));
    out.node.push_back(std::move(identity));
  }
  if (!main) return out;
  value_infos(g, out);
  annotations(out);
  out.doc_string = source().doc_string;
  out.metadata_props = source().metadata_props;
  out.unknown_fields = source().unknown_fields;
  return out;
}

// A quantization annotation stays where all the tensors that it names do.
void Exporter::annotations(onnx::Graph& out) {
  for (const onnx::TensorAnnotation& a : source().quantization_annotation) {
    bool whole = taken_.count(or_default(a.tensor_name)) > 0;
    for (const auto& entry : a.quant_parameter_tensor_names)
      whole &= taken_.count(or_default(entry.value)) > 0;
    if (whole) out.quantization_annotation.push_back(a);
  }
}

void Exporter::model_fields() {
  const onnx::Model& from = in_.file->model;
  onnx::Model& to = out_.file->model;
  to.producer_name = from.producer_name;
  to.producer_version = from.producer_version;
  to.domain = from.domain;
  to.model_version = from.model_version;
  to.doc_string = from.doc_string;
  to.metadata_props = from.metadata_props;
  to.configuration = from.configuration;
  to.unknown_fields = from.unknown_fields;
  if (!from.training_info.empty())
    out_.warnings.emplace_back("training_info is not written: its bindings name values that may be gone");
  bool placed = false;
  for (const onnx::Node& n : from.graph->node) placed |= !n.device_configurations.empty();
  if (placed) out_.warnings.emplace_back("device configurations of nodes are not written");
}

// Functions stay together: which of them another one calls is not looked into.
void Exporter::functions() {
  bool called = false;
  for (const onnx::Function& f : in_.file->model.functions) {
    const auto it = called_.find(std::string(or_default(f.domain)));
    called |= it != called_.end();
  }
  if (called) out_.file->model.functions = in_.file->model.functions;
}

// The first IR version whose files may use this opset of the default domain.
int64_t ir_version_of(int64_t opset) {
  constexpr std::pair<int64_t, int64_t> kSince[] = {{9, 4},  {10, 5},  {11, 6},  {12, 7},  {15, 8},
                                                    {19, 9}, {21, 10}, {23, 11}, {24, 12}, {25, 13}};
  int64_t version = 4;
  for (const auto& [since, ir] : kSince)
    if (opset >= since) version = ir;
  return version;
}

void Exporter::opsets() {
  std::map<std::string, int64_t> opsets = in_.opsets;
  for (const auto& [domain, version] : needed_) {
    int64_t& opset = opsets[domain];
    opset = std::max(opset, version);
  }
  onnx::Model& model = out_.file->model;
  for (const auto& [domain, version] : opsets) {
    auto& entry = model.opset_import.emplace_back();
    entry.domain = out_.file->keep(domain);
    entry.version = version;
  }
  const auto standard = opsets.find("");
  model.ir_version = std::max(or_default(in_.file->model.ir_version),
                              ir_version_of(standard == opsets.end() ? 0 : standard->second));
}

Result<ExportedModel> Exporter::run() {
  out_.file = std::make_shared<onnx::ModelFile>(in_.file->external_files().folder());
  out_.source = in_.file;
  out_.graph = in_.graph;
  reserve(*in_.graph);
  out_.file->model.graph = ONWARD_TRY(graph(*in_.graph, true));
  model_fields();
  functions();
  opsets();
  return std::move(out_);
}

}  // namespace

Result<ExportedModel> export_model(const ImportedModel& model) { return Exporter(model).run(); }

Status save_exported(const ExportedModel& model, const std::string& path, const std::string& data_file,
                     int64_t threshold_bytes) {
  bool outside = !data_file.empty();
  ONWARD_TRY(onnx::for_each<onnx::Tensor>(model.source->model, [&](const onnx::Tensor& t, std::string_view) {
    outside |= t.is_external();
    return Status();
  }));
  const onnx::SaveOptions external{onnx::ExternalData::kExternal, threshold_bytes, data_file};
  if (outside) return onnx::save(model.file->model, nullptr, path, external);
  Status status = onnx::save(model.file->model, nullptr, path, {onnx::ExternalData::kInline});
  if (status.code() != Code::kLimitExceeded) return status;
  return onnx::save(model.file->model, nullptr, path, external);
}

}  // namespace ow
