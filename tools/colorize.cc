// onward colorize: colours photographs. Load the model once, then read, colour and write one picture after
// the other; a picture that fails is listed at the end and does not stop the rest.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/colorize/colorize.h"
#include "apps/image/read.h"
#include "apps/image/sheet.h"
#include "apps/image/write.h"
#include "tools/colorize_jobs.h"
#include "tools/command.h"
#include "tools/progress.h"
#include "tools/report.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kMaxSheetRows = 24;

constexpr const char* kExample =
    "Example:\n"
    "  onward colorize grandmother.jpg -o coloured.png --model ddcolor.onnx --preset portrait\n"
    "  onward colorize album/ -o coloured/ --sheet compare.jpg\n";

struct Options {
  std::vector<std::string> inputs;
  std::string out, model, sheet;
  apps::ColorizeOptions colorize;
  std::string normalization;
  bool json = false, quiet = false;
};

struct Done {
  ColorizeJob job;
  int width = 0, height = 0;
  std::pair<int, int> network;
  double decode_ms = 0, encode_ms = 0;
  apps::ColorizeTimes times;
};

struct Report {
  std::string model, sheet;
  double load_ms = 0, total_ms = 0;
  std::vector<Done> done;
  std::vector<std::pair<std::string, std::string>> failed;
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The model that ships: installed, beside the program, or in the source tree that it was built in.
std::string default_model() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"../share/onward/ddcolor_demo.onnx", "ddcolor_demo.onnx",
                            "../../apps/colorize/models/ddcolor_demo.onnx"})
    if (fs::exists(folder / place, error)) return (folder / place).lexically_normal().string();
  throw UsageError(
      "the model that comes with onward (ddcolor_demo.onnx) is not installed; give one with --model");
}

Done colour_one(const apps::Colorizer& colorizer, const ColorizeJob& job, apps::Sheet* sheet) {
  if (!job.refused.empty()) throw apps::FileError(job.refused);
  Done done;
  done.job = job;
  auto start = Clock::now();
  const apps::Image picture = apps::read_image(job.input);
  done.decode_ms = ms_since(start);
  done.width = picture.width;
  done.height = picture.height;
  done.network = colorizer.network_sides(picture);
  const apps::Image coloured = colorizer.run(picture, &done.times);
  start = Clock::now();
  std::error_code exists;
  if (const fs::path folder = fs::path(job.output).parent_path(); !folder.empty())
    fs::create_directories(folder, exists);
  apps::write_image(job.output, coloured);
  done.encode_ms = ms_since(start);
  if (sheet && sheet->rows() < kMaxSheetRows) sheet->add(picture, coloured);
  return done;
}

void colour_all(const apps::Colorizer& colorizer, const Options& options,
                const std::vector<ColorizeJob>& jobs, Report& report) {
  apps::Sheet sheet;
  {
    Progress progress(static_cast<int>(jobs.size()), !options.quiet);
    for (size_t i = 0; i < jobs.size(); ++i) {
      progress.show(static_cast<int>(i), fs::path(jobs[i].input).filename().string());
      try {
        report.done.push_back(colour_one(colorizer, jobs[i], options.sheet.empty() ? nullptr : &sheet));
      } catch (const std::bad_alloc&) {
        report.failed.emplace_back(jobs[i].input, jobs[i].input + ": out of memory");
      } catch (const std::exception& e) {
        report.failed.emplace_back(jobs[i].input, e.what());
      }
    }
  }
  if (options.sheet.empty() || sheet.rows() == 0) return;
  try {
    apps::write_image(options.sheet, sheet.draw());
    report.sheet = options.sheet;
  } catch (const std::exception& e) {
    report.failed.emplace_back(options.sheet, e.what());
  }
}

using Stages = std::vector<std::pair<const char*, double>>;

Stages stages_of(const Done& d) {
  return {{"decode", d.decode_ms},
          {"preprocess", d.times.preprocess_ms},
          {"network", d.times.network_ms},
          {"postprocess", d.times.postprocess_ms},
          {"encode", d.encode_ms}};
}

Stages total_stages(const Report& report) {
  Stages sum = stages_of({});
  for (const Done& d : report.done) {
    const Stages one = stages_of(d);
    for (size_t i = 0; i < sum.size(); ++i) sum[i].second += one[i].second;
  }
  sum.insert(sum.begin(), {"load", report.load_ms});
  return sum;
}

void print_text(const Report& report) {
  for (const Done& d : report.done) {
    double ms = 0;
    for (const auto& [stage, taken] : stages_of(d)) ms += taken;
    std::printf("%s  %d x %d, network %d x %d, %.0f ms\n", d.job.output.c_str(), d.width, d.height,
                d.network.first, d.network.second, ms);
  }
  if (!report.sheet.empty()) std::printf("%s  before and after\n", report.sheet.c_str());
  std::printf("\n%zu pictures with %s\n", report.done.size(), report.model.c_str());
  for (const auto& [stage, ms] : total_stages(report)) std::printf("  %-12s%10.1f ms\n", stage, ms);
  std::printf("  %-12s%10.1f ms\n", "total", report.total_ms);
}

nlohmann::json to_json(const Report& report) {
  nlohmann::json pictures = nlohmann::json::array(), failed = nlohmann::json::array();
  for (const Done& d : report.done) {
    nlohmann::json one = {
        {"input", d.job.input}, {"output", d.job.output},           {"width", d.width},
        {"height", d.height},   {"network_width", d.network.first}, {"network_height", d.network.second}};
    for (const auto& [stage, ms] : stages_of(d)) one[std::string(stage) + "_ms"] = ms;
    pictures.push_back(std::move(one));
  }
  for (const auto& [input, error] : report.failed) failed.push_back({{"input", input}, {"error", error}});
  nlohmann::json out = {{"model", report.model},
                        {"load_ms", report.load_ms},
                        {"total_ms", report.total_ms},
                        {"pictures", pictures},
                        {"failed", failed},
                        {"sheet", report.sheet.empty() ? nlohmann::json() : nlohmann::json(report.sheet)}};
  return out;
}

// A sheet is written last, so it may not fall on a picture that is read or written.
void check_sheet(const std::string& sheet, const std::vector<ColorizeJob>& jobs) {
  if (sheet.empty()) return;
  if (!apps::can_write_image(sheet))
    throw UsageError("--sheet " + sheet + ": the name ends in neither .png, .jpg nor .jpeg");
  for (const ColorizeJob& job : jobs) {
    std::error_code a, b;
    const fs::path made = fs::weakly_canonical(sheet, a);
    if (made == fs::weakly_canonical(job.input, b) || made == fs::weakly_canonical(job.output, b))
      throw UsageError("--sheet " + sheet + ": would overwrite " + job.input + " or its result");
  }
}

int colorize(Options options) {
  const auto start = Clock::now();
  if (!options.normalization.empty())
    options.colorize.normalization =
        options.normalization == "imagenet" ? apps::Normalization::kImagenet : apps::Normalization::kNone;
  const std::vector<ColorizeJob> jobs = plan_colorize(options.inputs, options.out);
  check_sheet(options.sheet, jobs);
  Report report;
  report.model = options.model.empty() ? default_model() : options.model;
  auto stage = Clock::now();
  const apps::Colorizer colorizer(report.model, options.colorize);
  report.load_ms = ms_since(stage);
  colour_all(colorizer, options, jobs, report);
  report.total_ms = ms_since(start);
  if (options.json)
    print_json(to_json(report));
  else if (!report.done.empty())
    print_text(report);
  if (report.failed.empty()) return kDone;
  std::fprintf(stderr, "onward: %zu of %zu pictures failed:\n", jobs.size() - report.done.size(),
               jobs.size());
  for (const auto& [input, error] : report.failed) std::fprintf(stderr, "  %s\n", error.c_str());
  return kJobFailed;
}

}  // namespace

void add_colorize(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("colorize", "Colour photographs with a DDColor model");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  const std::map<std::string, apps::Preset> presets = {{"auto", apps::Preset::kAuto},
                                                       {"portrait", apps::Preset::kPortrait},
                                                       {"building", apps::Preset::kBuilding}};
  const std::map<std::string, apps::Upsample> upsamples = {{"linear", apps::Upsample::kLinear},
                                                           {"nearest", apps::Upsample::kNearest}};
  sub->add_option("inputs", o->inputs, std::string("Pictures and folders of them: ") + apps::kImageFormats)
      ->required()
      ->type_name("IN");
  sub->add_option("-o,--out", o->out, "A picture file (.png, .jpg) for one input, or a folder")->required();
  sub->add_option("--model", o->model, "An ONNX export of DDColor (default: the demonstration that ships)");
  sub->add_option("--preset", o->colorize.preset,
                  "portrait (512), building (960) or auto (by picture, 256..512)")
      ->transform(CLI::CheckedTransformer(presets, CLI::ignore_case).description("auto|portrait|building"));
  sub->add_option("--size", o->colorize.size, "Side that the network sees: a multiple of 32 in 32..4096");
  sub->add_option("--sheet", o->sheet, "Write a before/after sheet of up to 24 pictures to this file");
  sub->add_option("--upsample", o->colorize.upsample, "How colours are enlarged: linear or nearest")
      ->transform(CLI::CheckedTransformer(upsamples, CLI::ignore_case).description("linear|nearest"));
  sub->add_option("--normalization", o->normalization,
                  "For a model without its own input normalization: imagenet")
      ->check(CLI::IsMember({"none", "imagenet"}));
  sub->add_option("--threads", o->colorize.threads, "Threads (default: all)")->check(CLI::Range(1, 1024));
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->add_flag("-q,--quiet", o->quiet, "No progress line");
  sub->callback([o, &exit_code] { exit_code = colorize(*o); });
}

}  // namespace onward::tools
