// NodeProto against the schema of its operator: which operator it is, arity, required slots, attributes.
#include <algorithm>
#include <array>

#include "ir/schema.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

// Operators of ai.onnx that early releases had as experiments, without a schema today.
constexpr std::array<std::string_view, 11> kExperimental = {"ATen",
                                                            "Affine",
                                                            "ConstantFill",
                                                            "Crop",
                                                            "DynamicSlice",
                                                            "GRUUnit",
                                                            "GivenTensorFill",
                                                            "ImageScaler",
                                                            "ParametricSoftplus",
                                                            "Scale",
                                                            "ScaledTanh"};

std::string range(int low, int high) {
  if (high == Schema::kUnbounded) return cat(low, " or more");
  return low == high ? cat(low) : cat(low, " to ", high);
}

// Edits that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view domain, std::string_view name) {
  if (name.size() > 64) return "";
  std::string_view best;
  size_t best_distance = 3;
  for (const Schema& s : all_schemas()) {
    const std::string_view known = s.name();
    const size_t longer = std::max(known.size(), name.size()) - std::min(known.size(), name.size());
    if (s.domain() != domain || known == best || longer >= best_distance) continue;  // edits enough already
    if (size_t d = edit_distance(name, known); d < best_distance) best_distance = d, best = known;
  }
  return best.empty() ? "" : cat("did you mean ", best, "?");
}

void check_slots(Report& r, const std::vector<onnx::Text>& names, const Schema& s, bool in,
                 const std::string& at) {
  const char* what = in ? "input" : "output";
  const int n = static_cast<int>(names.size());
  const int low = in ? s.min_inputs() : s.min_outputs(), high = in ? s.max_inputs() : s.max_outputs();
  if (n < low || n > high)
    r.add("E0606", at, cat(n, " ", what, "s"),
          cat(range(low, high), " for ", s.name(), "-", s.since_version()));
  for (size_t i = 0; i < names.size(); ++i) {
    const SchemaParam* p = in ? s.input(i) : s.output(i);
    if (p && names[i].empty() && p->option() == ParamOption::kSingle)
      r.add("E0607", cat(at, ".", what, "[", i, "]"),
            cat("required ", what, " ", quoted(p->name()), " is omitted"), "a name");
  }
}

AttributeType type_of(const onnx::Attribute& a) {
  const int32_t type = or_default(a.type);
  return type >= 0 && type <= 14 ? static_cast<AttributeType>(type) : AttributeType::kUndefined;
}

void check_attributes(Report& r, const onnx::Node& n, const Schema& s, const std::string& at) {
  for (const onnx::Attribute& a : n.attribute) {
    const std::string_view name = or_default(a.name);
    const SchemaAttribute* known = s.attribute(name);
    if (!known && name.substr(0, 2) != "__")
      r.add("E0608", cat(at, ".attribute ", quoted(name)),
            cat(s.name(), "-", s.since_version(), " has no such attribute"), "",
            "remove it, or import the opset that has it");
    if (known && (a.type || r.ir_version >= 2) && type_of(a) != known->type())
      r.add("E0609", cat(at, ".attribute ", quoted(name)), cat("type ", attribute_type_name(type_of(a))),
            attribute_type_name(known->type()));
  }
  for (const SchemaAttribute& known : s.attributes())
    if (known.required() && std::none_of(n.attribute.begin(), n.attribute.end(),
                                         [&](const auto& a) { return or_default(a.name) == known.name(); }))
      r.add("E0610", at, cat("required attribute ", quoted(known.name()), " is missing"),
            attribute_type_name(known.type()));
}

void check_known(Report& r, const onnx::Node& n, std::string_view domain, int64_t opset,
                 const std::string& at) {
  const std::string_view op = or_default(n.op_type);
  const Schema* schema = find_schema(domain, op, opset);
  if (!schema && domain.empty() &&
      std::find(kExperimental.begin(), kExperimental.end(), op) != kExperimental.end())
    return r.add("W0611", at, cat(op, " is an experimental operator"), "a released one",
                 "it was never standardised; export the model again");
  if (!schema) {
    const auto versions = schema_versions(domain, op);
    if (versions.empty())
      return r.add("E0604", at, cat("no operator ", quoted(op), " in domain ", quoted(domain)), "",
                   suggestion(domain, op));
    return r.add("E0604", at, cat("opset ", opset, " has no operator ", quoted(op)),
                 cat("opset ", versions[0].since_version(), " or newer"), "raise the opset import");
  }
  if (schema->deprecated())
    return r.add("E0605", at, cat(op, " is deprecated since opset ", schema->since_version()),
                 "an operator of the imported opset", "convert the model's version");
  check_slots(r, n.input, *schema, true, at);
  check_slots(r, n.output, *schema, false, at);
  check_attributes(r, n, *schema, at);
}

}  // namespace

void check_node(Report& r, const onnx::Node& n, const std::string& at, const Place& place,
                const Names& names) {
  check_metadata(r, at, n.metadata_props);
  std::unordered_set<std::string_view> seen;
  for (const onnx::Attribute& a : n.attribute) {
    const std::string where = cat(at, ".attribute ", quoted(or_default(a.name)));
    if (!seen.insert(or_default(a.name)).second)
      r.add("E0612", where, "given a second time", "each attribute once");
    check_attribute(r, a, where, place, &names);
  }
  if (r.ir_version > 0 && r.ir_version < 10 && !or_default(n.overload).empty())
    r.add("W0114", at, cat("an overload at IR version ", r.ir_version), "IR version 10 or newer",
          "raise ir_version");
  const std::string_view op = or_default(n.op_type), domain = canonical_domain(or_default(n.domain));
  if (op.empty()) return r.add("E0601", at, "no op_type", "an operator's name");
  if (n.input.empty() && n.output.empty())
    r.add("E0602", at, "neither inputs nor outputs", "at least one of them");
  r.used_domains.insert(std::string(domain));
  const std::string key = function_key(domain, op, or_default(n.overload));
  auto function = r.functions.find(key);
  auto opset = place.opsets->find(domain);
  if (opset == place.opsets->end())
    r.add("E0603", at, cat("domain ", quoted(domain), " is not in opset_import"), "an import of the domain",
          "add it to opset_import");
  if (function != r.functions.end()) {
    r.used_functions.insert(key);
    return check_call(r, n, *function->second, at);
  }
  if (opset != place.opsets->end() && is_onnx_domain(domain)) check_known(r, n, domain, opset->second, at);
}

}  // namespace ow::check
