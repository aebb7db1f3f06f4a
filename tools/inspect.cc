// onward inspect: what is in a model, and what it costs.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "onnx/text.h"
#include "onnx/wire.h"
#include "passes/import.h"
#include "passes/inspect.h"
#include "passes/pipeline.h"
#include "tools/command.h"
#include "tools/explain.h"
#include "tools/report.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;
using SymbolSizes = std::map<std::string, int64_t, std::less<>>;

constexpr const char* kExample =
    "A damaged file is shown as far as it can be read (exit code 1); `onward check` says all that is wrong.\n"
    "Costs are expressions in the symbols of the input shapes; --shape gives a symbol a size.\n"
    "Example:\n"
    "  onward inspect unet.onnx --shape height=512 --shape width=512\n"
    "  onward inspect unet.onnx --graph | less\n"
    "  onward inspect unet.onnx --graph optimized\n"
    "  onward inspect bert.onnx --explain\n";

struct Options {
  std::string model;
  std::vector<std::string> shapes;
  std::string graph;
  bool explain = false, json = false;
};

SymbolSizes parse_shapes(const std::vector<std::string>& shapes) {
  SymbolSizes out;
  for (const std::string& s : shapes) {
    const size_t at = s.rfind('=');
    int64_t size = -1;
    if (at != std::string::npos) {
      auto [end, error] = std::from_chars(s.data() + at + 1, s.data() + s.size(), size);
      if (error != std::errc() || end != s.data() + s.size()) size = -1;
    }
    if (size < 0) throw UsageError("--shape " + s + ": expected SYMBOL=SIZE, as in --shape batch=8");
    out[s.substr(0, at)] = size;
  }
  return out;
}

std::string clean(const ordered_json& text) { return ow::printable(text.get<std::string>()); }

// "1,234,567"
std::string grouped(int64_t v) {
  std::string s = std::to_string(v);
  for (auto at = static_cast<int64_t>(s.size()) - 3; at > (v < 0); at -= 3)
    s.insert(static_cast<size_t>(at), ",");
  return s;
}

std::string expression_text(const ordered_json& e) {
  const auto text = e["expression"].get<std::string>();
  if (e["value"].is_null()) return ow::printable(text, 2000);
  const std::string value = grouped(e["value"].get<int64_t>());
  return std::to_string(e["value"].get<int64_t>()) == text ? value
                                                           : value + "  = " + ow::printable(text, 2000);
}

void print_values(const char* title, const ordered_json& values) {
  for (const auto& v : values)
    std::printf("%-14s%s: %s\n", title, clean(v["name"]).c_str(), clean(v["type"]).c_str());
}

void print_file(const ordered_json& r) {
  std::printf("%-14s%s %s\n", "producer", clean(r["producer"]).c_str(), clean(r["producer_version"]).c_str());
  std::printf("%-14s%lld\n", "IR version", static_cast<long long>(r["ir_version"].get<int64_t>()));
  for (const auto& o : r["opsets"])
    std::printf("%-14s%s %lld\n", "opset",
                o["domain"].get<std::string>().empty() ? "ai.onnx" : clean(o["domain"]).c_str(),
                static_cast<long long>(o["version"].get<int64_t>()));
  for (const auto& [key, value] : r["metadata"].items())
    std::printf("%-14s%s = %s\n", "metadata", ow::printable(key).c_str(), clean(value).c_str());
  if (r.contains("graph")) {
    std::printf("%-14s%s, %lld nodes, %lld functions\n", "graph", clean(r["graph"]).c_str(),
                static_cast<long long>(r["nodes"].get<int64_t>()),
                static_cast<long long>(r["functions"].get<int64_t>()));
    print_values("input", r["inputs"]);
    print_values("output", r["outputs"]);
  }
  for (const auto& f : r["local_functions"])
    std::printf("%-14s%s: %lld nodes\n", "function", clean(f["name"]).c_str(),
                static_cast<long long>(f["nodes"].get<int64_t>()));
  for (const auto& name : r["missing_files"])
    std::printf("%-14s%s: not there\n", "external", clean(name).c_str());
  for (const char* list : {"parameters", "external_files"})
    for (const auto& [name, s] : r[list].items())
      std::printf("%-14s%s: %s elements in %s tensors, %s bytes\n", *list == 'p' ? "parameters" : "external",
                  ow::printable(name).c_str(), grouped(s["elements"].get<int64_t>()).c_str(),
                  grouped(s["tensors"].get<int64_t>()).c_str(), grouped(s["bytes"].get<int64_t>()).c_str());
}

void print_graph_report(const ordered_json& g) {
  print_values("inferred", g["outputs"]);
  std::printf("%-14s%s\n", "MACs", expression_text(g["macs"]).c_str());
  std::printf("%-14s%s\n", "FLOPs", expression_text(g["flops"]).c_str());
  if (auto n = g["nodes_of_unknown_cost"].get<int64_t>())
    std::printf("%-14s%s nodes are of unknown shape and not counted\n", "", grouped(n).c_str());
  if (auto n = g["loops_counted_once"].get<int64_t>())
    std::printf("%-14s%s loop bodies are counted once\n", "", grouped(n).c_str());
  for (const auto& e : g["activation_peak_bytes"])
    std::printf("%-14s%s bytes\n", "activations", expression_text(e).c_str());
  if (auto n = g["activations_of_unknown_size"].get<int64_t>())
    std::printf("%-14s%s activations are of unknown size\n", "", grouped(n).c_str());
}

void print_operators(const ordered_json& operators) {
  for (const auto& [op, count] : operators.items())
    std::printf("%-14s%6lld %s\n", "operator", static_cast<long long>(count.get<int64_t>()),
                ow::printable(op).c_str());
}

// As a session of these sizes imports it.
ow::ImportedModel import_with(const std::shared_ptr<ow::onnx::ModelFile>& file, const SymbolSizes& sizes) {
  auto imported = ow::import_model(file, {}, nullptr, {.dims = sizes});
  if (!imported.ok() && !sizes.empty() && imported.status().code() == ow::Code::kInvalidArgument)
    throw UsageError("--shape: " + std::string(imported.status().message()));
  if (!imported.ok()) throw std::runtime_error(std::string(imported.status().message()));
  return *std::move(imported);
}

// What the optimiser of a session makes of the graph.
std::vector<ow::PassReport> optimize(ow::ir::Graph& graph, ow::MissedFusions* missed = nullptr) {
  auto passes = ow::run_pipeline(graph, ow::Level::kFull, -1, {}, false, missed);
  if (!passes.ok()) throw std::runtime_error(std::string(passes.status().message()));
  return *std::move(passes);
}

size_t count_nodes(ow::ir::Graph& graph) {
  size_t count = 0;
  ow::ir::visit_graphs(graph, [&](ow::ir::Graph& g) { count += g.nodes().size(); });
  return count;
}

ordered_json explain(const std::shared_ptr<ow::onnx::ModelFile>& file, const SymbolSizes& sizes) {
  const auto imported = import_with(file, sizes);
  const size_t before = count_nodes(*imported.graph);
  ow::MissedFusions missed;
  ordered_json passes = ordered_json::array();
  for (const ow::PassReport& p : optimize(*imported.graph, &missed))
    passes.push_back({{"name", p.name}, {"changes", p.changes}});
  return {
      {"nodes", {before, count_nodes(*imported.graph)}}, {"passes", passes}, {"missed", missed_json(missed)}};
}

void print_explained(const ordered_json& r) {
  std::printf("%-14s%lld nodes, %lld after the passes\n", "optimizer",
              static_cast<long long>(r["nodes"][0].get<int64_t>()),
              static_cast<long long>(r["nodes"][1].get<int64_t>()));
  for (const auto& pass : r["passes"])
    if (pass["changes"] != 0)
      std::printf("%-14s%6lld changes of %s\n", "pass",
                  static_cast<long long>(pass["changes"].get<int64_t>()),
                  pass["name"].get<std::string>().c_str());
  print_missed(r["missed"]);
}

// The model as text.
int print_graph(const std::shared_ptr<ow::onnx::ModelFile>& file, const SymbolSizes& sizes,
                const std::string& form) {
  if (form == "optimized") {
    const auto imported = import_with(file, sizes);
    (void)optimize(*imported.graph);
    std::printf("%s\n", ow::ir::print(*imported.graph).c_str());
    return kDone;
  }
  if (form == "onnx") {
    std::printf("%s\n", ow::onnx::to_text(file->model).c_str());
    return kDone;
  }
  std::vector<std::string> problems;
  auto imported = ow::import_what_can_be(file, problems);
  if (!imported.ok()) throw std::runtime_error(std::string(imported.status().message()));
  std::printf("%s\n", ow::ir::print(*imported->graph).c_str());
  return kDone;
}

// The file, whole, or as far as it can be read; then `damage` says where that ends.
std::shared_ptr<ow::onnx::ModelFile> load_what_is_there(const std::string& path, std::string& damage) {
  auto file = ow::onnx::load(path);
  if (file.ok()) return *std::move(file);
  damage = file.status().message();
  if (file.status().code() == ow::Code::kIo) throw std::runtime_error(damage);
  const auto bytes = apps::read_file(path, std::numeric_limits<int64_t>::max());
  auto part = std::make_shared<ow::onnx::ModelFile>();
  const ow::onnx::Text text = part->keep(std::string(bytes.begin(), bytes.end()));
  const ow::Status status = ow::onnx::read_message(text, part->model);
  if (!part->model.graph && part->model.opset_import.empty()) throw std::runtime_error(damage);
  return part;
}

void print_problems(const ordered_json& problems) {
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < std::min(kShown, problems.size()); ++i)
    std::printf("%-14s%s\n", "problem", ow::printable(problems[i].get<std::string>(), 2000).c_str());
  if (problems.size() > kShown)
    std::printf("%-14s%zu more; `onward check` lists them all\n", "", problems.size() - kShown);
}

int inspect(const Options& o) {
  const auto sizes = parse_shapes(o.shapes);
  std::string damage;
  const auto file = load_what_is_there(o.model, damage);
  if (!o.graph.empty()) return print_graph(file, sizes, o.graph);
  auto made = ow::inspect_json(file, sizes, damage);
  if (!made.ok() && made.status().code() == ow::Code::kInvalidArgument)
    throw UsageError("--shape: " + std::string(made.status().message()));
  if (!made.ok()) throw std::runtime_error(std::string(made.status().message()));
  ordered_json report = {{"model", o.model}};
  report.update(ordered_json::parse(*made));
  if (o.explain) report["optimizer"] = explain(file, sizes);
  if (o.json) {
    print_json(report);
    return damage.empty() ? kDone : kJobFailed;
  }
  if (o.explain) {
    print_explained(report["optimizer"]);
    return damage.empty() ? kDone : kJobFailed;
  }
  print_file(report);
  if (!report["inferred"].is_null())
    print_graph_report(report["inferred"]);
  else
    std::printf("%-14s%s\n", "not inferred",
                ow::printable(report["not_inferred_because"].get<std::string>(), 2000).c_str());
  print_operators(report["operators"]);
  print_problems(report["problems"]);
  return damage.empty() ? kDone : kJobFailed;
}

}  // namespace

void add_inspect(CLI::App& program, int& exit_code) {
  CLI::App* sub = program.add_subcommand("inspect", "Show what is in a model and what it costs");
  sub->footer(kExample);
  auto o = std::make_shared<Options>();
  sub->add_option("model", o->model, "ONNX file")->required();
  sub->add_option("--shape", o->shapes, "Size of a symbol, as in batch=8")
      ->type_name("SYMBOL=SIZE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option(
         "--graph", o->graph,
         "Print the graph instead: onnx (the file, as ONNX text), ir (as imported) or optimized (as a "
         "session runs it)")
      ->expected(0, 1)
      ->default_str("onnx")
      ->check(CLI::IsMember({"onnx", "ir", "optimized"}));
  sub->add_flag("--explain", o->explain,
                "Say what the optimiser of a session changes, and of each fusion that did not match why");
  sub->add_flag("--json", o->json, "Print a JSON report");
  sub->callback([o, &exit_code] { exit_code = inspect(*o); });
}

}  // namespace onward::tools
