// onward compare: a model's results against a reference, with a verdict.
//
// Outputs are compared as the session gives them. Where they differ (or with --nodes) the values inside are
// compared too, both sides without optimisations, in the reference's topological order and in groups, so that
// only one group is in memory at a time: the first node whose outputs are out of tolerance is named with the
// errors of its inputs, which tell whether it or what comes before it is to blame.

#include <cstdio>
#include <fstream>
#include <memory>
#include <unordered_set>

#include "apps/file.h"
#include "tools/command.h"
#include "tools/compare_report.h"
#include "tools/progress.h"
#include "tools/reference.h"
#include "tools/report.h"
#include "tools/session_flags.h"

namespace onward::tools {
namespace {

constexpr const char* kExample =
    "REF is a folder of saved outputs (from `onward run --out`, or an ONNX test data set), another model,\n"
    "onnxruntime, or onnx (its reference evaluator); the last two need that Python package.\n"
    "Exit code: 0 all bounds hold, 1 one does not or the comparison failed, 2 the call is wrong.\n"
    "Example:\n"
    "  onward compare model.onnx --with onnxruntime --runs 5\n"
    "  onward compare int8.onnx --with float.onnx --nodes --max-rel-l2 0.05 --html report.html\n"
    "  onward compare model.onnx --with test_data_set_0 --json\n";

struct Options {
  SessionFlags session;
  std::string with, python, html;
  int runs = 1;
  bool nodes = false, json = false;
  Gate gate;
};

Inputs inputs_of(const Options& o, const Reference& reference, const Model& model, int run) {
  InputRequest request = o.session.inputs;
  request.seed += static_cast<uint64_t>(run);
  if (request.files.empty()) request.files = reference.inputs();
  return make_inputs(model, request);
}

uint64_t bytes_of(const Datum& d) {
  uint64_t bytes = d.kind == ONWARD_TENSOR ? d.tensor.bytes() : 0;
  for (const Datum& item : d.items) bytes += bytes_of(item);
  return bytes;
}

// The values that nodes of both sides make, in the reference's order.
std::vector<std::string> shared_values(const Reference& reference, const Reference& own) {
  std::unordered_set<std::string> here;
  for (const NodeNames& n : own.nodes()) here.insert(n.outputs.begin(), n.outputs.end());
  std::vector<std::string> names;
  for (const NodeNames& n : reference.nodes())
    for (const std::string& name : n.outputs)
      if (here.count(name)) names.push_back(name);
  return names;
}

// In groups, each as large as keeps about kGroupBytes in memory on either side. Without --nodes it ends with
// the group of the first difference.
std::vector<Difference> compare_nodes(const Options& o, Reference& reference, Reference& own,
                                      const Inputs& inputs) {
  constexpr uint64_t kGroupBytes = uint64_t{256} << 20;
  constexpr size_t kFirstGroup = 32, kLargestGroup = 512;
  const std::vector<std::string> names = shared_values(reference, own);
  Progress progress(static_cast<int>(names.size()), !o.json);
  std::vector<Difference> all;
  size_t group = kFirstGroup;
  for (size_t at = 0; at < names.size();) {
    progress.show(static_cast<int>(at), "values");
    const std::vector<std::string> part(
        names.begin() + static_cast<ptrdiff_t>(at),
        names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), at + group)));
    const Values found = own.values(inputs, part, true), expected = reference.values(inputs, part, true);
    bool differ = false;
    uint64_t bytes = 1;
    for (const std::string& name : part) {
      const auto f = found.find(name), e = expected.find(name);
      if (f == found.end() || e == expected.end()) continue;
      all.push_back(difference_of(name, f->second, e->second, o.gate));
      differ |= !all.back().passed();
      bytes += bytes_of(f->second);
    }
    if (differ && !o.nodes) break;
    at += part.size();
    const uint64_t fits = kGroupBytes / (bytes / part.size() + 1);
    group = std::clamp<uint64_t>(fits, 1, kLargestGroup);
  }
  return all;
}

std::optional<FirstDifference> first_difference(const Reference& reference,
                                                const std::vector<Difference>& values) {
  std::map<std::string, const Difference*> by_name;
  for (const Difference& d : values) by_name[d.name] = &d;
  const auto find = [&](const std::string& name) {
    const auto it = by_name.find(name);
    return it == by_name.end() ? nullptr : it->second;
  };
  for (const NodeNames& n : reference.nodes())
    for (const std::string& output : n.outputs) {
      const Difference* d = find(output);
      if (!d || d->passed()) continue;
      FirstDifference first{n, *d, {}};
      for (const std::string& input : n.inputs)
        if (const Difference* in = find(input)) first.inputs.push_back(*in);
      return first;
    }
  return std::nullopt;
}

// Whether `d` is the worse of two results for the same output.
bool worse(const Difference& d, const Difference& than) {
  if (d.passed() != than.passed()) return !d.passed();
  return d.rel_l2 > than.rel_l2 || d.mismatched > than.mismatched;
}

Comparison compare_outputs(const Options& o, Reference& reference, Reference& own, const Model& model,
                           int& failing_run) {
  Comparison c;
  std::vector<std::string> names, expected_names;
  for (const ValueInfo& v : model.outputs()) names.push_back(v.name);
  for (size_t i = 0; i < names.size(); ++i) expected_names.push_back(reference.output_name(names, i));
  Progress progress(o.runs, !o.json && o.runs > 1);
  for (int run = 0; run < o.runs; ++run) {
    progress.show(run, "runs");
    const Inputs inputs = inputs_of(o, reference, model, run);
    const Values found = own.values(inputs, names, false);
    const Values expected = reference.values(inputs, expected_names, false);
    for (size_t i = 0; i < names.size(); ++i) {
      const auto f = found.find(names[i]);
      const auto e = expected.find(expected_names[i]);
      Difference d;
      if (e == expected.end()) {
        d.name = names[i];
        d.failed = d.problem = "the reference has no output of this name";
      } else {
        d = difference_of(names[i], f->second, e->second, o.gate);
      }
      if (!d.passed() && failing_run < 0) failing_run = run;
      if (run == 0)
        c.outputs.push_back(d);
      else if (worse(d, c.outputs[i]))
        c.outputs[i] = d;
    }
  }
  return c;
}

int compare(const Options& o) {
  const SessionOptions session = o.session.session_options();
  const auto reference = make_reference({o.session.model, o.with, o.python, session});
  const Model model(o.session.model);
  ModelValues own(o.session.model, session);
  int failing_run = -1;
  Comparison c = compare_outputs(o, *reference, own, model, failing_run);
  c.model = o.session.model;
  c.with = o.with;
  c.runs = o.runs;
  c.seed = o.session.inputs.seed;
  c.gate = o.gate;
  if ((o.nodes || failing_run >= 0) && !reference->nodes().empty()) {
    const Inputs inputs = inputs_of(o, *reference, model, std::max(failing_run, 0));
    c.values = compare_nodes(o, *reference, own, inputs);
    c.first = first_difference(*reference, c.values);
    c.all_values = o.nodes;
  }
  if (!o.html.empty()) {
    const std::string html = html_report(c);
    apps::write_file(o.html, {reinterpret_cast<const uint8_t*>(html.data()), html.size()});
  }
  if (o.json)
    print_json(to_json(c));
  else
    std::fputs(text_report(c).c_str(), stdout);
  return c.passed() ? kDone : kJobFailed;
}

}  // namespace

void add_compare(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("compare", "Hold a model's results against a reference");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  o->session.add_to(*sub);
  sub->add_option("--with", o->with, "What to compare with")
      ->required()
      ->type_name("FOLDER|MODEL|onnxruntime|onnx");
  sub->add_option("--python", o->python, "The Python that has the package (default: python3 of the PATH)");
  sub->add_option("--runs", o->runs, "Compare so many runs, with seeds from --seed on (default: 1)")
      ->check(CLI::Range(1, 100'000));
  sub->add_flag("--nodes", o->nodes, "Compare every value that both sides have under one name");
  sub->add_option("--rtol", o->gate.rtol, "Relative tolerance of an element (default: 1e-3)")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("--atol", o->gate.atol, "Absolute tolerance of an element (default: 1e-5)")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("--max-mismatched", o->gate.max_mismatched,
                  "Part of the elements that may be out of tolerance (default: 0)")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--max-rel-l2", o->gate.max_rel_l2,
                  "Bound on |found - expected| / |expected| of a whole output, instead of --rtol and --atol");
  sub->add_option("--min-cosine", o->gate.min_cosine, "Bound on the cosine, instead of --rtol and --atol");
  sub->add_option("--max-abs", o->gate.max_abs,
                  "Bound on the largest difference, instead of --rtol and --atol");
  sub->add_option("--html", o->html, "Write a report with a chart")->type_name("FILE");
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = compare(*o); });
}

}  // namespace onward::tools
