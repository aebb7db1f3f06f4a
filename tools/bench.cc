// onward bench: how long a model takes. Warm-up runs first, then runs until both --runs and --seconds are
// reached; the first run, which binds shapes and allocates, is told apart.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/report.h"
#include "tools/session_flags.h"

namespace onward::tools {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kExample =
    "Example:\n"
    "  onward bench mobilenet_v2.onnx --shape batch=1 --threads 1 --seconds 5\n";

struct Options {
  SessionFlags session;
  int warmup = 2, runs = 10;
  double seconds = 2;
  bool json = false;
};

constexpr size_t kMaxRuns = 1'000'000;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (const size_t colon = line.find(": "); line.starts_with("model name") && colon != std::string::npos)
      return line.substr(colon + 2);
  return "unknown";
}

double peak_rss_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::vector<double> measure(const Session& session, const Inputs& inputs, const Options& options) {
  for (int i = 1; i < options.warmup; ++i) session.run(inputs);
  std::vector<double> ms;
  const auto begin = Clock::now();
  const auto enough = [&] {
    return ms.size() >= static_cast<size_t>(options.runs) && ms_since(begin) >= 1000 * options.seconds;
  };
  while (!enough() && ms.size() < kMaxRuns) {
    const auto start = Clock::now();
    session.run(inputs);
    ms.push_back(ms_since(start));
  }
  return ms;
}

void print_text(const json& report) {
  const auto row = [&](const char* name, const char* key, const char* unit) {
    std::printf("  %-12s%12.3f %s\n", name, report[key].get<double>(), unit);
  };
  std::printf("%s on %s\n", report["model"].get<std::string>().c_str(),
              report["cpu"].get<std::string>().c_str());
  row("load", "load_ms", "ms");
  row("first run", "first_ms", "ms");
  row("median", "median_ms", "ms");
  row("p10", "p10_ms", "ms");
  row("p90", "p90_ms", "ms");
  row("throughput", "runs_per_s", "runs/s");
  row("peak memory", "peak_rss_mib", "MiB");
  std::printf("  %d runs\n", report["runs"].get<int>());
}

int bench(const Options& options) {
  auto start = Clock::now();
  const Model model(options.session.model);
  const Session session(model, options.session.session_options());
  const double load_ms = ms_since(start);
  const Inputs inputs = make_inputs(model, options.session.inputs);
  start = Clock::now();
  session.run(inputs);
  const double first_ms = ms_since(start);
  const std::vector<double> ms = measure(session, inputs, options);
  const Timing t = timing_of(ms);
  const json report = {{"model", options.session.model},
                       {"cpu", cpu_name()},
                       {"threads", options.session.options.threads},
                       {"load_ms", load_ms},
                       {"first_ms", first_ms},
                       {"runs", ms.size()},
                       {"median_ms", t.median},
                       {"p10_ms", t.p10},
                       {"p90_ms", t.p90},
                       {"runs_per_s", t.mean > 0 ? 1000 / t.mean : 0},
                       {"peak_rss_mib", peak_rss_mib()}};
  if (options.json)
    print_json(report);
  else
    print_text(report);
  return kDone;
}

}  // namespace

void add_bench(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("bench", "Measure time and memory of a model");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  o->session.add_to(*sub);
  sub->add_option("--warmup", o->warmup, "Runs that are not measured, the first among them")
      ->check(CLI::Range(1, 100'000));
  sub->add_option("--runs", o->runs, "Measure at least so many runs")->check(CLI::Range(1, 1'000'000));
  sub->add_option("--seconds", o->seconds, "Measure for at least so long")->check(CLI::Range(0.0, 86400.0));
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = bench(*o); });
}

}  // namespace onward::tools
