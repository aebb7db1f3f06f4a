#include "passes/inspect.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "onnx/element_type.h"
#include "onnx/external_data.h"
#include "onnx/tensor_data.h"
#include "onnx/text.h"
#include "onnx/walk.h"
#include "passes/cost.h"
#include "passes/import.h"

namespace ow {
namespace {

using onnx::or_default;
using Sizes = std::map<std::string, int64_t, std::less<>>;

void header(const onnx::Model& m, JsonWriter& w) {
  w.key("ir_version").number(or_default(m.ir_version));
  w.key("producer").text(or_default(m.producer_name));
  w.key("producer_version").text(or_default(m.producer_version));
  w.key("domain").text(or_default(m.domain));
  w.key("model_version").number(or_default(m.model_version));
  w.key("doc_string").text(or_default(m.doc_string));
  w.key("opsets").open('[');
  for (const auto& o : m.opset_import) {
    w.open('{').key("domain").text(or_default(o.domain));
    w.key("version").number(or_default(o.version)).close('}');
  }
  w.close(']').key("metadata").open('{');
  std::map<std::string_view, std::string_view> last;  // of a repeated key
  for (const auto& e : m.metadata_props) last[or_default(e.key)] = or_default(e.value);
  for (const auto& e : m.metadata_props)
    if (auto it = last.find(or_default(e.key)); it != last.end()) {
      w.key(it->first).text(it->second);
      last.erase(it);
    }
  w.close('}');
}

void values(std::string_view key, const std::vector<onnx::ValueInfo>& infos,
            const std::set<std::string_view>& skip, JsonWriter& w) {
  w.key(key).open('[');
  for (const auto& v : infos)
    if (!skip.count(or_default(v.name))) {
      w.open('{').key("name").text(or_default(v.name));
      w.key("type").text(v.type ? onnx::to_text(*v.type) : "").close('}');
    }
  w.close(']');
}

void operators(const onnx::Model& m, JsonWriter& w) {
  std::map<std::string, int64_t> counts;
  (void)onnx::for_each<onnx::Node>(m, [&](const onnx::Node& n, std::string_view) {
    const std::string_view domain = or_default(n.domain);
    ++counts[cat(domain == "ai.onnx" ? "" : domain, domain.empty() || domain == "ai.onnx" ? "" : ".",
                 or_default(n.op_type))];
    return Status();
  });
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  w.key("operators").open('{');
  for (const auto& [op, count] : sorted) w.key(op).number(count);
  w.close('}');
}

struct Sum {
  int64_t tensors = 0, elements = 0, bytes = 0;
  Sum plus(int64_t more_elements, int64_t more_bytes) const {
    return {tensors + 1, elements + more_elements, bytes + more_bytes};
  }
};

void write(const Sum& s, JsonWriter& w) {
  w.open('{').key("tensors").number(s.tensors).key("elements").number(s.elements);
  w.key("bytes").number(s.bytes).close('}');
}

void parameters(const onnx::ModelFile& file, JsonWriter& w) {
  std::map<int32_t, Sum> by_type;
  std::map<std::string, Sum> files;
  (void)onnx::for_each<onnx::Tensor>(file.model, [&](const onnx::Tensor& t, std::string_view) {
    int64_t elements = 1, bytes = 0;
    for (int64_t d : t.dims)
      if (d < 0 || __builtin_mul_overflow(elements, d, &elements)) return Status();
    if (auto b = onnx::payload_bytes(or_default(t.data_type), t.dims); b.ok()) bytes = *b;
    for (onnx::Text s : t.string_data) bytes += static_cast<int64_t>(s.size());
    Sum& sum = by_type[or_default(t.data_type)];
    sum = sum.plus(elements, bytes);
    if (!t.is_external()) return Status();
    auto where = onnx::external_location(t);
    Sum& there = files[where.ok() ? std::string(where->location) : "(invalid location)"];
    there = there.plus(elements, bytes);
    return Status();
  });
  Sum total;
  w.key("parameters").open('{');
  for (const auto& [type, s] : by_type) {
    write(s, w.key(onnx::element_type_name(type)));
    total = {total.tensors + s.tensors, total.elements + s.elements, total.bytes + s.bytes};
  }
  write(total, w.key("total"));
  w.close('}').key("external_files").open('{');
  for (const auto& [name, s] : files) write(s, w.key(name));
  w.close('}').key("missing_files").open('[');
  for (const auto& [name, s] : files)
    if (!file.external_files().open(name).ok()) w.text(name);
  w.close(']');
}

void local_functions(const onnx::Model& m, JsonWriter& w) {
  const auto count = [&](const char* key, const auto& list) {
    w.key(key).number(static_cast<int64_t>(list.size()));
  };
  count("functions", m.functions);
  w.key("local_functions").open('[');
  for (const auto& f : m.functions) {
    const std::string_view domain = or_default(f.domain);
    w.open('{').key("name").text(cat(domain, domain.empty() ? "" : ".", or_default(f.name)));
    count("inputs", f.input);
    count("outputs", f.output);
    count("nodes", f.node);
    w.close('}');
  }
  w.close(']');
}

void file_report(const onnx::ModelFile& file, JsonWriter& w) {
  const onnx::Model& m = file.model;
  header(m, w);
  std::set<std::string_view> initialized;
  if (m.graph) {
    for (const auto& t : m.graph->initializer) initialized.insert(or_default(t.name));
    w.key("graph").text(or_default(m.graph->name));
    values("inputs", m.graph->input, initialized, w);
    values("outputs", m.graph->output, {}, w);
    w.key("nodes").number(static_cast<int64_t>(m.graph->node.size()));
  }
  local_functions(m, w);
  operators(m, w);
  parameters(file, w);
}

// What an import would stop at, kept for the report.
class Problems : public ImportObserver {
 public:
  explicit Problems(std::vector<std::string>& list) : list_(list) {}
  void node_failed(const onnx::Node&, Status why) override { list_.emplace_back(why.message()); }
  void initializer_failed(std::string_view name, Status why) override {
    list_.push_back(cat("initializer '", name, "': ", why.message()));
  }
  void value(const std::string&, const ir::Value&) override {}

 private:
  std::vector<std::string>& list_;
};

class GraphReport {
 public:
  GraphReport(ImportedModel& model, const Sizes& sizes)
      : graph_(*model.graph),
        lookup_([&sizes](std::string_view s) -> std::optional<int64_t> {
          auto it = sizes.find(s);
          return it == sizes.end() ? std::nullopt : std::optional<int64_t>(it->second);
        }),
        cost_(graph_cost(graph_, lookup_)) {
    for (const ir::Value* v : graph_.inputs())
      if (v->type().shape)
        for (const Dim& d : *v->type().shape)
          d.visit_symbols([&](std::string_view s) {
            if (!s.starts_with("?")) symbols_.emplace(s);
          });
  }

  const std::set<std::string, std::less<>>& symbols() const { return symbols_; }

  // `open`: the same graph without sizes, whose symbols and expressions are reported. May be this one.
  void write(const GraphReport& open, JsonWriter& w) const {
    w.open('{');
    inferred("inputs", graph_.inputs(), w);
    inferred("outputs", graph_.outputs(), w);
    w.key("symbols").open('[');
    for (const auto& s : open.symbols_) w.text(s);
    w.close(']');
    work("macs", cost_.total.macs, open.cost_.total.macs, open, w);
    work("flops", cost_.total.flops, open.cost_.total.flops, open, w);
    w.key("nodes_of_unknown_cost").number(cost_.unknown_nodes);
    w.key("loops_counted_once").number(cost_.loops);
    w.key("activation_peak_bytes").open('[');
    for (const Dim& d : cost_.peak_bytes) {
      w.open('{');
      expression(d, d, w);
      w.close('}');
    }
    w.close(']').key("activations_of_unknown_size").number(cost_.unsized_values).close('}');
  }

 private:
  void inferred(std::string_view key, const std::vector<ir::Value*>& list, JsonWriter& w) const {
    w.key(key).open('[');
    for (const ir::Value* v : list) {
      ir::Type type = v->type();
      if (type.shape)
        for (Dim& d : *type.shape)
          if (auto value = d.evaluate(lookup_)) d = Dim(*value);
      w.open('{').key("name").text(v->name()).key("type").text(type.text()).close('}');
    }
    w.close(']');
  }
  void expression(const Dim& value, const Dim& shown, JsonWriter& w) const {
    w.key("expression").text(shown.text()).key("value");
    const auto number = value.evaluate(lookup_);
    number ? w.number(*number) : w.null();
  }
  void work(std::string_view key, const Dim& value, const Dim& shown, const GraphReport& open,
            JsonWriter& w) const {
    expression(value, shown, w.key(key).open('{'));
    if (&open != this) w.key("nodes_missing_in_expression").number(open.cost_.unknown_nodes);
    w.close('}');
  }

  ir::Graph& graph_;
  Dim::Lookup lookup_;
  GraphCost cost_;
  std::set<std::string, std::less<>> symbols_;
};

}  // namespace

Result<ImportedModel> import_what_can_be(const std::shared_ptr<onnx::ModelFile>& file,
                                         std::vector<std::string>& problems) {
  if (!file->model.graph) return unsupported("there is no whole graph");
  auto imported = import_model(file);
  if (imported.ok()) return imported;
  Problems observer(problems);
  auto again = import_model(file, {}, &observer);
  if (!again.ok()) problems.emplace_back(again.status().message());
  return again;
}

Result<std::string> inspect_json(const std::shared_ptr<onnx::ModelFile>& file, const Sizes& sizes,
                                 std::string_view damage) {
  JsonWriter w;
  w.open('{');
  file_report(*file, w);
  std::vector<std::string> problems;
  if (!damage.empty()) problems.emplace_back(damage);
  auto imported = import_what_can_be(file, problems);
  w.key("problems").open('[');
  for (const std::string& p : problems) w.text(p);
  w.close(']');
  if (!imported.ok()) {
    w.key("inferred").null().key("not_inferred_because").text(imported.status().message());
    return w.close('}').take();
  }
  const GraphReport open(*imported, sizes);
  w.key("inferred");
  if (sizes.empty()) {
    open.write(open, w);
    return w.close('}').take();
  }
  for (const auto& [symbol, size] : sizes)
    if (!open.symbols().count(symbol))
      return invalid_argument("the inputs have no dimension '", printable(symbol), "', they have ",
                              list_text(open.symbols()));
  auto sized = import_model(file, {}, nullptr, {.dims = sizes});
  if (!sized.ok()) return sized.take_status().context("with these sizes");
  GraphReport(*sized, sizes).write(open, w);
  return w.close('}').take();
}

}  // namespace ow
