// Readers of the schema tables. A row holds offsets: into kStrings for a name, into another table for a list.
//
// A build of some operators has the rows of those alone: what the readers see of a table is then a copy of a
// part of it, made by the compiler, and the table itself is left out by the linker.

#include "ir/schema.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>

#include "base/text.h"
#include "build_parts.h"

namespace ow {

// The tables of schema_data.inc, which this file alone sees.
struct SchemaData {
  struct Domain {
    uint16_t name;
    uint16_t newest_opset;
  };
  static const char kStrings[];
  static const uint16_t kOtherTypes[];
  static const TypeSet kTypeSets[];
  static const SchemaParam kParams[];
  static const TypeConstraint kConstraints[];
  static const SchemaAttribute kAttributes[];
  static const int64_t kInts[];
  static const float kFloats[];
  static const uint16_t kTextLists[];
  static const Domain kDomains[];
  static const Schema kSchemas[];

  static constexpr std::string_view text(uint16_t offset);
  static std::span<const uint16_t> other_types();
  struct Used;
};

// clang-format off
#include "ir/schema_data.inc"
// clang-format on

// Where the array's extent is known, else Clang does not look into it while it compiles.
constexpr std::string_view SchemaData::text(uint16_t offset) { return kStrings + offset; }

// What this build has of each table: a copy of the listed operators' rows, or all of it.
struct SchemaData::Used {
  static consteval bool listed(const Schema& s) {
    for (std::string_view name : build::kOpNames)
      if (text(s.name_) == name) return true;
    return false;
  }
  // Calls f(first, count) for each list of rows that a listed schema has in one table.
  static constexpr auto kEach = [](const Schema&, auto f) { f(0, 1); };
  static constexpr auto kParamsOf = [](const Schema& s, auto f) {
    f(s.inputs_, s.input_count_);
    f(s.outputs_, s.output_count_);
  };
  static constexpr auto kConstraintsOf = [](const Schema& s, auto f) {
    f(s.constraints_, s.constraint_count_);
  };
  static constexpr auto kAttributesOf = [](const Schema& s, auto f) { f(s.attributes_, s.attribute_count_); };

  static consteval size_t count(auto lists) {
    size_t n = 0;
    for (const Schema& s : kSchemas)
      if (listed(s)) lists(s, [&](size_t, size_t rows) { n += rows; });
    return n;
  }
  template <size_t n>
  static consteval auto rows(auto lists) {
    std::array<size_t, n> out = {};
    size_t at = 0;
    for (const Schema& s : kSchemas)
      if (listed(s))
        lists(s, [&](size_t first, size_t rows) {
          for (size_t i = 0; i < rows; ++i) out[at++] = first + i;
        });
    return out;
  }
  // One row more, so that none is no row: an array has one at least.
  template <size_t n, class Row>
  static consteval auto copy(const Row* table, const std::array<size_t, n>& rows) {
    return [&]<size_t... i>(std::index_sequence<i...>) {
      return std::array<Row, n + 1>{table[rows[i]]..., table[0]};
    }
    (std::make_index_sequence<n>());
  }
  template <size_t n>
  static consteval auto schemas() {
    std::array<size_t, n> rows = {};
    for (size_t i = 0, at = 0; i < std::size(kSchemas); ++i)
      if (listed(kSchemas[i])) rows[at++] = i;
    auto out = copy(kSchemas, rows);
    uint16_t params = 0, constraints = 0, attributes = 0;
    for (size_t i = 0; i < n; ++i) {
      Schema& s = out[i];
      s.inputs_ = params;
      s.outputs_ = static_cast<uint16_t>(params + s.input_count_);
      params = static_cast<uint16_t>(s.outputs_ + s.output_count_);
      s.constraints_ = constraints;
      constraints = static_cast<uint16_t>(constraints + s.constraint_count_);
      s.attributes_ = attributes;
      attributes = static_cast<uint16_t>(attributes + s.attribute_count_);
    }
    return out;
  }
};

std::span<const uint16_t> SchemaData::other_types() { return kOtherTypes; }

template <bool kPart>
struct SchemaTables {  // of the whole build
  static constexpr std::span<const Schema> kSchemas = SchemaData::kSchemas;
  static constexpr const SchemaParam* kParams = SchemaData::kParams;
  static constexpr const TypeConstraint* kConstraints = SchemaData::kConstraints;
  static constexpr const SchemaAttribute* kAttributes = SchemaData::kAttributes;
};

template <>
struct SchemaTables<true> {
  using Used = SchemaData::Used;
  template <auto kLists>
  static constexpr auto kRows = Used::rows<Used::count(kLists)>(kLists);
  static constexpr auto kSchemaRows = Used::schemas<Used::count(Used::kEach)>();
  static constexpr auto kParamRows = Used::copy(SchemaData::kParams, kRows<Used::kParamsOf>);
  static constexpr auto kConstraintRows = Used::copy(SchemaData::kConstraints, kRows<Used::kConstraintsOf>);
  static constexpr auto kAttributeRows = Used::copy(SchemaData::kAttributes, kRows<Used::kAttributesOf>);
  static constexpr std::span<const Schema> kSchemas = {kSchemaRows.data(), kSchemaRows.size() - 1};
  static constexpr const SchemaParam* kParams = kParamRows.data();
  static constexpr const TypeConstraint* kConstraints = kConstraintRows.data();
  static constexpr const SchemaAttribute* kAttributes = kAttributeRows.data();
};

namespace {

using Tables = SchemaTables<!build::kWhole>;

std::string without_spaces(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), [](char c) { return c != ' '; });
  return out;
}

// Takes `before` and `after` off the ends of `text`; false and no change if they are not both there.
bool unwrap(std::string_view& text, std::string_view before, std::string_view after = ")") {
  if (text.size() < before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after))
    return false;
  text = text.substr(before.size(), text.size() - before.size() - after.size());
  return true;
}

// "map(string,float)" -> "map(string,tensor(float))", inside a seq() too; other text as it is.
std::string with_tensor_map_value(std::string text) {
  size_t comma = text.find(',');
  if (text.find("map(") == std::string::npos || comma == std::string::npos) return text;
  if (text.compare(comma + 1, 7, "tensor(") == 0) return text;
  size_t end = text.find(')', comma);
  if (end == std::string::npos) return text;
  return text.substr(0, comma + 1) + "tensor(" + text.substr(comma + 1, end - comma) + text.substr(end);
}

bool mask_allows(uint32_t mask, std::string_view element) {
  auto dtype = dtype_from_name(element);
  return dtype && (mask & TypeSet::bit(*dtype));
}

void add_names(std::vector<std::string>& out, uint32_t mask, std::string_view before,
               std::string_view after) {
  for (int i = 1; i < kDTypeCount; ++i)
    if (mask >> i & 1) out.push_back(cat(before, static_cast<DType>(i), after));
}

std::string_view stored_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

const SchemaParam* actual(std::span<const SchemaParam> params, size_t i) {
  if (i < params.size()) return &params[i];
  bool variadic = !params.empty() && params.back().option() == ParamOption::kVariadic;
  return variadic ? &params.back() : nullptr;
}

}  // namespace

bool TypeSet::allows(std::string_view type) const {
  std::string spelled = with_tensor_map_value(without_spaces(type));
  std::string_view text = spelled;
  if (text.find("map(") != std::string_view::npos) {
    auto names = SchemaData::other_types();
    for (size_t i = 0; i < names.size(); ++i)
      if (other >> i & 1 && text == SchemaData::text(names[i])) return true;
    return false;
  }
  if (unwrap(text, "tensor(")) return mask_allows(tensor, text);
  if (unwrap(text, "seq(tensor(", "))")) return mask_allows(sequence, text);
  if (unwrap(text, "optional(tensor(", "))")) return mask_allows(optional, text);
  if (unwrap(text, "optional(seq(tensor(", ")))")) return mask_allows(optional_sequence, text);
  return false;
}

std::vector<std::string> TypeSet::names() const {
  std::vector<std::string> out;
  add_names(out, tensor, "tensor(", ")");
  add_names(out, sequence, "seq(tensor(", "))");
  add_names(out, optional, "optional(tensor(", "))");
  add_names(out, optional_sequence, "optional(seq(tensor(", ")))");
  for (int i = 0; i < 32; ++i)
    if (other >> i & 1) out.emplace_back(other_type_name(i));
  return out;
}

std::string_view other_type_name(int i) {
  auto names = SchemaData::other_types();
  return i >= 0 && static_cast<size_t>(i) < names.size() ? SchemaData::text(names[i]) : std::string_view();
}

std::string_view SchemaParam::name() const { return SchemaData::text(name_); }
std::string_view SchemaParam::type_name() const { return SchemaData::text(type_name_); }
const TypeSet& SchemaParam::types() const { return SchemaData::kTypeSets[types_]; }

std::string_view TypeConstraint::name() const { return SchemaData::text(name_); }
const TypeSet& TypeConstraint::types() const { return SchemaData::kTypeSets[types_]; }

const char* attribute_type_name(AttributeType t) {
  static constexpr const char* kNames[] = {
      "UNDEFINED", "FLOAT",   "INT",    "STRING",        "TENSOR",         "GRAPH",      "FLOATS",     "INTS",
      "STRINGS",   "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  auto i = static_cast<size_t>(t);
  return kNames[i < std::size(kNames) ? i : 0];
}

std::string_view SchemaAttribute::name() const { return SchemaData::text(name_); }

std::optional<int64_t> SchemaAttribute::default_int() const {
  if (!has_default(AttributeType::kInt)) return std::nullopt;
  return SchemaData::kInts[first_];
}

std::optional<float> SchemaAttribute::default_float() const {
  if (!has_default(AttributeType::kFloat)) return std::nullopt;
  return SchemaData::kFloats[first_];
}

std::optional<std::string_view> SchemaAttribute::default_string() const {
  if (!has_default(AttributeType::kString)) return std::nullopt;
  return SchemaData::text(SchemaData::kTextLists[first_]);
}

std::optional<std::vector<int64_t>> SchemaAttribute::default_ints() const {
  if (!has_default(AttributeType::kInts)) return std::nullopt;
  const int64_t* first = SchemaData::kInts + first_;
  return std::vector<int64_t>(first, first + count_);
}

std::optional<std::vector<std::string_view>> SchemaAttribute::default_strings() const {
  if (!has_default(AttributeType::kStrings)) return std::nullopt;
  std::vector<std::string_view> out;
  for (int i = 0; i < count_; ++i) out.push_back(SchemaData::text(SchemaData::kTextLists[first_ + i]));
  return out;
}

std::string_view Schema::domain() const { return SchemaData::text(domain_); }
std::string_view Schema::name() const { return SchemaData::text(name_); }
std::span<const SchemaParam> Schema::inputs() const { return {Tables::kParams + inputs_, input_count_}; }
std::span<const SchemaParam> Schema::outputs() const { return {Tables::kParams + outputs_, output_count_}; }
std::span<const TypeConstraint> Schema::type_constraints() const {
  return {Tables::kConstraints + constraints_, constraint_count_};
}
std::span<const SchemaAttribute> Schema::attributes() const {
  return {Tables::kAttributes + attributes_, attribute_count_};
}
const SchemaParam* Schema::input(size_t i) const { return actual(inputs(), i); }
const SchemaParam* Schema::output(size_t i) const { return actual(outputs(), i); }

const SchemaAttribute* Schema::attribute(std::string_view name) const {
  auto all = attributes();
  auto found =
      std::find_if(all.begin(), all.end(), [&](const SchemaAttribute& a) { return a.name() == name; });
  return found == all.end() ? nullptr : &*found;
}

std::span<const Schema> all_schemas() { return Tables::kSchemas; }

std::span<const Schema> schema_versions(std::string_view domain, std::string_view name) {
  using Key = std::tuple<std::string_view, std::string_view>;
  struct Order {
    static Key key(const Schema& s) { return {s.domain(), s.name()}; }
    bool operator()(const Schema& s, const Key& k) const { return key(s) < k; }
    bool operator()(const Key& k, const Schema& s) const { return k < key(s); }
  };
  auto all = all_schemas();
  auto [first, last] = std::equal_range(all.begin(), all.end(), Key{stored_domain(domain), name}, Order());
  return {first, last};
}

const Schema* find_schema(std::string_view domain, std::string_view name, int64_t opset) {
  const Schema* newest = nullptr;
  for (const Schema& s : schema_versions(domain, name))
    if (s.since_version() <= opset) newest = &s;
  return newest;
}

int64_t newest_opset(std::string_view domain) {
  for (const auto& d : SchemaData::kDomains)
    if (SchemaData::text(d.name) == stored_domain(domain)) return d.newest_opset;
  return 0;
}

namespace {

void append_count(std::string& out, int count) {
  if (count == Schema::kUnbounded)
    out += '*';
  else
    append(out, count);
}

void append_types(std::string& out, const TypeSet& types) { out += list_text(types.names(), "", ""); }

void append_param(std::string& out, const char* kind, const SchemaParam& p) {
  out += cat("  ", kind, " ", p.name(), ": ", p.type_name());
  if (p.option() == ParamOption::kOptional) out += " optional";
  if (p.option() == ParamOption::kVariadic)
    out += cat(" variadic ", p.homogeneous() ? "homogeneous" : "heterogeneous", " min ", p.min_arity());
  out += '\n';
}

void append_attribute(std::string& out, const SchemaAttribute& a) {
  out += cat("  attribute ", a.name(), ": ", attribute_type_name(a.type()), a.required() ? " required" : "");
  if (a.has_default()) out += " = ";
  if (auto v = a.default_int()) append(out, *v);
  if (auto v = a.default_float()) append(out, *v);
  if (auto v = a.default_string()) append(out, *v);
  if (auto v = a.default_ints()) out += list_text(*v, "", "");
  if (auto v = a.default_strings()) out += list_text(*v, "", "");
  out += '\n';
}

}  // namespace

void append(std::string& out, const Schema& s) {
  out += cat(s.domain().empty() ? "ai.onnx" : s.domain(), " ", s.name(), " ", s.since_version(), " inputs ",
             s.min_inputs(), "..");
  append_count(out, s.max_inputs());
  out += cat(" outputs ", s.min_outputs(), "..");
  append_count(out, s.max_outputs());
  if (s.deprecated()) out += " deprecated";
  if (s.has_function()) out += " function";
  if (s.has_context_dependent_function()) out += " context-dependent";
  if (!s.deterministic()) out += " nondeterministic";
  out += '\n';
  for (const auto& p : s.inputs()) append_param(out, "input", p);
  for (const auto& p : s.outputs()) append_param(out, "output", p);
  for (const auto& c : s.type_constraints()) {
    out += cat("  type ", c.name(), ": ");
    append_types(out, c.types());
    out += '\n';
  }
  for (const auto& a : s.attributes()) append_attribute(out, a);
}

}  // namespace ow
