// onward bench: how long a model takes. Warm-up runs first, then runs until both --runs and --seconds are
// reached; the first run, which binds shapes and allocates, is told apart. With --sweep, once for every
// combination of values, one after the other in one process.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
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
    "  onward bench mobilenet_v2.onnx --shape batch=1 --threads 1 --seconds 5\n"
    "  onward bench unet.onnx --sweep height=256,512 --sweep threads=1,2,4 --json\n";

struct Options {
  SessionFlags session;
  std::vector<std::string> sweeps;
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

// The process's peak since `reset_peak`, where the kernel lets it be reset, else since its start.
double peak_rss_mib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

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
  row("load", "load_ms", "ms");
  row("first run", "first_ms", "ms");
  row("median", "median_ms", "ms");
  row("p10", "p10_ms", "ms");
  row("p90", "p90_ms", "ms");
  row("throughput", "runs_per_s", "runs/s");
  row("peak memory", "peak_rss_mib", "MiB");
  std::printf("  %d runs\n", report["runs"].get<int>());
}

void print_row(const std::string& name, const json& r, bool head) {
  if (head)
    std::printf("%-32s%10s%10s%10s%10s%10s%12s%10s\n", "", "load ms", "first ms", "median", "p10", "p90",
                "runs/s", "peak MiB");
  std::printf("%-32s%10.2f%10.2f%10.3f%10.3f%10.3f%12.2f%10.1f\n", name.c_str(), r["load_ms"].get<double>(),
              r["first_ms"].get<double>(), r["median_ms"].get<double>(), r["p10_ms"].get<double>(),
              r["p90_ms"].get<double>(), r["runs_per_s"].get<double>(), r["peak_rss_mib"].get<double>());
}

json bench_one(const Options& options) {
  reset_peak();
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
  return {{"threads", options.session.options.threads},
          {"load_ms", load_ms},
          {"first_ms", first_ms},
          {"runs", ms.size()},
          {"median_ms", t.median},
          {"p10_ms", t.p10},
          {"p90_ms", t.p90},
          {"runs_per_s", t.mean > 0 ? 1000 / t.mean : 0},
          {"peak_rss_mib", peak_rss_mib()}};
}

struct Sweep {
  std::string name;
  std::vector<std::string> values;
};

Sweep parse_sweep(const std::string& text) {
  const size_t at = text.rfind('=');
  Sweep sweep{text.substr(0, at), {}};
  for (size_t from = at; from != std::string::npos && from + 1 < text.size(); from = text.find(',', from + 1))
    sweep.values.push_back(text.substr(from + 1, text.find(',', from + 1) - from - 1));
  const bool threads = sweep.name == "threads";
  for (const std::string& v : sweep.values) {
    std::vector<int64_t> dims;
    if (!parse_shape(v, dims) || (threads && (dims.size() != 1 || dims[0] < 1 || dims[0] > 1024)))
      sweep.values.clear();
  }
  if (sweep.name.empty() || sweep.values.empty())
    throw UsageError("--sweep " + text + ": expected SYMBOL=N,N,... or threads=N,N,...");
  return sweep;
}

// Every combination, the last sweep fastest.
std::vector<std::pair<std::string, Options>> combinations(const Options& options) {
  std::vector<std::pair<std::string, Options>> all = {{"", options}};
  for (const std::string& text : options.sweeps) {
    const Sweep sweep = parse_sweep(text);
    std::vector<std::pair<std::string, Options>> next;
    for (const auto& [name, base] : all)
      for (const std::string& value : sweep.values) {
        Options o = base;
        if (sweep.name == "threads")
          o.session.options.threads = std::atoi(value.c_str());
        else
          o.session.inputs.shapes.push_back(sweep.name + "=" + value);
        next.emplace_back(name + (name.empty() ? "" : " ") + sweep.name + "=" + value, std::move(o));
      }
    all = std::move(next);
  }
  return all;
}

int bench(const Options& options) {
  json report = {{"model", options.session.model}, {"cpu", cpu_name()}};
  const auto all = combinations(options);
  if (!options.json)
    std::printf("%s on %s\n", options.session.model.c_str(), report["cpu"].get<std::string>().c_str());
  for (const auto& [name, o] : all) {
    json one = bench_one(o);
    if (name.empty()) {
      report.update(one);
      if (!options.json) print_text(report);
    } else {
      if (!options.json) print_row(name, one, report["sweep"].is_null());
      std::fflush(stdout);
      one["at"] = name;
      one["shapes"] = o.session.inputs.shapes;
      report["sweep"].push_back(std::move(one));
    }
  }
  if (options.json) print_json(report);
  return kDone;
}

}  // namespace

void add_bench(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("bench", "Measure time and memory of a model");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  o->session.add_to(*sub);
  sub->add_option("--sweep", o->sweeps, "Measure at each of these values; repeated: at all combinations")
      ->type_name("SYMBOL=N,N,...|threads=N,N,...");
  sub->add_option("--warmup", o->warmup, "Runs that are not measured, the first among them")
      ->check(CLI::Range(1, 100'000));
  sub->add_option("--runs", o->runs, "Measure at least so many runs")->check(CLI::Range(1, 1'000'000));
  sub->add_option("--seconds", o->seconds, "Measure for at least so long")->check(CLI::Range(0.0, 86400.0));
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = bench(*o); });
}

}  // namespace onward::tools
