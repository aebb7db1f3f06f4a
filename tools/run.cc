// onward run: runs a model once (or --repeat times) and says what came out.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "tools/command.h"
#include "tools/compare_report.h"
#include "tools/outputs.h"
#include "tools/reference.h"
#include "tools/report.h"
#include "tools/session_flags.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kExample =
    "Example:\n"
    "  onward run resnet50.onnx --input input=cat.jpg --out results\n"
    "  onward run unet.onnx --shape height=256 --shape width=256 --repeat 5 --nodes\n"
    "  onward run bert.onnx --input 'ids=[[101,2023,102]]' --input mask=mask.npy\n"
    "  onward run model.onnx --test-data test_data_set_0\n";

struct Options {
  SessionFlags session;
  std::string out, test_data;
  Gate gate;
  int repeat = 1;
  double timeout_s = 0;
  bool nodes = false, placement = false, json = false;
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The nodes that took longest, all runs together.
void print_nodes(const json& nodes) {
  constexpr size_t kShown = 20;
  double all_us = 0;
  for (const json& n : nodes) all_us += n["total_us"].get<double>();
  std::printf("\n%10s %6s %7s  %-20s %s\n", "ms", "%", "calls", "operator", "node");
  for (size_t i = 0; i < std::min(kShown, nodes.size()); ++i) {
    const double us = nodes[i]["total_us"].get<double>();
    std::printf("%10.3f %6.1f %7lld  %-20s %s\n", us / 1000, all_us > 0 ? 100 * us / all_us : 0.0,
                nodes[i]["calls"].get<long long>(), nodes[i]["op"].get<std::string>().c_str(),
                nodes[i]["name"].get<std::string>().c_str());
  }
  if (nodes.size() > kShown) std::printf("%10s        and %zu more\n", "", nodes.size() - kShown);
}

void print_placement(const json& placement) {
  std::map<std::string, size_t> counts;
  for (const json& n : placement["nodes"]) ++counts[n["provider"].get<std::string>()];
  std::printf("\n");
  for (const auto& [provider, count] : counts) std::printf("%s runs %zu nodes\n", provider.c_str(), count);
  for (const json& note : placement["notes"]) std::printf("%s\n", note.get<std::string>().c_str());
}

void print_compared(const json& list) {
  for (const json& d : list)
    std::printf("%s  %s\n", d["name"].get<std::string>().c_str(),
                d["passed"].get<bool>() ? "as expected" : d["failed_because"].get<std::string>().c_str());
}

void print_text(const json& report) {
  for (const json& o : report["outputs"]) std::printf("%s\n", summary_text(o).c_str());
  for (const json& file : report["files"]) std::printf("wrote %s\n", file.get<std::string>().c_str());
  std::printf("load %.1f ms, run", report["load_ms"].get<double>());
  for (const json& ms : report["run_ms"]) std::printf(" %.1f", ms.get<double>());
  std::printf(" ms\n");
  if (report.contains("compared")) print_compared(report["compared"]);
  if (report.contains("nodes")) print_nodes(report["nodes"]);
  if (report.contains("placement")) print_placement(report["placement"]);
}

// The library writes the trace when the session ends, too late to fail; so the place is tried first.
void check_profile_path(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  if (fs::is_directory(path, error) || ::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
    throw apps::FileError(path + ": the profile cannot be written there");
}

// The outputs against those of the data set; empty without one.
std::vector<Difference> against(Reference* expected, const Options& options, const Inputs& inputs,
                                const std::vector<std::string>& names, const std::vector<Value>& outputs) {
  std::vector<Difference> list;
  if (!expected) return list;
  const Values values = expected->values(inputs, names, false);
  for (size_t i = 0; i < names.size(); ++i)
    if (const auto it = values.find(names[i]); it != values.end())
      list.push_back(difference_of(names[i], datum_of(outputs[i]), it->second, options.gate));
  return list;
}

int run(const Options& options) {
  check_profile_path(options.session.options.profile_path);
  auto start = Clock::now();
  const Model model(options.session.model);
  std::unique_ptr<Reference> expected;
  InputRequest request = options.session.inputs;
  if (!options.test_data.empty()) {
    if (!fs::is_directory(options.test_data))
      throw UsageError("--test-data " + options.test_data + ": no folder");
    expected = make_reference({options.session.model, options.test_data, "", {}});
    for (const std::string& flag : expected->inputs()) request.files.push_back(flag);
  }
  const Inputs inputs = make_inputs(model, request);
  SessionOptions session_options = options.session.session_options();
  session_options.profile = options.nodes;
  const Session session(model, session_options);
  json report = {{"model", options.session.model}, {"load_ms", ms_since(start)}, {"run_ms", json::array()}};
  std::vector<Value> outputs;
  for (int i = 0; i < options.repeat; ++i) {
    outputs.clear();
    start = Clock::now();
    outputs = session.run(
        inputs, {}, {.timeout = std::chrono::microseconds(static_cast<int64_t>(options.timeout_s * 1e6))});
    report["run_ms"].push_back(ms_since(start));
  }
  std::vector<std::string> names;
  for (const ValueInfo& v : model.outputs()) names.push_back(v.name);
  report["outputs"] = json::array();
  for (size_t i = 0; i < outputs.size(); ++i) report["outputs"].push_back(summarize(names[i], outputs[i]));
  report["files"] =
      options.out.empty() ? std::vector<std::string>() : write_outputs(options.out, names, outputs);
  bool same = true;
  for (const Difference& d : against(expected.get(), options, inputs, names, outputs)) {
    report["compared"].push_back(json(to_json(d)));
    same &= d.passed();
  }
  if (options.nodes) report["nodes"] = json::parse(session.profile_json());
  if (options.placement) report["placement"] = json::parse(session.placement_json());
  if (options.json)
    print_json(report);
  else
    print_text(report);
  return same ? kDone : kJobFailed;
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("run", "Run a model and print or write its outputs");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  o->session.add_to(*sub);
  sub->add_option("--out", o->out, "Write each output to DIR/NAME.npy")->type_name("DIR");
  sub->add_option(
         "--test-data", o->test_data,
         "Inputs from DIR/input_0.pb ..., and outputs compared with DIR/output_0.pb ... (exit code 1\n"
         "where they differ)")
      ->type_name("DIR");
  sub->add_option("--rtol", o->gate.rtol, "With --test-data: relative tolerance (default: 1e-3)");
  sub->add_option("--atol", o->gate.atol, "With --test-data: absolute tolerance (default: 1e-5)");
  sub->add_option("--repeat", o->repeat, "How often to run")->check(CLI::Range(1, 1'000'000));
  sub->add_option("--profile", o->session.options.profile_path,
                  "Write a Chrome trace of the runs to this file");
  sub->add_flag("--nodes", o->nodes, "Print the nodes that took longest");
  sub->add_flag("--placement", o->placement, "Print which provider runs what, and why another does not");
  sub->add_option("--timeout", o->timeout_s, "Seconds that one run may take")->check(CLI::Range(0.0, 1e6));
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = run(*o); });
}

}  // namespace onward::tools
