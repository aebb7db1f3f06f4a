// The model's own fields: version, opset imports, metadata, text.
#include <climits>
#include <type_traits>

#include "ir/schema.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

constexpr int64_t kNewestIrVersion = 14;

// The IR version that the official releases wrote with an opset of ai.onnx (onnx/helper.py, VERSION_TABLE).
int64_t ir_version_of_opset(int64_t opset) {
  static constexpr struct {
    int64_t opset, ir;
  } kTable[] = {{26, 13}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9},
                {15, 8},  {12, 7},  {11, 6},  {10, 5},  {9, 4}};
  for (const auto& row : kTable)
    if (opset >= row.opset) return row.ir;
  return 3;
}

// Length of the UTF-8 sequence at the start of `s`, 0 if there is none.
size_t utf8_length(std::string_view s) {
  const auto byte = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b < 0xe0) return follows(1) ? 2 : 0;
  if (b >= 0xe0 && b < 0xf0) {
    const bool overlong = b == 0xe0 && byte(1) < 0xa0, surrogate = b == 0xed && byte(1) >= 0xa0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (b >= 0xf0 && b < 0xf5) {
    const bool outside = (b == 0xf0 && byte(1) < 0x90) || (b == 0xf4 && byte(1) >= 0x90);
    return follows(1) && follows(2) && follows(3) && !outside ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const size_t n = utf8_length(s);
    if (!n) return false;
    s.remove_prefix(n);
  }
  return true;
}

// Fields of type `bytes`, which may hold anything.
bool is_bytes_field(std::string_view name) {
  return name == "raw_data" || name == "s" || name == "strings" || name == "string_data";
}

// Visits every `string` field of a message, at any depth.
class TextVisitor {
 public:
  TextVisitor(Report& r, std::string at) : r_(r), at_(std::move(at)) {}
  template <class T>
  void field(uint32_t, std::string_view name, const T& member) {
    if (!is_bytes_field(name)) go(name, member);
  }
  template <class T>
  void packed(uint32_t, std::string_view, const T&) {}
  template <class T>
  void one_of(uint32_t n, std::string_view name, const T& member) {
    field(n, name, member);
  }

 private:
  void one(std::string_view name, std::string_view text) {
    if (!is_utf8(text))
      r_.add("E0112", cat(at_, ".", name), cat("the text ", quoted(text), " is not UTF-8"), "UTF-8",
             "write the name or text again in UTF-8");
  }
  template <class M>
  void message(std::string_view name, const M& m, int64_t index) {
    const size_t before = at_.size();
    at_ += cat(".", name);
    if (index >= 0) at_ += cat("[", index, "]");
    M::fields(m, *this);
    at_.resize(before);
  }
  void go(std::string_view name, const std::optional<onnx::Text>& member) {
    if (member) one(name, *member);
  }
  template <class T>
  void go(std::string_view, const std::optional<T>&) {}
  template <class T>
  void go(std::string_view name, const onnx::Box<T>& member) {
    if (member) message(name, *member, -1);
  }
  template <class T>
  void go(std::string_view name, const std::vector<T>& member) {
    if constexpr (std::is_same_v<T, onnx::Text>) {
      for (const T& item : member) one(name, item);
    } else if constexpr (!std::is_arithmetic_v<T>) {
      for (size_t i = 0; i < member.size(); ++i) message(name, member[i], static_cast<int64_t>(i));
    }
  }

  Report& r_;
  std::string at_;
};

void check_versions(Report& r) {
  const onnx::Model& m = r.model;
  if (!m.ir_version || *m.ir_version <= 0) {
    r.add("E0101", "ir_version", m.ir_version ? cat(*m.ir_version) : "is missing", "1 to 14",
          "is this an ONNX model?");
  } else if (r.ir_version > kNewestIrVersion) {
    r.add("E0102", "ir_version", cat(r.ir_version), cat("at most ", kNewestIrVersion),
          "the file is newer than this build; save it with an older IR version");
  }
  if (r.ir_version >= 3 && m.opset_import.empty())
    r.add("E0103", "opset_import", "is empty", "at least one opset from IR version 3 on",
          "state the opset the nodes mean");
  if (m.ir_version && r.ir_version < 3 && !m.opset_import.empty())
    r.add("E0104", "opset_import", cat("present at IR version ", r.ir_version), "none before IR version 3",
          "raise ir_version");
  if (!m.graph) r.add("E0106", "graph", "is missing", "a graph");
}

void check_ir_gates(Report& r) {
  const onnx::Model& m = r.model;
  if (!m.functions.empty() && r.ir_version < 8)
    r.add("W0114", "functions", cat("functions at IR version ", r.ir_version), "IR version 8 or newer",
          "raise ir_version");
  if (!m.configuration.empty() && r.ir_version < 11)
    r.add("W0114", "configuration", cat("device configurations at IR version ", r.ir_version),
          "IR version 11 or newer", "raise ir_version");
  if (!m.training_info.empty() && r.ir_version < 7)
    r.add("W0114", "training_info", cat("training_info at IR version ", r.ir_version),
          "IR version 7 or newer", "raise ir_version");
  if (auto it = r.opsets.find(""); it != r.opsets.end() && r.ir_version > 0 &&
                                   it->second <= newest_opset("") &&
                                   ir_version_of_opset(it->second) > r.ir_version)
    r.add("W0107", "ir_version", cat("IR version ", r.ir_version, " with opset ", it->second),
          cat("IR version ", ir_version_of_opset(it->second), " or newer for that opset"),
          "raise ir_version");
}

}  // namespace

Opsets read_opsets(Report& r, const std::string& at, const std::vector<onnx::OperatorSetId>& imports) {
  Opsets out;
  std::map<std::string, std::string, std::less<>> spelled;
  for (size_t i = 0; i < imports.size(); ++i) {
    const std::string domain(canonical_domain(or_default(imports[i].domain)));
    const int64_t version = or_default(imports[i].version);
    const std::string where = cat(at, "[", i, "]");
    if (version < 1 || version > INT_MAX)
      r.add("E0105", where, cat("version ", version, " of domain ", quoted(domain)), cat("1 to ", INT_MAX));
    else if (newest_opset(domain) > 0 && version > newest_opset(domain))
      r.add("W0108", where, cat("opset ", version, " of domain ", quoted(domain)),
            cat("at most ", newest_opset(domain), ", the newest this build knows"),
            "nodes are held to the newest known rules");
    auto [it, fresh] = out.emplace(domain, version);
    if (!fresh && it->second != version)
      r.add("E0109", where,
            cat("domain ", quoted(domain), " imported as version ", it->second, " and as version ", version),
            "one version a domain", "remove one of the two");
    else if (!fresh)
      r.add("W0109", where, cat("domain ", quoted(domain), " imported twice"), "once",
            "remove one of the two");
    const std::string spelling(or_default(imports[i].domain));
    if (auto [s, first] = spelled.emplace(domain, spelling); !first && s->second != spelling)
      r.add("W0110", where, "both spellings of the default domain, '' and 'ai.onnx'", "one of them");
  }
  return out;
}

void check_metadata(Report& r, const std::string& at, const std::vector<onnx::StringStringEntry>& entries) {
  std::unordered_set<std::string_view> keys;
  for (size_t i = 0; i < entries.size(); ++i)
    if (!keys.insert(or_default(entries[i].key)).second)
      r.add("E0111", cat(at, ".metadata_props[", i, "]"),
            cat("key ", quoted(or_default(entries[i].key)), " a second time"), "each key once",
            "remove or rename one");
}

void check_header(Report& r) {
  check_versions(r);
  r.opsets = read_opsets(r, "opset_import", r.model.opset_import);
  if (r.ir_version < 3 && r.opsets.empty()) r.opsets[""] = 1;
  check_ir_gates(r);
  check_metadata(r, "model", r.model.metadata_props);
}

void check_text(Report& r) {
  TextVisitor visitor(r, "model");
  onnx::Model::fields(r.model, visitor);
}

void check_unused_imports(Report& r) {
  for (const auto& [domain, version] : r.opsets)
    if (!r.used_domains.count(domain) && r.model.graph && !r.model.graph->node.empty())
      r.add("W0113", "opset_import",
            cat("domain ", quoted(domain), " version ", version, " is used by no node"), "",
            "remove the import");
}

}  // namespace ow::check
