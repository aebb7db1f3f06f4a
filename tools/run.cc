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
#include "tools/outputs.h"
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
    "  onward run unet.onnx --shape height=256 --shape width=256 --repeat 5 --nodes\n";

struct Options {
  SessionFlags session;
  std::string out;
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

void print_text(const json& report) {
  for (const json& o : report["outputs"]) std::printf("%s\n", summary_text(o).c_str());
  for (const json& file : report["files"]) std::printf("wrote %s\n", file.get<std::string>().c_str());
  std::printf("load %.1f ms, run", report["load_ms"].get<double>());
  for (const json& ms : report["run_ms"]) std::printf(" %.1f", ms.get<double>());
  std::printf(" ms\n");
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

int run(const Options& options) {
  check_profile_path(options.session.options.profile_path);
  auto start = Clock::now();
  const Model model(options.session.model);
  const Inputs inputs = make_inputs(model, options.session.inputs);
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
  if (options.nodes) report["nodes"] = json::parse(session.profile_json());
  if (options.placement) report["placement"] = json::parse(session.placement_json());
  if (options.json)
    print_json(report);
  else
    print_text(report);
  return kDone;
}

}  // namespace

void add_run(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("run", "Run a model and print or write its outputs");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  o->session.add_to(*sub);
  sub->add_option("--out", o->out, "Write each output to DIR/NAME.npy")->type_name("DIR");
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
