#include "tools/intermediates.h"

#include <map>

#include "apps/file.h"

namespace onward::tools {

using ow::onnx::or_default;

std::shared_ptr<ow::onnx::ModelFile> load_file(const std::string& path) {
  auto file = ow::onnx::load(path);
  if (!file.ok()) throw apps::FileError(std::string(file.status().message()));
  if (!(*file)->model.graph) throw apps::FileError(path + ": the model has no graph");
  return *std::move(file);
}

std::vector<NodeNames> nodes_of(const ow::onnx::Model& model) {
  std::vector<NodeNames> out;
  for (const ow::onnx::Node& n : model.graph->node) {
    NodeNames& names = out.emplace_back();
    names.name = or_default(n.name);
    const std::string domain(or_default(n.domain));
    names.op_type =
        (domain.empty() || domain == "ai.onnx" ? "" : domain + ".") + std::string(or_default(n.op_type));
    for (ow::onnx::Text t : n.input)
      if (!t.empty()) names.inputs.emplace_back(t);
    for (ow::onnx::Text t : n.output)
      if (!t.empty()) names.outputs.emplace_back(t);
  }
  return out;
}

ow::onnx::Model with_outputs(const ow::onnx::ModelFile& file, const std::vector<std::string>& names) {
  ow::onnx::Model model = file.model;
  std::map<std::string, ow::onnx::ValueInfo, std::less<>> known;
  for (auto* list : {&model.graph->value_info, &model.graph->output})
    for (const ow::onnx::ValueInfo& info : *list)
      known.insert_or_assign(std::string(or_default(info.name)), info);
  model.graph->output.clear();
  for (const std::string& name : names) {
    ow::onnx::ValueInfo info;
    if (const auto it = known.find(name); it != known.end()) info = it->second;
    info.name = name;
    model.graph->output.push_back(std::move(info));
  }
  return model;
}

Model model_with_outputs(const ow::onnx::ModelFile& file, const std::vector<std::string>& names) {
  auto bytes = ow::onnx::serialize(with_outputs(file, names));
  if (!bytes.ok()) throw std::runtime_error(std::string(bytes.status().message()));
  return Model(std::as_bytes(std::span(bytes->data(), bytes->size())),
               ModelOptions{.external_data_folder = file.external_files().folder()});
}

}  // namespace onward::tools
