// onward_conformance: runs the official ONNX tests, each case in a process of its own, and holds the outcome
// against a list of names that must pass. A case passes if it does in every setting: without optimisation and
// with all of it, each with one thread and with two.
//
//   onward_conformance .../onnx/backend/test/data/node [more suites] --list tests/conformance/passing.txt
//
// Exit status: 0; 1 when a listed case fails or is missing (without --list: when any fails), or, with
// --strict, when an unlisted one passes; 2 for wrong arguments or unreadable data.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "apps/image/image_decoder.h"
#include "base/file.h"
#include "base/text.h"
#include "compare.h"
#include "engine.h"
#include "isolate.h"
#include "test_case.h"

namespace ow {
namespace {

struct Options {
  std::vector<std::string> suites, filters;
  std::string list;
  bool strict = false, json = false, update = false, quiet = false;
  IsolateOptions isolate;
  Tolerance tolerance;
  std::vector<std::string> levels{"off", "full"};
  std::vector<int> threads{1, 2};
};

struct Outcome {
  TestCase test;
  Status status;
};

std::vector<EngineOptions> settings_of(const Options& o) {
  std::vector<EngineOptions> settings;
  for (const std::string& level : o.levels)
    for (int threads : o.threads) {
      settings.push_back({level, threads});
      if (level == "plain") break;  // has no session that takes threads
    }
  return settings;
}

std::string text_of(const EngineOptions& s) {
  return s.level == "plain" ? s.level
                            : cat(s.level, " with ", s.threads, s.threads == 1 ? " thread" : " threads");
}

Status run_set(const TestCase& test, const DataSet& set, const EngineOptions& engine, const Options& o) {
  const auto found = ONWARD_TRY(run_model(test.folder + "/model.onnx", set.inputs, engine));
  if (found.size() != set.outputs.size())
    return internal_error(found.size(), " outputs, expected ", set.outputs.size());
  for (size_t i = 0; i < found.size(); ++i)
    ONWARD_TRY(compare(found[i], set.outputs[i].value, o.tolerance)
                   .context(cat(set.name, " output ", i, " '", set.outputs[i].name, "'")));
  return {};
}

// The first failure, and the settings that fail where that is not each of them.
Status run_case(const TestCase& test, const Options& o) {
  const auto sets = ONWARD_TRY(read_data_sets(test));
  const auto settings = settings_of(o);
  std::vector<std::string> failed;
  Status first;
  for (const EngineOptions& setting : settings)
    for (const DataSet& set : sets) {
      Status status = run_set(test, set, setting, o);
      if (status.ok()) continue;
      failed.push_back(text_of(setting));
      if (first.ok()) first = std::move(status);
      break;
    }
  if (failed.empty() || failed.size() == settings.size()) return first;
  return std::move(first).context(list_text(failed, "", ""));
}

bool wanted(const std::string& name, const std::vector<std::string>& filters) {
  return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& f) {
           return name.find(f) != std::string::npos;
         });
}

Result<std::vector<TestCase>> choose_cases(const Options& o) {
  std::vector<TestCase> chosen;
  for (const std::string& suite : o.suites)
    for (TestCase& test : ONWARD_TRY(find_cases(suite)))
      if (wanted(test.full_name(), o.filters)) chosen.push_back(std::move(test));
  return chosen;
}

// One name a line; "#" starts a comment.
Result<std::set<std::string>> read_list(const std::string& path) {
  auto file = ONWARD_TRY(MappedFile::open(path));
  std::set<std::string> names;
  std::string_view text = file->text();
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, std::min(end, text.find('#')));
    while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) names.emplace(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

// The names that must pass from now on: those that passed, and those that this run did not try.
Status write_list(const std::string& path, std::set<std::string> names,
                  const std::vector<Outcome>& outcomes) {
  for (const Outcome& o : outcomes) {
    if (o.status.ok())
      names.insert(o.test.full_name());
    else
      names.erase(o.test.full_name());
  }
  std::string text =
      "# Official ONNX tests that pass, and must go on to: `./dev conformance --update` writes this.\n";
  for (const std::string& name : names) text += name + "\n";
  const std::string_view parts[] = {text};
  return write_file(path, parts);
}

struct Report {
  std::map<std::string, std::pair<int, int>> suites;  // passed, all
  std::vector<const Outcome*> failures;
  std::vector<std::string> regressions, missing, unlisted;  // against the list
  bool passed = true;
};

Report make_report(const Options& o, const std::vector<Outcome>& outcomes,
                   const std::set<std::string>& list) {
  Report r;
  std::set<std::string> seen;
  for (const Outcome& outcome : outcomes) {
    const std::string name = outcome.test.full_name();
    const bool listed = list.count(name) != 0;
    seen.insert(name);
    r.suites[outcome.test.suite].first += outcome.status.ok();
    ++r.suites[outcome.test.suite].second;
    if (!outcome.status.ok()) r.failures.push_back(&outcome);
    if (listed && !outcome.status.ok()) r.regressions.push_back(name);
    if (!listed && outcome.status.ok()) r.unlisted.push_back(name);
  }
  for (const std::string& name : list)
    if (!seen.count(name) && wanted(name, o.filters)) r.missing.push_back(name);
  if (o.list.empty())
    r.passed = r.failures.empty();
  else
    r.passed = r.regressions.empty() && r.missing.empty() && (!o.strict || r.unlisted.empty());
  return r;
}

void print_names(const char* title, const std::vector<std::string>& names) {
  if (!names.empty()) std::printf("%s (%zu):\n", title, names.size());
  for (const std::string& name : names) std::printf("  %s\n", name.c_str());
}

void print_report(const Options& o, const Report& r) {
  for (const Outcome* f : r.failures)
    if (!o.quiet || std::count(r.regressions.begin(), r.regressions.end(), f->test.full_name()))
      std::printf("FAIL %s: %s: %s\n", f->test.full_name().c_str(), code_name(f->status.code()),
                  std::string(f->status.message()).c_str());
  int passed = 0, all = 0;
  for (const auto& [suite, counts] : r.suites) {
    std::printf("%-20s %5d of %5d passed\n", suite.c_str(), counts.first, counts.second);
    passed += counts.first;
    all += counts.second;
  }
  std::printf("%-20s %5d of %5d passed", "all", passed, all);
  const auto settings = settings_of(o);
  for (size_t i = 0; i < settings.size(); ++i)
    std::printf("%s%s",
                i                     ? ", "
                : settings.size() > 1 ? ", each at "
                                      : ", at ",
                text_of(settings[i]).c_str());
  std::printf("\n");
  if (o.list.empty()) return;
  print_names("listed as passing, but failed", r.regressions);
  print_names("listed as passing, but not among the tests", r.missing);
  if (o.strict)
    print_names("passed, but not listed", r.unlisted);
  else if (!r.unlisted.empty())
    std::printf("%zu passed that are not listed\n", r.unlisted.size());
}

void print_json(const Report& r) {
  nlohmann::json j;
  for (const auto& [suite, counts] : r.suites)
    j["suites"][suite] = {{"passed", counts.first}, {"all", counts.second}};
  j["failures"] = nlohmann::json::object();
  for (const Outcome* f : r.failures)
    j["failures"][f->test.full_name()] = cat(code_name(f->status.code()), ": ", f->status.message());
  j["regressions"] = r.regressions;
  j["missing"] = r.missing;
  j["unlisted"] = r.unlisted;
  j["passed"] = r.passed;
  const auto replace = nlohmann::json::error_handler_t::replace;
  std::printf("%s\n", j.dump(1, ' ', false, replace).c_str());
}

Result<bool> run(const Options& o) {
  std::set<std::string> list;
  if (!o.list.empty()) list = ONWARD_TRY(read_list(o.list));
  const auto cases = ONWARD_TRY(choose_cases(o));
  std::vector<Outcome> outcomes(cases.size());
  ONWARD_TRY(run_isolated(
      cases.size(), o.isolate, [&](size_t i) { return run_case(cases[i], o); },
      [&](size_t i, const Status& status) {
        outcomes[i] = {cases[i], status.clone()};
      }));
  if (o.update) {
    ONWARD_TRY(write_list(o.list, list, outcomes));
    list = ONWARD_TRY(read_list(o.list));
  }
  const Report report = make_report(o, outcomes, list);
  if (o.json)
    print_json(report);
  else
    print_report(o, report);
  return report.passed;
}

int main_program(int argc, char** argv) {
  Options o;
  o.isolate.processes = std::max(1u, std::thread::hardware_concurrency());
  CLI::App app("Runs the official ONNX tests, each in a process of its own.", "onward_conformance");
  app.add_option("suites", o.suites, "Folders of cases, as in onnx/backend/test/data/node")->required();
  app.add_option("--filter", o.filters, "Only cases whose suite/name contains this (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--list", o.list, "File with the names that must pass");
  app.add_flag("--strict", o.strict, "Fail, too, when a case passes that is not listed")->needs("--list");
  app.add_flag("--update", o.update, "Write the names that pass into the list")->needs("--list");
  app.add_flag("--json", o.json, "Print the outcome as JSON");
  app.add_flag("--quiet", o.quiet, "Leave out the failures that the list does not forbid");
  app.add_option("-j,--jobs", o.isolate.processes, "Processes at a time")->check(CLI::Range(1, 256));
  app.add_option("--timeout", o.isolate.timeout_s, "Seconds that a case may take")
      ->check(CLI::PositiveNumber);
  app.add_option("--level", o.levels,
                 "How far models are optimised (repeatable; default: off and full); plain: node by node")
      ->check(CLI::IsMember({"full", "off", "plain"}))
      ->allow_extra_args(false);
  app.add_option("--threads", o.threads, "Threads of each session (repeatable; default: 1 and 2)")
      ->check(CLI::Range(1, 256))
      ->allow_extra_args(false);
  app.add_option("--rtol", o.tolerance.relative, "Relative tolerance");
  app.add_option("--atol", o.tolerance.absolute, "Absolute tolerance");
  CLI11_PARSE(app, argc, argv);
  onward::apps::use_image_decoder();
  auto passed = run(o);
  if (!passed.ok()) {
    std::fprintf(stderr, "onward_conformance: %s\n", std::string(passed.status().message()).c_str());
    return 2;
  }
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace ow

int main(int argc, char** argv) { return ow::main_program(argc, argv); }
