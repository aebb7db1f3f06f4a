// onward simplify: a model with what is constant computed, what does nothing removed and batch normalisation
// folded into convolutions, still in standard operators; written only after both models gave the same.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "apps/file.h"
#include "onnx/walk.h"
#include "passes/export.h"
#include "passes/simplify.h"
#include "tools/command.h"
#include "tools/difference.h"
#include "tools/explain.h"
#include "tools/inputs.h"
#include "tools/report.h"
#include "tools/temporary.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kExample =
    "The result is run beside the original on random inputs, and is written only where both agree.\n"
    "Example:\n"
    "  onward simplify model.onnx -o small.onnx\n"
    "  onward simplify model.onnx -o small.onnx --shape height=224 --shape width=224 --why "
    "BatchNormalization\n"
    "  onward simplify model.onnx -o small.onnx --explain\n";

struct Options {
  std::string model, out, why;
  InputRequest inputs;
  int runs = 1;
  bool no_verify = false, json = false, say_why = false, explain = false;
  Gate gate;
};

using Counts = std::map<std::string, int64_t>;

Counts count_nodes(const ow::onnx::Model& m) {
  Counts counts;
  (void)ow::onnx::for_each<ow::onnx::Node>(m, [&](const ow::onnx::Node& n, std::string_view) {
    const std::string domain(ow::onnx::or_default(n.domain));
    const std::string op(ow::onnx::or_default(n.op_type));
    ++counts[domain.empty() || domain == "ai.onnx" ? op : domain + "." + op];
    return ow::Status();
  });
  return counts;
}

int64_t total(const Counts& counts) {
  int64_t sum = 0;
  for (const auto& [op, n] : counts) sum += n;
  return sum;
}

template <class T>
T value_or_throw(ow::Result<T> result, const std::string& at) {
  if (!result.ok()) throw std::runtime_error(at + ": " + std::string(result.status().message()));
  return *std::move(result);
}

std::vector<Datum> outputs_of(const Session& session, const Inputs& inputs) {
  std::vector<Datum> out;
  for (const Value& v : session.run(inputs)) out.push_back(datum_of(v));
  return out;
}

// The worst difference of each output over the runs. An output that the original does not repeat is random:
// only its type and shape are held against each other.
std::vector<Difference> verify(const Options& o, const std::string& simplified) {
  const Model before(o.model), after(simplified);
  SessionOptions plain;
  plain.optimization = ONWARD_OPTIMIZE_OFF;
  const Session a(before, plain), b(after, plain);
  std::vector<std::string> names;
  for (const ValueInfo& v : before.outputs()) names.push_back(v.name);
  std::vector<Difference> worst;
  for (int run = 0; run < o.runs; ++run) {
    InputRequest request = o.inputs;
    request.seed += static_cast<uint64_t>(run);
    const Inputs inputs = make_inputs(before, request);
    const auto expected = outputs_of(a, inputs), again = outputs_of(a, inputs), found = outputs_of(b, inputs);
    for (size_t i = 0; i < expected.size(); ++i) {
      Difference d = difference_of(names[i], found[i], expected[i], o.gate);
      const bool random = !difference_of("", again[i], expected[i], o.gate).passed();
      if (random && d.problem.empty()) d.failed.clear();
      if (run == 0) {
        worst.push_back(d);
      } else if ((worst[i].passed() && !d.passed()) || d.max_abs > worst[i].max_abs) {
        worst[i] = d;
      }
    }
  }
  return worst;
}

ordered_json kept_nodes(ow::ir::Graph& graph, const std::string& wanted, const ow::MissedFusions& missed) {
  ordered_json list = ordered_json::array();
  ow::ir::visit_graphs(graph, [&](ow::ir::Graph& g) {
    for (const auto& n : g.nodes())
      if (wanted.empty() || n->op_type == wanted)
        list.push_back({{"node", n->label()},
                        {"output", n->output(0) ? n->output(0)->name() : ""},
                        {"kept_because", ow::why_kept(*n, missed)}});
  });
  return list;
}

void print_text(const ordered_json& r) {
  std::printf("%s -> %s\n", r["model"].get<std::string>().c_str(), r["out"].get<std::string>().c_str());
  std::printf("%-24s%10s%10s\n", "operator", "before", "after");
  for (const auto& [op, n] : r["operators"].items())
    std::printf("%-24s%10lld%10lld\n", op.c_str(), static_cast<long long>(n[0].get<int64_t>()),
                static_cast<long long>(n[1].get<int64_t>()));
  for (const char* key : {"nodes", "bytes", "opset"})
    std::printf("%-24s%10lld%10lld\n", key, static_cast<long long>(r[key][0].get<int64_t>()),
                static_cast<long long>(r[key][1].get<int64_t>()));
  for (const auto& pass : r["passes"])
    if (pass["changes"] != 0)
      std::printf("pass %-19s%10lld changes\n", pass["name"].get<std::string>().c_str(),
                  static_cast<long long>(pass["changes"].get<int64_t>()));
  for (const auto& d : r["verified"])
    std::printf("output %s: %s, max abs %s, relative L2 %s\n", d["name"].get<std::string>().c_str(),
                d["passed"] ? "same" : d["failed_because"].get<std::string>().c_str(),
                d.value("max_abs", ordered_json()).dump().c_str(),
                d.value("rel_l2", ordered_json()).dump().c_str());
  for (const auto& w : r["warnings"]) std::printf("warning: %s\n", w.get<std::string>().c_str());
  for (const auto& n : r["kept"])
    std::printf("%s: %s\n", n["node"].get<std::string>().c_str(),
                n["kept_because"].get<std::string>().c_str());
  if (r.contains("missed")) print_missed(r["missed"]);
}

int64_t opset_of(const ow::onnx::Model& m) {
  for (const auto& entry : m.opset_import)
    if (ow::onnx::or_default(entry.domain).empty() || *entry.domain == "ai.onnx")
      return ow::onnx::or_default(entry.version);
  return 0;
}

int64_t bytes_of(const fs::path& model) {
  std::error_code error;
  int64_t bytes = static_cast<int64_t>(fs::file_size(model, error));
  const auto data = fs::file_size(model.string() + ".data", error);
  return error ? bytes : bytes + static_cast<int64_t>(data);
}

ordered_json report_of(const Options& o, const ow::ExportedModel& exported,
                       const ow::Simplified& simplified) {
  const Counts before = count_nodes(exported.source->model), after = count_nodes(exported.file->model);
  ordered_json r = {{"model", o.model}, {"out", o.out}, {"nodes", {total(before), total(after)}}};
  Counts all = before;
  all.insert(after.begin(), after.end());
  r["operators"] = ordered_json::object();
  const auto count = [](const Counts& c, const std::string& op) { return c.count(op) ? c.at(op) : 0; };
  for (const auto& [op, n] : all)
    if (count(before, op) != count(after, op)) r["operators"][op] = {count(before, op), count(after, op)};
  r["opset"] = {opset_of(exported.source->model), opset_of(exported.file->model)};
  r["rounds"] = simplified.rounds;
  r["passes"] = ordered_json::array();
  for (const ow::PassReport& p : simplified.passes)
    r["passes"].push_back({{"name", p.name}, {"changes", p.changes}});
  r["warnings"] = exported.warnings;
  r["verified"] = ordered_json::array();
  return r;
}

// The data file first, so that the model never names one that is not there.
void move_into_place(const std::string& from, const std::string& to) {
  std::error_code error;
  if (fs::exists(from + ".data")) fs::rename(from + ".data", to + ".data", error);
  if (!error) fs::rename(from, to, error);
  if (error) throw apps::FileError(to + ": cannot be written: " + error.message());
}

int simplify(const Options& o) {
  auto file = value_or_throw(ow::onnx::load(o.model), o.model);
  ow::ImportedModel imported = value_or_throw(ow::import_model(file), o.model);
  ow::MissedFusions missed;
  const ow::Simplified simplified = value_or_throw(
      ow::simplify(*imported.graph, {.missed = o.say_why || o.explain ? &missed : nullptr}), o.model);
  const ow::ExportedModel exported = value_or_throw(ow::export_model(imported), o.model);
  ordered_json report = report_of(o, exported, simplified);
  report["kept"] = o.say_why ? kept_nodes(*imported.graph, o.why, missed) : ordered_json::array();
  if (o.explain) report["missed"] = missed_json(missed);

  const fs::path out(o.out);
  const TemporaryFolder folder(out.has_parent_path() ? out.parent_path().string() : ".");
  const std::string made = folder.path(out.filename().string());
  if (ow::Status s = ow::save_exported(exported, made); !s.ok())
    throw apps::FileError(made + ": " + std::string(s.message()));
  bool same = true;
  if (!o.no_verify) {
    for (const Difference& d : verify(o, made)) {
      report["verified"].push_back(to_json(d));
      same &= d.passed();
    }
  }
  report["bytes"] = {bytes_of(o.model), bytes_of(made)};
  report["written"] = same;
  if (same) move_into_place(made, o.out);
  if (o.json)
    print_json(report);
  else
    print_text(report);
  if (same) return kDone;
  std::fprintf(stderr,
               "onward: %s: not written: the simplified model gives other results (--no-verify writes it)\n",
               o.out.c_str());
  return kJobFailed;
}

}  // namespace

void add_simplify(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("simplify", "Write a smaller model that computes the same");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  sub->add_option("model", o->model, "The ONNX file")->required()->type_name("MODEL");
  sub->add_option("-o,--out", o->out, "Where to write; may be the model itself")
      ->required()
      ->type_name("FILE");
  CLI::Option* why =
      sub->add_option("--why", o->why, "Say why nodes are still there: all, or of one operator")
          ->expected(0, 1)
          ->type_name("OPERATOR");
  sub->add_flag("--explain", o->explain,
                "Say why fusions into standard operators did not match; of those that only this engine runs, "
                "`onward inspect --explain` tells");
  sub->add_option("--input", o->inputs.files, "For the check: an input from a file; else random")
      ->type_name("NAME=FILE");
  sub->add_option("--shape", o->inputs.shapes, "For the check: shape of a random input, or an open dimension")
      ->type_name("NAME=1x3x224x224|SYMBOL=N");
  sub->add_option("--seed", o->inputs.seed, "Of the random inputs");
  sub->add_option("--runs", o->runs, "Check with so many random inputs (default: 1)")
      ->check(CLI::Range(1, 1000));
  sub->add_option("--rtol", o->gate.rtol, "Relative tolerance of an element (default: 1e-3)");
  sub->add_option("--atol", o->gate.atol, "Absolute tolerance of an element (default: 1e-5)");
  sub->add_flag("--no-verify", o->no_verify, "Write without running either model");
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, why, &exit_code] {
    o->say_why = why->count() > 0;
    exit_code = simplify(*o);
  });
}

}  // namespace onward::tools
