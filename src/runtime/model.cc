#include "runtime/session.h"

namespace ow {

Result<std::shared_ptr<Model>> Model::load(const std::string& path) {
  auto file = ONWARD_TRY(onnx::load(path));
  auto model = make(std::move(file));
  if (!model.ok()) return model.take_status().context(path);
  return model;
}

Result<std::shared_ptr<Model>> Model::load_bytes(std::span<const std::byte> bytes,
                                                 const std::string& folder) {
  return make(ONWARD_TRY(onnx::load_bytes(bytes, folder)));
}

Result<std::shared_ptr<Model>> Model::make(std::shared_ptr<onnx::ModelFile> file) {
  ImportedModel imported = ONWARD_TRY(import_model(file));
  auto model = std::make_shared<Model>();
  model->file_ = std::move(file);
  const ir::Graph& g = *imported.graph;
  for (const ir::Value* v : g.inputs())
    model->inputs_.push_back({v->name(), v->type(), v->default_value.has_value()});
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    const ir::Value* v = g.outputs()[i];
    // Names of sizes come from what the file declares; known sizes from inference, which does not guess.
    ir::Type type = ir::merge(v->type(), imported.declared_outputs[i]);
    const onnx::Text name = onnx::or_default(model->file_->model.graph->output[i].name);
    model->outputs_.push_back({std::string(name), std::move(type), false});
  }
  model->fresh_ = std::move(imported.graph);
  return model;
}

Result<std::shared_ptr<ir::Graph>> Model::graph() {
  {
    std::lock_guard lock(mutex_);
    if (fresh_) return std::move(fresh_);
  }
  ImportedModel imported = ONWARD_TRY(import_model(file_));
  return std::move(imported.graph);
}

}  // namespace ow
