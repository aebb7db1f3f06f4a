// See import.h. One Scope per graph or function call maps the file's names to values; a function body sees
// only its parameters, a subgraph also the graphs around it.
#include "passes/import.h"

#include <unordered_map>
#include <unordered_set>

#include "ir/schema.h"
#include "ops/op/evaluate.h"
#include "ops/op/experimental.h"
#include "ops/op/feedback.h"
#include "ops/op/stored_weights.h"
#include "passes/fold.h"
#include "passes/import_overrides.h"
#include "passes/import_value.h"
#include "passes/infer.h"
#include "tensor/alignment.h"
#include "tensor/build_types.h"

namespace ow {
namespace {

std::string_view canonical_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

using Opsets = std::map<std::string, int64_t>;

constexpr int64_t kFreeNodes = 100'000,
                  kMaxInlining = 64;  // nodes after inlining: so many, and so many times

struct Scope {
  const Scope* outer = nullptr;  // null at the top and in function bodies
  std::unordered_map<std::string, ir::Value*> values = {};
  const Opsets* opsets = nullptr;
  const ir::Attributes* arguments = nullptr;  // attributes of the function call, or null

  // Null: no such name. A null value: a parameter that the function's caller omitted.
  ir::Value* const* entry(const std::string& name) const {
    for (const Scope* s = this; s; s = s->outer)
      if (auto it = s->values.find(name); it != s->values.end()) return &it->second;
    return nullptr;
  }
  ir::Value* find(const std::string& name) const {
    ir::Value* const* e = entry(name);
    return e ? *e : nullptr;
  }
};

Result<Opsets> read_opsets(const std::vector<onnx::OperatorSetId>& imports) {
  Opsets out;
  for (const auto& entry : imports) {
    std::string domain(canonical_domain(onnx::or_default(entry.domain)));
    int64_t version = onnx::or_default(entry.version);
    if (const int64_t newest = newest_opset(domain); newest > 0 && version > newest)
      return unsupported("opset_import: ", domain.empty() ? "" : "domain '",
                         domain.empty() ? "" : printable(domain), domain.empty() ? "" : "' is of ", "opset ",
                         version, "; this build reads up to ", newest);
    auto [it, fresh] = out.emplace(domain, version);
    if (!fresh && it->second != version)
      return invalid_model("opset_import: domain '", printable(domain), "' is imported as version ",
                           it->second, " and as version ", version);
  }
  return out;
}

class Importer {
 public:
  Importer(std::shared_ptr<onnx::ModelFile> file, const ImportLimits& limits, ImportObserver* observer,
           const ImportOverrides& overrides)
      : file_(std::move(file)), limits_(limits), observer_(observer), overrides_(overrides) {}

  Result<ImportedModel> run();

 private:
  Status graph(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main);
  Status inputs(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main);
  Status constants(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main);
  Status constant(std::string_view name, Tensor tensor, ir::Graph& g, Scope& scope, bool main);
  Status node(const onnx::Node& proto, ir::Graph& g, Scope& scope);
  Status node_or_unknown(const onnx::Node& proto, ir::Graph& g, Scope& scope);
  Status call(const onnx::Function& function, const onnx::Node& proto, ir::Graph& g, Scope& scope);
  Status operator_node(const onnx::Node& proto, ir::Graph& g, Scope& scope);
  Status name_values(const onnx::Node& proto, const ir::Attributes& attributes, const Scope& scope,
                     std::vector<ir::Value*>& inputs);
  Status finish(ir::Node* made, const Schema* schema, const std::vector<std::string>& names, Scope& scope);
  Result<std::vector<ir::Value*>> arguments(const onnx::Node& proto, const Scope& scope);
  Result<ir::Attributes> attributes(const onnx::Node& proto, ir::Graph& g, const Scope& scope);
  Result<ir::Attribute> attribute(const onnx::Attribute& a, ir::Graph& g, const Scope& scope);
  Result<ir::GraphPtr> subgraph(const onnx::Graph& proto, ir::Graph& outer, const Scope& scope);
  Status bind(Scope& scope, std::string name, ir::Value* value);
  Status enter();
  Status check_types();
  Status align_constants();

  std::shared_ptr<onnx::ModelFile> file_;
  ImportLimits limits_;
  ImportObserver* observer_;
  const ImportOverrides& overrides_;
  ImportedModel out_;
  std::unordered_map<std::string, const onnx::Function*> functions_;  // by domain:name:overload
  int64_t ir_version_ = 0;
  int depth_ = 0;
  int64_t nodes_ = 0, max_nodes_ = 0;
  bool differentiates_ = false;                       // there is a Gradient somewhere
  std::unordered_set<const onnx::Function*> active_;  // calls that are being inlined
};

// Behind what a build of some operators lacks.
constexpr const char* kHowToList =
    ": it was made for some operators (ONWARD_OPS); `onward ops --used-by MODEL` of a whole build writes the "
    "list with which to build it for this model";

std::string function_key(std::string_view domain, std::string_view name, std::string_view overload) {
  return cat(canonical_domain(domain), ":", name, ":", overload);
}

std::string label(const onnx::Node& n) {
  if (!onnx::or_default(n.name).empty())
    return cat("node '", printable(*n.name), "' (", printable(onnx::or_default(n.op_type)), ")");
  return cat(printable(onnx::or_default(n.op_type)), " node", n.output.empty() ? "" : " that makes '",
             n.output.empty() ? "" : printable(n.output[0]), n.output.empty() ? "" : "'");
}

bool is_gradient(std::string_view domain, std::string_view op_type) {
  return op_type == "Gradient" && domain == "ai.onnx.preview.training";
}

bool has_gradient(const std::vector<onnx::Node>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [](const onnx::Node& n) {
    const auto in = [](const onnx::Graph& g) { return has_gradient(g.node); };
    return is_gradient(onnx::or_default(n.domain), onnx::or_default(n.op_type)) ||
           std::any_of(n.attribute.begin(), n.attribute.end(), [&](const onnx::Attribute& a) {
             return (a.g && in(*a.g)) || std::any_of(a.graphs.begin(), a.graphs.end(), in);
           });
  });
}

Result<ImportedModel> Importer::run() {
  const onnx::Model& model = file_->model;
  ir_version_ = onnx::or_default(model.ir_version);
  if (ir_version_ <= 0 && !model.graph)
    return invalid_model("there is no model in it: the file is empty, or another kind of file");
  if (ir_version_ <= 0) return invalid_model("ir_version is missing: not an ONNX model, or a damaged one");
  if (ir_version_ > 14) return unsupported("ir_version is ", ir_version_, "; this build reads up to 14");
  if (!model.graph) return invalid_model("the model has no graph");
  ONWARD_TRY(check_overrides(overrides_, *model.graph));
  out_.file = file_;
  out_.sizes_given = !overrides_.dims.empty() || !overrides_.denotations.empty();
  out_.opsets = ONWARD_TRY(read_opsets(model.opset_import));
  if (ir_version_ < 3 && out_.opsets.empty()) out_.opsets[""] = 1;
  for (const auto& f : model.functions) {
    auto key =
        function_key(onnx::or_default(f.domain), onnx::or_default(f.name), onnx::or_default(f.overload));
    if (!functions_.emplace(key, &f).second)
      return invalid_model("function '", printable(key), "' is defined twice");
  }
  // Functions that call functions may double with each: what a file may grow to depends on what is in it.
  auto stated = static_cast<int64_t>(model.graph->node.size());
  for (const auto& f : model.functions) stated += static_cast<int64_t>(f.node.size());
  max_nodes_ = std::min(limits_.max_nodes, kFreeNodes + kMaxInlining * stated);
  differentiates_ = has_gradient(model.graph->node) ||
                    std::any_of(model.functions.begin(), model.functions.end(),
                                [](const onnx::Function& f) { return has_gradient(f.node); });
  out_.graph = std::make_shared<ir::Graph>();
  Scope scope;
  scope.opsets = &out_.opsets;
  ONWARD_TRY(graph(*model.graph, *out_.graph, scope, true));
  if (observer_)
    for (const auto& [name, value] : scope.values)
      if (value) observer_->value(name, *value);
  ir::Patch(*out_.graph).erase_dead();
  if constexpr (!build::kEveryType) ONWARD_TRY(check_types());
  ONWARD_TRY(align_constants());
  return std::move(out_);
}

// That the build has the types of all values that are left.
Status Importer::check_types() {
  Status status;
  ir::visit_graphs(*out_.graph, [&](ir::Graph& g) {
    for (const auto& v : g.values())
      if (status.ok() && !build::has_type(v->type().dtype))
        status = unsupported("'", printable(v->name()), "' is of type ", v->type().dtype,
                             ", which is not in this build", kHowToList);
  });
  return status;
}

// Copies what somebody reads who does not take it as the file has it.
Status Importer::align_constants() {
  Status status;
  ir::visit_graphs(*out_.graph, [&](ir::Graph& g) {
    for (const auto& v : g.values()) {
      if (!status.ok() || !v->is_constant() || is_aligned(*v->fact.constant) || may_stay_unaligned(*v))
        continue;
      auto copy = aligned(*v->fact.constant);
      if (!copy.ok()) {
        status = copy.take_status();
        continue;
      }
      file_->let_go(std::as_bytes(std::span(v->fact.constant->raw(), static_cast<size_t>(copy->bytes()))));
      v->fact.constant = *std::move(copy);
    }
  });
  return status;
}

Status Importer::enter() {
  if (++depth_ > limits_.max_depth)
    return limit_exceeded("graphs and function calls nest deeper than ", limits_.max_depth, " levels");
  return {};
}

Status Importer::bind(Scope& scope, std::string name, ir::Value* value) {
  if (name.empty()) return invalid_model("a value without a name");
  auto [it, fresh] = scope.values.emplace(std::move(name), value);
  if (!fresh) return invalid_model("value '", printable(it->first), "' is defined twice");
  return {};
}

Status Importer::graph(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main) {
  ONWARD_TRY(enter());
  g.name = onnx::or_default(proto.name);
  ONWARD_TRY(inputs(proto, g, scope, main));
  ONWARD_TRY(constants(proto, g, scope, main));
  for (const onnx::Node& n : proto.node) {
    if (Status s = node_or_unknown(n, g, scope); !s.ok()) return s;
  }
  std::unordered_set<std::string_view> seen;
  for (const onnx::ValueInfo& info : proto.output) {
    const std::string name(onnx::or_default(info.name));
    ir::Value* v = scope.find(name);
    if (!v) return invalid_model("graph output '", printable(name), "' is made by no node");
    if (main && !seen.insert(*info.name).second)
      return invalid_model("graph output '", printable(name), "' is listed twice");
    g.add_output(v);
    ir::Type declared;
    if (info.type) declared = ONWARD_TRY(import_type(*info.type));
    if (v->type().kind == ir::Type::Kind::kUnknown ||
        (v->type().is_tensor() && v->type().dtype == DType::kUndefined))
      v->fact.type =
          ir::merge(v->type(), ir::Type{declared.kind, declared.dtype, std::nullopt, declared.element});
    if (main && info.type) put_sizes(overrides_, *info.type, declared);
    if (main) out_.declared_outputs.push_back(std::move(declared));
  }
  --depth_;
  return {};
}

Status Importer::inputs(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main) {
  std::unordered_set<std::string_view> defaults;
  for (const auto& t : proto.initializer) defaults.insert(onnx::or_default(t.name));
  for (const auto& t : proto.sparse_initializer)
    if (t.values) defaults.insert(onnx::or_default(t.values->name));
  for (const onnx::ValueInfo& info : proto.input) {
    const std::string name(onnx::or_default(info.name));
    // Before IR version 4 every initializer was listed as an input, and nobody meant it to be fed.
    if (main && ir_version_ < 4 && defaults.count(name)) continue;
    ir::Type type;
    if (info.type) {
      auto imported = import_type(*info.type);
      if (!imported.ok()) return imported.take_status().context(cat("input '", printable(name), "'"));
      type = *std::move(imported);
      if (main) put_sizes(overrides_, *info.type, type);
      // Exporters write the sizes of the first iteration there; what holds in all of them is inferred.
      if (!main) type = without_shape(std::move(type));
      if (overrides_.separate_symbols) separate_symbols(type);
    } else if (main) {
      return invalid_model("input '", printable(name), "' has no type");
    }
    ONWARD_TRY(bind(scope, name, g.add_input(name, std::move(type))));
  }
  return {};
}

// The initializer of an input must be what the input may be fed.
Status check_default(std::string_view name, const Tensor& tensor, const ir::Type& type) {
  if (type.kind == ir::Type::Kind::kUnknown) return {};
  bool fits = type.is_tensor() && (type.dtype == DType::kUndefined || type.dtype == tensor.dtype());
  if (fits && type.shape) {
    fits = type.shape->size() == tensor.rank();
    for (size_t i = 0; fits && i < tensor.rank(); ++i)
      fits = !(*type.shape)[i].is_constant() || (*type.shape)[i].is(tensor.dim(i));
  }
  if (fits) return {};
  return invalid_model("initializer '", printable(name), "' is ", tensor.dtype(), tensor.shape(),
                       ", but the input of that name is ", type);
}

Status Importer::constant(std::string_view name, Tensor tensor, ir::Graph& g, Scope& scope, bool main) {
  if (ir::Value* in = main ? scope.find(std::string(name)) : nullptr; in && in->is_graph_input) {
    if (in->default_value) return invalid_model("initializer '", printable(name), "' is given twice");
    ONWARD_TRY(check_default(name, tensor, in->type()));
    in->default_value = ONWARD_TRY(aligned(tensor));
    return {};
  }
  return bind(scope, std::string(name), g.add_constant(name, std::move(tensor)));
}

Status Importer::constants(const onnx::Graph& proto, ir::Graph& g, Scope& scope, bool main) {
  for (const onnx::Tensor& t : proto.initializer) {
    const std::string name(onnx::or_default(t.name));
    auto tensor = main && overrides_.initializers.count(name) ? overriding(overrides_, t)
                                                              : import_tensor(t, file_, !observer_);
    if (!tensor.ok() && observer_) {
      observer_->initializer_failed(name, tensor.take_status());
      if (!scope.find(name)) scope.values.emplace(name, g.add_value(name));
      continue;
    }
    ONWARD_TRY(constant(name, ONWARD_TRY(std::move(tensor)), g, scope, main));
  }
  for (const onnx::SparseTensor& t : proto.sparse_initializer) {
    if (const auto name = t.values ? onnx::or_default(t.values->name) : onnx::Text();
        main && overrides_.initializers.count(name)) {
      ONWARD_TRY(constant(name, overrides_.initializers.find(name)->second, g, scope, main));
      continue;
    }
    SparseValue sparse = ONWARD_TRY(import_sparse(t, file_));
    const onnx::Text name = onnx::or_default(t.values->name);
    auto dense = densify(sparse);
    if (!dense.ok()) return dense.take_status().context(cat("sparse tensor '", printable(name), "'"));
    ONWARD_TRY(constant(name, *std::move(dense), g, scope, main));
  }
  return {};
}

// With an observer, a node that fails leaves values of unknown type, and everything else as it was before.
Status Importer::node_or_unknown(const onnx::Node& proto, ir::Graph& g, Scope& scope) {
  const int depth = depth_;
  const size_t outputs = g.outputs().size();
  Status status = node(proto, g, scope);
  if (status.ok() || !observer_ || status.code() == Code::kLimitExceeded) return status;
  depth_ = depth;
  ir::Patch(g).truncate_outputs(outputs);
  observer_->node_failed(proto, std::move(status));
  for (onnx::Text name : proto.output)
    if (std::string key(name); !key.empty() && !scope.values.count(key))
      scope.values.emplace(key, g.add_value(key));
  return {};
}

Status Importer::node(const onnx::Node& proto, ir::Graph& g, Scope& scope) {
  if (++nodes_ > max_nodes_)
    return limit_exceeded("the graph grows past ", max_nodes_, " nodes when its functions are inlined");
  auto it = functions_.find(function_key(onnx::or_default(proto.domain), onnx::or_default(proto.op_type),
                                         onnx::or_default(proto.overload)));
  if (it == functions_.end()) return operator_node(proto, g, scope);
  // An operator that this build knows is better than its body, unless it is in a domain of the model's own.
  if (find_op(canonical_domain(onnx::or_default(proto.domain)), onnx::or_default(proto.op_type)))
    return operator_node(proto, g, scope);
  Status status = call(*it->second, proto, g, scope);
  return std::move(status).context(label(proto));
}

Result<std::vector<ir::Value*>> Importer::arguments(const onnx::Node& proto, const Scope& scope) {
  std::vector<ir::Value*> out;
  for (size_t i = 0; i < proto.input.size(); ++i) {
    const std::string name(proto.input[i]);
    ir::Value* const* entry = name.empty() ? nullptr : scope.entry(name);
    if (!entry && !name.empty())
      return invalid_model(label(proto), ": input ", i, " '", printable(name),
                           "' is made by no earlier node, input or initializer");
    out.push_back(entry ? *entry : nullptr);
  }
  while (!out.empty() && !out.back()) out.pop_back();
  return out;
}

Result<ir::GraphPtr> Importer::subgraph(const onnx::Graph& proto, ir::Graph& outer, const Scope& scope) {
  auto g = std::make_shared<ir::Graph>(&outer);
  Scope inner{&scope, {}, scope.opsets, scope.arguments};
  ONWARD_TRY(graph(proto, *g, inner, false));
  return g;
}

Result<ir::Attribute> Importer::attribute(const onnx::Attribute& a, ir::Graph& g, const Scope& scope) {
  using A = onnx::Attribute;
  if (attribute_type(a) == A::GRAPH) {
    if (!a.g) return invalid_model("is a GRAPH without a graph");
    return ir::Attribute(ONWARD_TRY(subgraph(*a.g, g, scope)));
  }
  if (attribute_type(a) == A::GRAPHS) {
    std::vector<ir::GraphPtr> graphs;
    for (const auto& item : a.graphs) graphs.push_back(ONWARD_TRY(subgraph(item, g, scope)));
    return ir::Attribute(std::move(graphs));
  }
  return import_plain_attribute(a, file_);
}

Result<ir::Attributes> Importer::attributes(const onnx::Node& proto, ir::Graph& g, const Scope& scope) {
  ir::Attributes out;
  for (const onnx::Attribute& a : proto.attribute) {
    std::string name(onnx::or_default(a.name));
    if (!onnx::or_default(a.ref_attr_name).empty()) {
      if (!scope.arguments)
        return invalid_model(label(proto), ": attribute '", printable(name),
                             "' refers to a function's attribute outside a function");
      // What the caller omitted is absent here, not zero.
      if (auto it = scope.arguments->find(*a.ref_attr_name); it != scope.arguments->end())
        out.emplace(std::move(name), it->second);
      continue;
    }
    auto value = attribute(a, g, scope);
    if (!value.ok())
      return value.take_status().context(cat(label(proto), ": attribute '", printable(name), "'"));
    if (!out.emplace(name, *std::move(value)).second)
      return invalid_model(label(proto), ": attribute '", printable(name), "' is given twice");
  }
  return out;
}

Status Importer::call(const onnx::Function& function, const onnx::Node& proto, ir::Graph& g, Scope& scope) {
  if (!active_.insert(&function).second)
    return invalid_model("function '", printable(onnx::or_default(function.name)),
                         "' calls itself, by way of others or directly");
  ONWARD_TRY(enter());
  auto actual = ONWARD_TRY(arguments(proto, scope));
  auto given = ONWARD_TRY(attributes(proto, g, scope));
  for (const onnx::Attribute& a : function.attribute_proto)
    if (!given.count(std::string(onnx::or_default(a.name))))
      given.emplace(std::string(onnx::or_default(a.name)), ONWARD_TRY(attribute(a, g, scope)));
  const Opsets opsets = ONWARD_TRY(read_opsets(function.opset_import));
  Scope inner{nullptr, {}, &opsets, &given};
  if (actual.size() > function.input.size())
    return invalid_model("passes ", actual.size(), " inputs, the function takes ", function.input.size());
  std::vector<std::string> omitted;
  for (size_t i = 0; i < function.input.size(); ++i)
    if (i < actual.size() && actual[i])
      ONWARD_TRY(bind(inner, std::string(function.input[i]), actual[i]));
    else
      omitted.emplace_back(function.input[i]);
  for (const std::string& name : omitted) inner.values.emplace(name, nullptr);
  for (const onnx::Node& n : function.node) ONWARD_TRY(node(n, g, inner));
  if (proto.output.size() > function.output.size())
    return invalid_model("takes ", proto.output.size(), " outputs, the function has ",
                         function.output.size());
  for (size_t i = 0; i < proto.output.size(); ++i) {
    if (proto.output[i].empty()) continue;
    ir::Value* v = inner.find(std::string(function.output[i]));
    if (!v) return invalid_model("function output '", printable(function.output[i]), "' is made by no node");
    ONWARD_TRY(bind(scope, std::string(proto.output[i]), v));
  }
  --depth_;
  active_.erase(&function);
  return {};
}

Status check_arity(const onnx::Node& proto, const Schema& schema, size_t inputs) {
  auto range = [](int low, int high) {
    return high == Schema::kUnbounded ? cat(low, " or more")
           : low == high              ? cat(low)
                                      : cat(low, " to ", high);
  };
  const auto n = static_cast<int>(inputs), m = static_cast<int>(proto.output.size());
  if (n < schema.min_inputs() || n > schema.max_inputs())
    return invalid_model(label(proto), ": has ", n, " inputs, expected ",
                         range(schema.min_inputs(), schema.max_inputs()));
  if (m < schema.min_outputs() || m > schema.max_outputs())
    return invalid_model(label(proto), ": has ", m, " outputs, expected ",
                         range(schema.min_outputs(), schema.max_outputs()));
  return {};
}

bool fits(const ir::Attribute& a, AttributeType type) {
  if (type == AttributeType::kUndefined) return true;
  if (type == AttributeType::kSparseTensor || type == AttributeType::kTensor) {
    const Value* v = std::get_if<Value>(&a);
    return v && (type == AttributeType::kTensor ? v->tensor() != nullptr : v->sparse() != nullptr);
  }
  return std::string_view(ir::attribute_kind(a)) == attribute_type_name(type);
}

Status check_attributes(const onnx::Node& proto, const Schema& schema, const ir::Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    if (const SchemaAttribute* wanted = schema.attribute(name)) {
      if (!fits(value, wanted->type()))
        return invalid_model(label(proto), ": attribute '", printable(name), "' is of type ",
                             ir::attribute_kind(value), ", expected ", attribute_type_name(wanted->type()));
      continue;
    }
    if (name.rfind("__", 0) == 0) continue;
    return invalid_model(label(proto), ": unknown attribute '", printable(name), "'; ", schema.name(), "-",
                         schema.since_version(), " has no such attribute");
  }
  for (const SchemaAttribute& a : schema.attributes())
    if (a.required() && !attributes.count(std::string(a.name())))
      return invalid_model(label(proto), ": attribute '", a.name(), "' is missing and has no default");
  return {};
}

bool kind_fits(const ir::Type& type, const TypeSet& allowed) {
  using Kind = ir::Type::Kind;
  switch (type.kind) {
    case Kind::kTensor:
      return allowed.any_tensor() || allowed.any_optional();
    case Kind::kSequence:
      return allowed.any_sequence() || allowed.any_optional() || allowed.any_other();
    case Kind::kOptional:
      return allowed.any_optional() || (type.element && kind_fits(*type.element, allowed));
    case Kind::kMap:
      return allowed.any_other();
    default:
      return true;
  }
}

// Exporters write types at opsets that do not have them yet (bfloat16 for Conv-11). The graph's meaning is
// the newest version's, so a type that any later version takes is well defined.
bool later_version_allows(const Schema& schema, size_t input, DType type) {
  for (const Schema& s : schema_versions(schema.domain(), schema.name())) {
    const SchemaParam* p = s.since_version() > schema.since_version() ? s.input(input) : nullptr;
    if (p && p->types().allows(type)) return true;
  }
  return false;
}

Status check_required_inputs(const onnx::Node& proto, const Schema& schema,
                             const std::vector<ir::Value*>& inputs) {
  // Omitted inputs at the end are not listed.
  for (size_t i = 0; i < std::max(inputs.size(), static_cast<size_t>(schema.min_inputs())); ++i) {
    const SchemaParam* p = schema.input(i);
    if (!p) continue;
    if (i >= inputs.size() || !inputs[i]) {
      if (p->option() != ParamOption::kOptional)
        return invalid_model(label(proto), ": input ", i, " ('", p->name(), "') is required");
      continue;
    }
    const ir::Type& type = inputs[i]->type();
    if (!kind_fits(type, p->types()))
      return invalid_model(label(proto), ": input ", i, " ('", p->name(), "') is ", type, ", expected ",
                           list_text(p->types().names(), "one of ", ""));
    if (type.is_tensor() && type.dtype != DType::kUndefined && !p->types().allows(type.dtype) &&
        !later_version_allows(schema, i, type.dtype))
      return invalid_model(label(proto), ": input ", i, " ('", p->name(), "') is of type ", type.dtype,
                           ", expected ", list_text(p->types().names(), "one of ", ""));
  }
  return {};
}

Status Importer::operator_node(const onnx::Node& proto, ir::Graph& g, Scope& scope) {
  std::string domain(canonical_domain(onnx::or_default(proto.domain)));
  const std::string op_type(onnx::or_default(proto.op_type));
  if (op_type.empty()) return invalid_model("a node without an operator type");
  // Exporters that fuse for ONNX Runtime write an operator of its own in the default domain, where it lives
  // there.
  if (domain.empty() && op_type == "SimplifiedLayerNormalization") domain = "com.microsoft";
  if (domain == "onward" || domain == kExperimentalDomain)
    return invalid_model(label(proto), ": domain '", domain,
                         "' is for operators that this build makes itself");
  auto opset = scope.opsets->find(std::string(canonical_domain(onnx::or_default(proto.domain))));
  if (opset == scope.opsets->end() && domain.empty() && find_schema("", op_type, 1000) == nullptr)
    return invalid_model(label(proto), ": unknown operator");
  if (opset == scope.opsets->end())
    return invalid_model(label(proto), ": domain '", printable(domain), "' is not in opset_import");
  const Schema* schema = find_schema(domain, op_type, opset->second);
  // An experiment that no opset took over, or none until a later one.
  if (!schema && domain.empty() && find_op(kExperimentalDomain, op_type)) domain = kExperimentalDomain;
  const Op* op = find_op(domain, op_type);
  if (!op && !build::kWhole)
    return unsupported(label(proto), ": operator ", printable(domain), domain.empty() ? "" : ".",
                       printable(op_type), " is not in this build", kHowToList);
  if (!schema && newest_opset(domain) > 0) {
    const Schema* newer = find_schema(domain, op_type, newest_opset(domain));
    if (!newer)
      return invalid_model(label(proto), ": no such operator", domain.empty() ? "" : " in domain ", domain);
    return invalid_model(label(proto), ": opset ", opset->second, " has no such operator, it came in opset ",
                         schema_versions(domain, op_type)[0].since_version(),
                         "; the file states too old an opset");
  }
  // A deprecated version with a successor (GroupNormalization-18) still upgrades.
  if (schema && schema->deprecated() && schema_versions(domain, op_type).back().deprecated())
    return invalid_model(label(proto), ": the operator is deprecated since opset ", schema->since_version());
  if (!op)
    return unsupported(label(proto), ": operator ", printable(domain), domain.empty() ? "" : ".",
                       printable(op_type), " is not in this build");

  auto in = ONWARD_TRY(arguments(proto, scope));
  auto attrs = ONWARD_TRY(attributes(proto, g, scope));
  if (schema) {
    // Omitted inputs at the end count where that many are required.
    const size_t required = std::min(proto.input.size(), static_cast<size_t>(schema->min_inputs()));
    ONWARD_TRY(check_arity(proto, *schema, std::max(in.size(), required)));
    ONWARD_TRY(check_attributes(proto, *schema, attrs));
    ONWARD_TRY(check_required_inputs(proto, *schema, in));
  }
  if (is_gradient(domain, op_type)) ONWARD_TRY(name_values(proto, attrs, scope, in));
  std::vector<std::string> names;
  for (onnx::Text name : proto.output) names.emplace_back(name);
  ir::Node* made = g.add_node(op_type, domain, std::move(in), names, std::move(attrs));
  made->name = onnx::or_default(proto.name);
  made->overload = onnx::or_default(proto.overload);
  made->doc = onnx::or_default(proto.doc_string);
  for (const auto& entry : proto.metadata_props)
    made->metadata.emplace_back(onnx::or_default(entry.key), onnx::or_default(entry.value));
  return finish(made, schema, names, scope);
}

// Appends the values that a Gradient names in its attributes to its inputs, and counts them.
Status Importer::name_values(const onnx::Node& proto, const ir::Attributes& attributes, const Scope& scope,
                             std::vector<ir::Value*>& inputs) {
  ir::Strings names;
  for (const char* list : {"xs", "zs"})
    if (auto it = attributes.find(list); it != attributes.end())
      if (const auto* items = std::get_if<ir::Strings>(&it->second))
        names.insert(names.end(), items->begin(), items->end());
  if (inputs.size() != names.size())
    return invalid_model(label(proto), ": has ", inputs.size(), " inputs, expected ", names.size(),
                         ", one for each name in xs and zs");
  if (auto it = attributes.find("y"); it != attributes.end())
    if (const auto* y = std::get_if<std::string>(&it->second)) names.push_back(*y);
  for (const std::string& name : names) {
    ir::Value* v = scope.find(name);
    if (!v)
      return invalid_model(label(proto), ": '", printable(name),
                           "' of its attributes is made by no earlier node, input or initializer");
    inputs.push_back(v);
  }
  return {};
}

// Infers, upgrades and folds a node that was just added, then gives its outputs their names in the scope.
Status Importer::finish(ir::Node* made, const Schema* schema, const std::vector<std::string>& names,
                        Scope& scope) {
  ir::Graph& g = *made->graph();
  const Op* op = find_op(made->domain, made->op_type);
  const bool newest =
      !schema || schema == find_schema(made->domain, made->op_type, newest_opset(made->domain));
  // Outputs of the node, followed through a rewrite by standing in as outputs of the graph meanwhile.
  const size_t first = g.outputs().size();
  const std::vector<ir::Value*> before = made->outputs();
  for (ir::Value* v : before)
    if (v) g.add_output(v);
  bool replaced = false;
  // What a Gradient may go back through must stay as it is, be it computed from constants.
  const auto stays = [&](const ir::Node& n) {
    const ir::Value* y = n.output(0);
    return differentiates_ && !n.inputs().empty() && y && is_floating(y->type().dtype);
  };
  auto infer = [&](ir::Node& n) {
    ONWARD_TRY(infer_node(n, infer_subgraph));
    if (!stays(n)) fold_node(n, {.max_output_bytes = 65536});
    return Status();
  };
  if (!newest && op->can_upgrade) {
    Rewriter rewriter(g, *made, schema->since_version(), infer);
    ONWARD_TRY(op->upgrade(rewriter));
    replaced = rewriter.replaced();
  }
  const bool gradient = !replaced && is_gradient(made->domain, made->op_type);
  // Each may make the graph some times as large, and the next one again.
  if (gradient && (nodes_ += 4 * static_cast<int64_t>(g.nodes().size())) > max_nodes_)
    return limit_exceeded(made->label(), ": the graph grows past ", max_nodes_,
                          " nodes when its gradients are written out");
  if (gradient || (!replaced && made->domain == kExperimentalDomain)) {
    const auto attributes = ONWARD_TRY(op->read(AttrReader(*made)));
    Rewriter rewriter(g, *made, gradient ? 0 : 1, infer);
    ONWARD_TRY(op->lower(attributes.get(), rewriter));
    replaced = true;
  }
  if (!replaced) ONWARD_TRY(infer(*made));
  size_t at = first;
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i]) ONWARD_TRY(bind(scope, names[i], g.outputs()[at++]));
  ir::Patch(g).truncate_outputs(first);
  return {};
}

}  // namespace

Result<ImportedModel> import_model(std::shared_ptr<onnx::ModelFile> file, const ImportLimits& limits,
                                   ImportObserver* observer, const ImportOverrides& overrides) {
  return Importer(std::move(file), limits, observer, overrides).run();
}

}  // namespace ow
