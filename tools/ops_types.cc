// onward ops --types: for every operator of ONNX at its newest version, how each type that its schema allows
// for each type variable is computed: natively, through a wider type, or by the operators that it is lowered
// to.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "ir/schema.h"
#include "ops/op/op.h"
#include "ops/op/widen.h"
#include "tools/ops_types.h"
#include "tools/report.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;

// "native", "operators" or the name of the wider type, for input `i` (-1: none has the variable).
std::string way(const ow::Op& op, const ow::Schema& s, int i, ow::DType t) {
  if (!op.can_run) return "operators";
  if (i < 0) return "native";
  // Beside floats, which decide where an operator computes in one float.
  std::vector<ow::DType> types;
  for (const ow::SchemaParam& p : s.inputs()) {
    const bool is_float = p.type_variable() >= 0 && p.allows(ow::DType::kFloat32);
    types.push_back(is_float ? ow::DType::kFloat32 : ow::DType::kUndefined);
  }
  const auto input = static_cast<size_t>(i);
  types[input] = t;
  const ow::DType wide = ow::plan_widening(op, types, 0).inputs[input];
  return wide == ow::DType::kUndefined ? "native" : ow::dtype_name(wide);
}

int first_input_of(const ow::Schema& s, int variable) {
  const auto inputs = s.inputs();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].type_variable() == variable) return static_cast<int>(i);
  return -1;
}

ordered_json variable_json(const ow::Schema& s, const ow::Op* op, int variable) {
  const ow::TypeConstraint& c = s.type_constraints()[static_cast<size_t>(variable)];
  ordered_json types = ordered_json::object();
  // Containers are moved and never computed in.
  for (const std::string& name : c.types().names())
    types[name] = !op ? "missing" : op->can_run ? "native" : "operators";
  for (int i = 1; op && i < ow::kDTypeCount; ++i) {
    const auto t = static_cast<ow::DType>(i);
    if (c.types().allows(t))
      types[ow::cat("tensor(", ow::dtype_name(t), ")")] = way(*op, s, first_input_of(s, variable), t);
  }
  return {{"name", c.name()}, {"types", types}};
}

ordered_json list_types(const std::string& only) {
  ordered_json out = ordered_json::array();
  std::map<std::pair<std::string, std::string>, const ow::Schema*> newest;  // the list goes from old to new
  for (const ow::Schema& s : ow::all_schemas()) newest[{std::string(s.domain()), std::string(s.name())}] = &s;
  for (const auto& [key, s] : newest) {
    if (s->deprecated() || (!key.first.empty() && key.first != "ai.onnx.ml")) continue;
    if (!only.empty() && only != key.second) continue;
    const ow::Op* op = ow::find_op(key.first, key.second);
    ordered_json variables = ordered_json::array();
    for (size_t v = 0; v < s->type_constraints().size(); ++v)
      variables.push_back(variable_json(*s, op, static_cast<int>(v)));
    out.push_back({{"domain", key.first},
                   {"name", key.second},
                   {"since_version", s->since_version()},
                   {"variables", variables}});
  }
  return out;
}

void print_text(const ordered_json& list) {
  std::map<std::string, size_t> totals;
  for (const auto& op : list)
    for (const auto& variable : op["variables"]) {
      std::map<std::string, std::string> groups;
      for (const auto& [type, how] : variable["types"].items()) {
        groups[how] += " " + type;
        const bool wide = how != "native" && how != "operators" && how != "missing";
        ++totals[wide ? "through a wider type" : how.get<std::string>()];
      }
      for (const auto& [how, types] : groups)
        std::printf("%-28s %-8s %-12s%s\n", op["name"].get<std::string>().c_str(),
                    variable["name"].get<std::string>().c_str(), how.c_str(), types.c_str());
    }
  for (const auto& [how, count] : totals) std::printf("%zu %s\n", count, how.c_str());
}

}  // namespace

void print_types(const std::string& only, bool json) {
  const ordered_json list = list_types(only);
  if (json)
    print_json(list);
  else
    print_text(list);
}

}  // namespace onward::tools
