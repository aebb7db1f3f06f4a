// onward check: everything that is wrong with a model, with codes and places.

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "passes/check/check.h"
#include "tools/command.h"
#include "tools/report.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExample =
    "Exit code: 0 valid (warnings may be there), 1 errors found, 2 the call is wrong.\n"
    "Example:\n"
    "  onward check model.onnx --full\n"
    "  onward check model.onnx --json | jq '.findings[].code'\n";

struct Options {
  std::string model;
  bool json = false, full = false, quiet = false;
};

std::vector<ow::Finding> findings_of(const Options& o) {
  auto file = ow::onnx::load(o.model);
  if (file.ok()) return ow::check_model(*file, {.full = o.full});
  if (file.status().code() == ow::Code::kIo) throw UsageError(std::string(file.status().message()));
  return {ow::unreadable_file(file.status())};
}

int check(const Options& o) {
  const auto findings = findings_of(o);
  int64_t errors = 0;
  for (const ow::Finding& f : findings) {
    const bool error = f.severity == ow::Severity::kError;
    errors += error;
    if (!o.json && (error || !o.quiet)) std::printf("%s\n", ow::text(f).c_str());
  }
  if (o.json) {
    ordered_json report = {{"model", o.model}};
    report.update(ordered_json::parse(ow::findings_json(findings)));
    print_json(report);
  } else {
    std::printf("%s: %s, %lld errors, %lld warnings\n", o.model.c_str(), errors ? "invalid" : "valid",
                static_cast<long long>(errors),
                static_cast<long long>(static_cast<int64_t>(findings.size()) - errors));
  }
  return errors ? kJobFailed : kDone;
}

}  // namespace

void add_check(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("check", "Find everything that is wrong with a model");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  sub->add_option("model", o->model, "ONNX file")->required();
  sub->add_flag("--full", o->full, "Also infer types and shapes, and look into all weights");
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->add_flag("-q,--quiet", o->quiet, "Print errors only");
  sub->callback([o, &exit_code] { exit_code = check(*o); });
}

}  // namespace onward::tools
