// The type constraints of the schemas: what type each input may have, and that all places of one type
// variable
// ("T") have one type. Needs no operator of this build, so it also holds for those that cannot be imported.
#include "ir/schema.h"
#include "passes/check/meaning.h"
#include "passes/check/report.h"
#include "passes/import.h"

namespace ow::check {
namespace {

// As in ONNX's schemas: "seq(tensor(float))"; "" where a part is not known.
std::string type_string(const ir::Type& t) {
  using Kind = ir::Type::Kind;
  auto wrap = [](const char* before, const std::string& inner) {
    return inner.empty() ? "" : cat(before, inner, ")");
  };
  const std::string element = t.element ? type_string(*t.element) : "";
  const std::string dtype = t.dtype == DType::kUndefined ? "" : dtype_name(t.dtype);
  switch (t.kind) {
    case Kind::kTensor:
      return wrap("tensor(", dtype);
    case Kind::kSparseTensor:
      return wrap("sparse_tensor(", dtype);
    case Kind::kSequence:
      return wrap("seq(", element);
    case Kind::kOptional:
      return wrap("optional(", element);
    case Kind::kMap:
      return dtype.empty() || element.empty() ? "" : cat("map(", dtype, ",", element, ")");
    case Kind::kOpaque:
      return "opaque()";
    case Kind::kUnknown:
      break;
  }
  return "";
}

class Constraints {
 public:
  Constraints(Report& r, const TypeOf& inferred) : r_(r), inferred_(inferred) {
    const onnx::Graph& g = *r.model.graph;
    for (const auto* list : {&g.input, &g.value_info, &g.output})
      for (const onnx::ValueInfo& info : *list)
        if (info.type)
          if (auto type = import_type(*info.type); type.ok())
            declared_[or_default(info.name)] = type_string(*type);
  }

  void check(const onnx::Node& n) {
    auto opset = r_.opsets.find(canonical_domain(or_default(n.domain)));
    if (opset == r_.opsets.end() || r_.bad_nodes.count(&n)) return;
    const Schema* s = find_schema(opset->first, or_default(n.op_type), opset->second);
    if (!s) return;
    bound_.assign(s->type_constraints().size(), {});
    for (size_t i = 0; i < n.input.size(); ++i)
      if (const SchemaParam* p = s->input(i); p && !n.input[i].empty())
        one(n, *p, type_of(n.input[i]), cat("input[", i, "]"));
    for (size_t i = 0; i < n.output.size(); ++i)
      if (const SchemaParam* p = s->output(i); p && !n.output[i].empty()) output(n, *p, n.output[i], i);
  }

 private:
  std::string type_of(std::string_view name) const {
    if (const ir::Type* t = inferred_(name))
      if (std::string text = type_string(*t); !text.empty()) return text;
    auto it = declared_.find(name);
    return it == declared_.end() ? "" : it->second;
  }

  void one(const onnx::Node& n, const SchemaParam& p, const std::string& type, const std::string& slot) {
    if (type.empty()) return;
    const std::string at = cat(r_.node_places[&n], ".", slot);
    if (!p.types().allows(type))
      return r_.add("E1008", at, cat("type ", type), list_text(p.types().names(), "one of ", ""));
    if (p.type_variable() < 0 || (p.option() == ParamOption::kVariadic && !p.homogeneous())) return;
    auto& [first, where] = bound_[static_cast<size_t>(p.type_variable())];
    if (first.empty()) {
      first = type;
      where = slot;
    } else if (first != type) {
      r_.add("E1009", at, cat("type ", type), cat(first, ", as ", where, " has: both are ", p.type_name()));
    }
  }

  // An output's type from the inputs' variables, where inference has none.
  void output(const onnx::Node& n, const SchemaParam& p, std::string_view name, size_t i) {
    const std::string type = type_of(name);
    one(n, p, type, cat("output[", i, "]"));
    if (!type.empty() || p.type_variable() < 0) return;
    if (const std::string& known = bound_[static_cast<size_t>(p.type_variable())].first; !known.empty())
      declared_[name] = known;
  }

  Report& r_;
  const TypeOf& inferred_;
  std::unordered_map<std::string_view, std::string> declared_;
  std::vector<std::pair<std::string, std::string>> bound_;  // by type variable: the type, and where it is
};

}  // namespace

void check_constraints(Report& r, const TypeOf& inferred) {
  Constraints constraints(r, inferred);
  for (const onnx::Node& n : r.model.graph->node) constraints.check(n);
}

}  // namespace ow::check
