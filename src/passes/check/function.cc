// FunctionProto: signatures, bodies, calls, and that calls end.
#include <algorithm>

#include "ir/schema.h"
#include "onnx/walk.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

constexpr size_t kMaxFunctions = 10'000;
constexpr int kMaxCallDepth = 100;

std::string place_of(const onnx::Function& f, size_t i) {
  return cat("functions[", i, "] ",
             quoted(function_key(or_default(f.domain), or_default(f.name), or_default(f.overload))));
}

void check_unique(Report& r, const std::vector<onnx::Text>& names, const char* list, const std::string& at,
                  std::unordered_set<std::string_view>& seen) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) r.add("E0803", cat(at, ".", list, "[", i, "]"), "no name", "a name");
    if (!seen.insert(names[i]).second)
      r.add("E0804", cat(at, ".", list, "[", i, "]"), cat(quoted(names[i]), " a second time"),
            "unique names");
  }
}

void check_signature(Report& r, const onnx::Function& f, const std::string& at) {
  std::unordered_set<std::string_view> inputs, outputs, attributes;
  check_unique(r, f.input, "input", at, inputs);
  check_unique(r, f.output, "output", at, outputs);
  check_unique(r, f.attribute, "attribute", at, attributes);
  for (const onnx::Attribute& a : f.attribute_proto) {
    const std::string where = cat(at, ".attribute_proto ", quoted(or_default(a.name)));
    if (!attributes.insert(or_default(a.name)).second)
      r.add("E0804", where, "an attribute of that name is declared before",
            "unique names, with and without default together");
    check_attribute(r, a, where, Place{&r.opsets}, nullptr);
  }
}

// The same operator version for the function's opset and for the model's.
void check_versions(Report& r, const onnx::Function& f, const Opsets& opsets, const std::string& at) {
  (void)onnx::for_each<onnx::Node>(f, [&](const onnx::Node& n, std::string_view) {
    const std::string_view domain = canonical_domain(or_default(n.domain)), op = or_default(n.op_type);
    auto mine = opsets.find(domain);
    auto models = r.opsets.find(domain);
    if (mine == opsets.end() || models == r.opsets.end() || mine->second == models->second) return Status();
    const Schema *a = find_schema(domain, op, mine->second), *b = find_schema(domain, op, models->second);
    if (a != b)
      r.add("E0806", at,
            cat(quoted(op), " means version ", a ? a->since_version() : 0, " by the function's opset ",
                mine->second, " and version ", b ? b->since_version() : 0, " by the model's opset ",
                models->second),
            "one version", "import the model's opset in the function");
    return Status();
  });
}

void check_body(Report& r, const onnx::Function& f, const std::string& at) {
  const Opsets opsets = read_opsets(r, cat(at, ".opset_import"), f.opset_import);
  if (opsets.empty()) r.add("E0805", at, "no opset_import", "at least one opset");
  Names names;
  for (onnx::Text in : f.input) names.own.insert(in);
  check_nodes(r, f.node, at, Place{&opsets, &f}, names);
  for (size_t i = 0; i < f.output.size(); ++i)
    if (!names.has(f.output[i]))
      r.add("E0807", cat(at, ".output[", i, "]"), cat("output ", quoted(f.output[i]), " is made by no node"),
            "a value of the body");
  for (size_t i = 0; i < f.value_info.size(); ++i)
    check_value_info(r, f.value_info[i], cat(at, ".value_info[", i, "]"), false);
  check_dead_nodes(r, f.node, at, {f.output.begin(), f.output.end()});
  check_versions(r, f, opsets, at);
}

// Depth-first over the calls, subgraphs included, without recursion.
class CallGraph {
 public:
  explicit CallGraph(Report& r) : r_(r) {
    for (const onnx::Function& f : r.model.functions) {
      auto& calls = calls_[&f];
      (void)onnx::for_each<onnx::Node>(f, [&](const onnx::Node& n, std::string_view) {
        auto it = r.functions.find(
            function_key(or_default(n.domain), or_default(n.op_type), or_default(n.overload)));
        if (it != r.functions.end()) calls.push_back(it->second);
        return Status();
      });
    }
  }

  void check() {
    for (const onnx::Function& f : r_.model.functions)
      if (!height_.count(&f)) visit(f);
  }

 private:
  struct Step {
    const onnx::Function* function;
    size_t next = 0;
    int height = 1;
  };

  void visit(const onnx::Function& root) {
    std::vector<Step> stack{{&root}};
    height_[&root] = 0;  // under way
    while (!stack.empty()) {
      Step& top = stack.back();
      const auto& calls = calls_[top.function];
      if (top.next == calls.size()) {
        finish(stack);
        continue;
      }
      const onnx::Function* callee = calls[top.next++];
      auto it = height_.find(callee);
      if (it == height_.end()) {
        height_[callee] = 0;
        stack.push_back({callee});
      } else if (it->second == 0) {
        r_.add("E0808", "functions",
               cat(quoted(or_default(callee->name)), " calls itself, directly or through other functions"),
               "calls that end");
      } else {
        top.height = std::max(top.height, it->second + 1);
      }
    }
  }

  void finish(std::vector<Step>& stack) {
    const Step done = stack.back();
    stack.pop_back();
    height_[done.function] = done.height;
    if (done.height == kMaxCallDepth + 1)
      r_.add("E0809", "functions", cat("calls nest ", done.height, " deep"), cat("at most ", kMaxCallDepth));
    if (!stack.empty()) stack.back().height = std::max(stack.back().height, done.height + 1);
  }

  Report& r_;
  std::unordered_map<const onnx::Function*, std::vector<const onnx::Function*>> calls_;
  std::unordered_map<const onnx::Function*, int> height_;
};

}  // namespace

void check_functions(Report& r) {
  const auto& all = r.model.functions;
  if (all.size() > kMaxFunctions)
    return r.add("E0810", "functions", cat(all.size(), " functions"), cat("at most ", kMaxFunctions));
  std::unordered_set<std::string> keys;
  for (size_t i = 0; i < all.size(); ++i) {
    const onnx::Function& f = all[i];
    const std::string at = place_of(f, i);
    if (or_default(f.name).empty()) r.add("E0801", at, "no name", "a name");
    if (or_default(f.domain).empty()) r.add("E0801", at, "no domain", "a domain");
    if (r.ir_version > 0 && r.ir_version < 10 && !or_default(f.overload).empty())
      r.add("W0114", at, cat("an overload at IR version ", r.ir_version), "IR version 10 or newer",
            "raise ir_version");
    if (!keys.insert(function_key(or_default(f.domain), or_default(f.name), or_default(f.overload))).second)
      r.add("E0802", at, "defined a second time", "one function for a domain, name and overload");
    check_metadata(r, at, f.metadata_props);
    check_signature(r, f, at);
    check_body(r, f, at);
  }
  CallGraph(r).check();
}

void check_call(Report& r, const onnx::Node& n, const onnx::Function& f, const std::string& at) {
  if (n.input.size() > f.input.size())
    r.add("E0811", at, cat(n.input.size(), " inputs"),
          cat("at most ", f.input.size(), ", as the function takes"));
  if (n.output.size() > f.output.size())
    r.add("E0811", at, cat(n.output.size(), " outputs"),
          cat("at most ", f.output.size(), ", as the function has"));
  auto given = [&](std::string_view name) {
    return std::any_of(n.attribute.begin(), n.attribute.end(),
                       [&](const auto& a) { return or_default(a.name) == name; });
  };
  for (const onnx::Attribute& a : n.attribute) {
    const std::string_view name = or_default(a.name);
    const bool known = std::find(f.attribute.begin(), f.attribute.end(), name) != f.attribute.end() ||
                       std::any_of(f.attribute_proto.begin(), f.attribute_proto.end(),
                                   [&](const auto& d) { return or_default(d.name) == name; });
    if (!known && name.substr(0, 2) != "__")
      r.add("E0812", at, cat("attribute ", quoted(name), ", which the function does not declare"), "",
            "remove it or declare it");
  }
  for (onnx::Text name : f.attribute)
    if (!given(name))
      r.add("W0813", at, cat("attribute ", quoted(name), " of the function has no value and no default"),
            "a value");
}

}  // namespace ow::check
