// The order in which the areas are checked, and how findings are counted and told.
#include "passes/check/check.h"

#include <algorithm>

#include "base/json.h"

#include "ir/schema.h"
#include "passes/check/report.h"

namespace ow {
namespace check {

bool is_onnx_domain(std::string_view domain) { return newest_opset(domain) > 0; }

std::string function_key(std::string_view domain, std::string_view name, std::string_view overload) {
  return cat(canonical_domain(domain), "::", name, overload.empty() ? "" : ":", overload);
}

std::string quoted(std::string_view text) { return cat("'", printable(text), "'"); }

Report::Report(const onnx::ModelFile& model_file, const CheckOptions& check_options)
    : file(model_file), model(model_file.model), options(check_options) {
  ir_version = or_default(model.ir_version);
  for (const onnx::Function& f : model.functions)
    functions.emplace(function_key(or_default(f.domain), or_default(f.name), or_default(f.overload)), &f);
}

void Report::add(const char* code, std::string location, std::string found, std::string expected,
                 std::string advice) {
  const bool error = code[0] == 'E';
  errors_ += error;
  if (++count_by_code_[code] > options.max_per_code) return;
  findings_.push_back({error ? Severity::kError : Severity::kWarning, code, std::move(location),
                       std::move(found), std::move(expected), std::move(advice)});
}

std::vector<Finding> Report::take() {
  for (const auto& [code, count] : count_by_code_)
    if (count > options.max_per_code)
      findings_.push_back({code[0] == 'E' ? Severity::kError : Severity::kWarning, code, "",
                           cat(count - options.max_per_code, " more findings of this code"), "", ""});
  return std::move(findings_);
}

}  // namespace check

std::vector<Finding> check_model(const std::shared_ptr<onnx::ModelFile>& file, const CheckOptions& options) {
  using namespace check;
  Report r(*file, options);
  check_header(r);
  check_text(r);
  check_functions(r);
  if (r.model.graph) check_graph(r, *r.model.graph, "graph", Place{&r.opsets}, nullptr);
  check_training(r);
  check_external_overlap(r);
  check_unused_imports(r);
  if (options.full && r.model.graph) check_inference(r, file);
  return r.take();
}

Finding unreadable_file(const Status& status) {
  const bool limit = status.code() == Code::kLimitExceeded;
  return {Severity::kError,
          limit ? "E0002" : "E0001",
          "",
          std::string(status.message()),
          "a serialized ModelProto",
          limit ? "" : "export or download the file again"};
}

std::string findings_json(const std::vector<Finding>& findings) {
  const auto errors = std::count_if(findings.begin(), findings.end(),
                                    [](const Finding& f) { return f.severity == Severity::kError; });
  JsonWriter w;
  w.open('{').key("valid").boolean(errors == 0).key("errors").number(errors);
  w.key("warnings").number(static_cast<int64_t>(findings.size()) - errors).key("findings").open('[');
  for (const Finding& f : findings) {
    w.open('{').key("severity").text(f.severity == Severity::kError ? "error" : "warning");
    w.key("code").text(f.code).key("location").text(f.location).key("found").text(f.found);
    w.key("expected").text(f.expected).key("advice").text(f.advice).close('}');
  }
  return w.close(']').close('}').take();
}

std::string text(const Finding& f) {
  std::string out = cat(f.severity == Severity::kError ? "error " : "warning ", f.code, ' ');
  if (!f.location.empty()) out += cat(f.location, ": ");
  out += f.found;
  if (!f.expected.empty()) out += cat("; expected ", f.expected);
  if (!f.advice.empty()) out += cat(" (", f.advice, ")");
  return out;
}

}  // namespace ow
