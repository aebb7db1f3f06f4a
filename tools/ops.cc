// onward ops: the operators that ONNX defines, and what this build makes of them.

#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "ir/schema.h"
#include "ops/op/op.h"
#include "tools/command.h"
#include "tools/ops_types.h"
#include "tools/ops_used.h"
#include "tools/report.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExample =
    "Example:\n"
    "  onward ops                 every operator, one line each\n"
    "  onward ops Resize          one operator in full: all versions, parameters, types\n"
    "  onward ops --missing       what this build does not have\n"
    "  onward ops Gemm --types    which types it computes in, and which through a wider one\n"
    "  onward ops --used-by net.onnx > net.ops\n"
    "                             the operator files and types that a build for one model needs: cmake "
    "-DONWARD_OPS=net.ops\n";

struct Options {
  std::string name, used_by;
  bool json = false, missing = false, types = false;
};

using Key = std::pair<std::string, std::string>;  // domain, name

std::string shown(const Key& key) { return key.first.empty() ? key.second : key.first + "." + key.second; }

std::vector<std::string> native_types(const ow::Op& op) {
  std::vector<std::string> out;
  for (int i = 1; i < ow::kDTypeCount; ++i)
    if (op.traits.native >> i & 1) out.emplace_back(ow::dtype_name(static_cast<ow::DType>(i)));
  return out;
}

ordered_json build_json(const Key& key) {
  const ow::Op* op = ow::find_op(key.first, key.second);
  if (!op) return nullptr;
  const bool all = op->traits.native == ow::kAllTypes;
  return {{"can_run", op->can_run},
          {"can_lower", op->can_lower},
          {"can_upgrade", op->can_upgrade},
          {"has_prepare", op->has_prepare},
          {"deterministic", op->traits.deterministic},
          {"native_types", all ? ordered_json("all") : ordered_json(native_types(*op))}};
}

ordered_json param_json(const ow::SchemaParam& p) {
  static constexpr const char* kOptions[] = {"single", "optional", "variadic"};
  return {{"name", p.name()}, {"option", kOptions[static_cast<int>(p.option())]}, {"type", p.type_name()}};
}

ordered_json default_json(const ow::SchemaAttribute& a) {
  if (auto v = a.default_int()) return *v;
  if (auto v = a.default_float()) return *v;
  if (auto v = a.default_string()) return *v;
  if (auto v = a.default_ints()) return *v;
  if (auto v = a.default_strings()) return *v;
  return nullptr;
}

ordered_json schema_json(const ow::Schema& s) {
  ordered_json out = {
      {"since_version", s.since_version()}, {"deprecated", s.deprecated()}, {"function", s.has_function()}};
  out["inputs"] = out["outputs"] = out["attributes"] = ordered_json::array();
  out["types"] = ordered_json::object();
  for (const auto& p : s.inputs()) out["inputs"].push_back(param_json(p));
  for (const auto& p : s.outputs()) out["outputs"].push_back(param_json(p));
  for (const auto& a : s.attributes())
    out["attributes"].push_back({{"name", a.name()},
                                 {"type", ow::attribute_type_name(a.type())},
                                 {"required", a.required()},
                                 {"default", default_json(a)}});
  for (const auto& c : s.type_constraints()) out["types"][std::string(c.name())] = c.types().names();
  return out;
}

// Every operator of the schema facts, and those of this build that ONNX does not define.
std::map<Key, std::vector<int>> all_operators() {
  std::map<Key, std::vector<int>> out;
  for (const ow::Schema& s : ow::all_schemas())
    out[{std::string(s.domain()), std::string(s.name())}].push_back(s.since_version());
  for (const ow::Op* op : ow::all_ops()) out[{std::string(op->domain), std::string(op->name)}];
  return out;
}

std::string how(const Key& key) {
  const ow::Op* op = ow::find_op(key.first, key.second);
  if (!op) return "-";
  std::string out = op->can_run ? "run" : "";
  if (op->can_lower) out += out.empty() ? "lower" : "+lower";
  if (!op->can_run || op->traits.native == ow::kAllTypes) return out;
  for (const std::string& t : native_types(*op)) out += " " + t;
  return out;
}

void print_list(const std::map<Key, std::vector<int>>& all, bool json) {
  ordered_json list = ordered_json::array();
  size_t here = 0;
  for (const auto& [key, versions] : all) {
    here += ow::find_op(key.first, key.second) != nullptr;
    if (json) {
      list.push_back(
          {{"domain", key.first}, {"name", key.second}, {"versions", versions}, {"build", build_json(key)}});
      continue;
    }
    std::string text;
    for (int v : versions) text += (text.empty() ? "" : ",") + std::to_string(v);
    std::printf("%-44s %-28s %s\n", shown(key).c_str(), text.c_str(), how(key).c_str());
  }
  if (json)
    print_json(list);
  else
    std::printf("%zu operators, %zu in this build\n", all.size(), here);
}

void print_one(const Key& key, bool json) {
  const auto versions = ow::schema_versions(key.first, key.second);
  if (json) {
    ordered_json out = {{"domain", key.first},
                        {"name", key.second},
                        {"build", build_json(key)},
                        {"versions", ordered_json::array()}};
    for (const ow::Schema& s : versions) out["versions"].push_back(schema_json(s));
    print_json(out);
    return;
  }
  std::printf("%s  in this build: %s\n", shown(key).c_str(), how(key).c_str());
  for (auto s = versions.rbegin(); s != versions.rend(); ++s) {
    std::string text;
    ow::append(text, *s);
    std::printf("\n%s", text.c_str());
  }
}

// The operators that NAME means: in any domain, without regard to case, with or without the domain.
std::vector<Key> find(const std::map<Key, std::vector<int>>& all, const std::string& name) {
  auto lower = [](std::string s) {
    for (char& c : s)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return s;
  };
  std::vector<Key> out;
  for (const auto& [key, versions] : all)
    if (lower(key.second) == lower(name) || lower(shown(key)) == lower(name)) out.push_back(key);
  return out;
}

int ops(const Options& o) {
  if (!o.used_by.empty()) {
    if (!o.name.empty() || o.json || o.missing || o.types)
      throw UsageError("--used-by stands alone: it prints a list for a build");
    return std::fputs(used_operator_files(o.used_by).c_str(), stdout), kDone;
  }
  auto all = all_operators();
  if (!o.name.empty()) {
    const auto found = find(all, o.name);
    if (found.empty()) throw UsageError("no operator is called '" + o.name + "'; `onward ops` lists them");
    if (o.types) return print_types(found.front().second, o.json), kDone;
    for (const Key& key : found) print_one(key, o.json);
    return kDone;
  }
  if (o.types) return print_types("", o.json), kDone;
  std::erase_if(all,
                [&](const auto& row) { return o.missing && ow::find_op(row.first.first, row.first.second); });
  print_list(all, o.json);
  return kDone;
}

}  // namespace

void add_ops(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("ops", "List the operators, or show one in full");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  sub->add_option("name", o->name, "Operator, as in Softmax or ai.onnx.ml.Scaler");
  sub->add_flag("--missing", o->missing, "Only operators that this build does not have");
  sub->add_flag("--types", o->types, "How each type of each type variable is computed");
  sub->add_option("--used-by", o->used_by,
                  "Model: the operator files and element types that it takes, for a build with -DONWARD_OPS");
  sub->add_flag("--json", o->json, "Print JSON");
  sub->callback([o, &exit_code] { exit_code = ops(*o); });
}

}  // namespace onward::tools
