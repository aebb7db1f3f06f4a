// training_info, quantization annotations and device configurations.
#include "passes/check/report.h"

namespace ow::check {
namespace {

std::unordered_set<std::string_view> initializers(const onnx::Graph* g) {
  std::unordered_set<std::string_view> names;
  if (!g) return names;
  for (const auto& t : g->initializer) names.insert(or_default(t.name));
  for (const auto& t : g->sparse_initializer)
    if (t.values) names.insert(or_default(t.values->name));
  return names;
}

std::unordered_set<std::string_view> outputs(const onnx::Graph* g) {
  std::unordered_set<std::string_view> names;
  if (g)
    for (const auto& o : g->output) names.insert(or_default(o.name));
  return names;
}

// Each binding gives an initializer (of the model's graph or the algorithm) the value of an output.
void check_bindings(Report& r, const std::vector<onnx::StringStringEntry>& bindings,
                    const onnx::TrainingInfo& info, const onnx::Graph* source, const std::string& at) {
  const auto made = outputs(source);
  const auto main = initializers(r.model.graph.get()), own = initializers(info.algorithm.get());
  std::unordered_set<std::string_view> bound;
  for (size_t i = 0; i < bindings.size(); ++i) {
    const std::string where = cat(at, "[", i, "]");
    const std::string_view key = or_default(bindings[i].key), value = or_default(bindings[i].value);
    if (!bound.insert(key).second)
      r.add("E0902", where, cat(quoted(key), " is bound a second time"), "one binding an initializer");
    if (!main.count(key) && !own.count(key))
      r.add("E0903", where, cat(quoted(key), " is no initializer"),
            "an initializer of the graph or the algorithm");
    if (!made.count(value))
      r.add("E0904", where, cat(quoted(value), " is no output of the graph that makes it"), "an output");
  }
}

void check_devices(Report& r, const onnx::Node& n, const std::string& at) {
  for (size_t i = 0; i < n.device_configurations.size(); ++i) {
    const auto& c = n.device_configurations[i];
    const std::string where = cat(at, ".device_configurations[", i, "]");
    const onnx::DeviceConfiguration* found = nullptr;
    for (const auto& d : r.model.configuration)
      if (or_default(d.name) == or_default(c.configuration_id)) found = &d;
    if (!found) {
      r.add("E0906", where, cat("no configuration ", quoted(or_default(c.configuration_id))),
            "the name of a configuration of the model");
      continue;
    }
    for (const auto& spec : c.sharding_spec) {
      const std::string_view name = or_default(spec.tensor_name);
      bool own = false;
      for (onnx::Text t : n.input) own |= t == name;
      for (onnx::Text t : n.output) own |= t == name;
      if (!own)
        r.add("E0907", where, cat("tensor ", quoted(name), " is neither input nor output of the node"),
              "a tensor of the node");
    }
  }
}

}  // namespace

void check_training(Report& r) {
  for (size_t i = 0; i < r.model.training_info.size(); ++i) {
    const onnx::TrainingInfo& info = r.model.training_info[i];
    const std::string at = cat("training_info[", i, "]");
    if (!info.algorithm) r.add("E0901", at, "no algorithm", "a graph");
    // Training graphs see the names of the model's graph.
    Names model_names;
    if (r.model.graph) {
      for (const auto& in : r.model.graph->input) model_names.own.insert(or_default(in.name));
      for (std::string_view name : initializers(r.model.graph.get())) model_names.own.insert(name);
      for (const onnx::Node& n : r.model.graph->node)
        model_names.own.insert(n.output.begin(), n.output.end());
    }
    if (info.initialization)
      check_graph(r, *info.initialization, cat(at, ".initialization"), Place{&r.opsets}, nullptr);
    if (info.algorithm)
      check_graph(r, *info.algorithm, cat(at, ".algorithm"), Place{&r.opsets}, &model_names);
    check_bindings(r, info.initialization_binding, info, info.initialization.get(),
                   cat(at, ".initialization_binding"));
    check_bindings(r, info.update_binding, info, info.algorithm.get(), cat(at, ".update_binding"));
  }
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < r.model.configuration.size(); ++i) {
    const auto& c = r.model.configuration[i];
    const std::string at = cat("configuration[", i, "] ", quoted(or_default(c.name)));
    if (or_default(c.name).empty() || !names.insert(or_default(c.name)).second)
      r.add("E0905", at, "no name, or one used before", "a unique name");
    if (or_default(c.num_devices) < 1 ||
        (!c.device.empty() && c.device.size() != static_cast<size_t>(or_default(c.num_devices))))
      r.add("E0905", at, cat(or_default(c.num_devices), " devices, ", c.device.size(), " of them named"),
            "as many names as devices, or none");
  }
}

void check_annotations(Report& r, const onnx::Graph& g, const std::string& at, const Names& names) {
  for (size_t i = 0; i < g.quantization_annotation.size(); ++i) {
    const auto& a = g.quantization_annotation[i];
    const std::string where = cat(at, ".quantization_annotation[", i, "]");
    if (!names.has(or_default(a.tensor_name)))
      r.add("W0908", where, cat("tensor ", quoted(or_default(a.tensor_name)), " is not in the graph"),
            "a value of the graph");
    for (const auto& entry : a.quant_parameter_tensor_names)
      if (!names.has(or_default(entry.value)))
        r.add("W0908", where, cat("parameter ", quoted(or_default(entry.value)), " is not in the graph"),
              "an initializer");
  }
  for (const onnx::Node& n : g.node) check_devices(r, n, r.node_places[&n]);
}

}  // namespace ow::check
