// onward run: runs a model once (or --repeat times) and says what came out.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "tools/command.h"
#include "tools/outputs.h"
#include "tools/session_flags.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kExample =
    "Example:\n"
    "  onward run resnet50.onnx --input input=cat.jpg --out results\n"
    "  onward run unet.onnx --shape height=256 --shape width=256 --repeat 5\n";

struct Options {
  SessionFlags session;
  std::string out;
  int repeat = 1;
  bool json = false;
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void print_text(const json& report) {
  for (const json& o : report["outputs"]) std::printf("%s\n", summary_text(o).c_str());
  for (const json& file : report["files"]) std::printf("wrote %s\n", file.get<std::string>().c_str());
  std::printf("load %.1f ms, run", report["load_ms"].get<double>());
  for (const json& ms : report["run_ms"]) std::printf(" %.1f", ms.get<double>());
  std::printf(" ms\n");
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
  const Session session(model, options.session.session_options());
  json report = {{"model", options.session.model}, {"load_ms", ms_since(start)}, {"run_ms", json::array()}};
  std::vector<Value> outputs;
  for (int i = 0; i < options.repeat; ++i) {
    outputs.clear();
    start = Clock::now();
    outputs = session.run(inputs);
    report["run_ms"].push_back(ms_since(start));
  }
  std::vector<std::string> names;
  for (const ValueInfo& v : model.outputs()) names.push_back(v.name);
  report["outputs"] = json::array();
  for (size_t i = 0; i < outputs.size(); ++i) report["outputs"].push_back(summarize(names[i], outputs[i]));
  report["files"] =
      options.out.empty() ? std::vector<std::string>() : write_outputs(options.out, names, outputs);
  if (options.json)
    std::printf("%s\n", report.dump(2, ' ', false, json::error_handler_t::replace).c_str());
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
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = run(*o); });
}

}  // namespace onward::tools
