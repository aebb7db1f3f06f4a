#include "build_parts.h"
#include "passes/import_value.h"
#include "passes/simplify.h"
#include "runtime/session.h"

namespace ow {
namespace {

void reached(LoadStage* stage, LoadStage now) {
  if (stage) *stage = now;
}

void put_files(onnx::ModelFile& file, const LoadOptions& options) {
  for (const auto& [location, bytes] : options.files) file.external_files().put(location, bytes);
}

}  // namespace

Result<std::shared_ptr<Model>> Model::load(const std::string& path, const LoadOptions& options,
                                           LoadStage* stage) {
  reached(stage, LoadStage::kRead);
  auto file = ONWARD_TRY(onnx::load(path, {}, options.folder));
  reached(stage, file->model.graph ? LoadStage::kImport : LoadStage::kImportNothing);
  put_files(*file, options);
  auto model = make(std::move(file), options);
  if (!model.ok()) return model.take_status().context(path);
  return model;
}

Result<std::shared_ptr<Model>> Model::load_bytes(std::span<const std::byte> bytes, const LoadOptions& options,
                                                 LoadStage* stage) {
  reached(stage, LoadStage::kRead);
  auto file = ONWARD_TRY(onnx::load_bytes(bytes, options.folder));
  reached(stage, file->model.graph ? LoadStage::kImport : LoadStage::kImportNothing);
  put_files(*file, options);
  return make(std::move(file), options);
}

Model::Import Model::describe(const onnx::ModelFile& file, ImportedModel imported) {
  Import out;
  const ir::Graph& g = *imported.graph;
  for (const ir::Value* v : g.inputs())
    out.inputs.push_back({v->name(), v->type(), v->default_value.has_value()});
  for (size_t i = 0; i < g.outputs().size(); ++i) {
    // Names of sizes come from what the file declares; known sizes from inference, which does not guess.
    const ir::Type& declared = imported.declared_outputs[i];
    const bool sparse = declared.kind == ir::Type::Kind::kSparseTensor && g.outputs()[i]->is_constant();
    ir::Type type = sparse ? declared : ir::merge(g.outputs()[i]->type(), declared);
    const onnx::Text name = onnx::or_default(file.model.graph->output[i].name);
    out.outputs.push_back({std::string(name), std::move(type), false});
  }
  out.graph = std::move(imported.graph);
  return out;
}

Result<std::shared_ptr<Model>> Model::make(std::shared_ptr<onnx::ModelFile> file,
                                           const LoadOptions& options) {
  auto model = std::make_shared<Model>();
  model->initializers_ = options.initializers;
  model->file_ = std::move(file);
  model->file_->hold_payloads();
  Import imported =
      describe(*model->file_,
               ONWARD_TRY(import_model(model->file_, {}, nullptr, {.initializers = options.initializers})));
  model->inputs_ = std::move(imported.inputs);
  model->outputs_ = std::move(imported.outputs);
  model->fresh_ = std::move(imported.graph);
  ONWARD_TRY(model->find_sparse_outputs());
  return model;
}

// In the graph a sparse initializer is a dense constant.
Status Model::find_sparse_outputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].type.kind != ir::Type::Kind::kSparseTensor) continue;
    for (const onnx::SparseTensor& t : file_->model.graph->sparse_initializer)
      if (t.values && onnx::or_default(t.values->name) == outputs_[i].name)
        sparse_outputs_.emplace(i, ONWARD_TRY(import_sparse(t, file_)));
  }
  return {};
}

Result<Model::Import> Model::import(ImportOverrides overrides) {
  if (overrides.empty()) {
    std::lock_guard lock(mutex_);
    if (fresh_) return Import{std::move(fresh_), inputs_, outputs_};
  }
  overrides.initializers.insert(initializers_.begin(), initializers_.end());
  return describe(*file_, ONWARD_TRY(import_model(file_, {}, nullptr, overrides)));
}

Result<ExportedModel> Model::optimize(const SessionOptions& options) const {
  if constexpr (!build::kWhole) return unsupported("writing models is not in this build");
  ImportOverrides overrides = options.overrides;
  overrides.initializers.insert(initializers_.begin(), initializers_.end());
  const ImportedModel imported = ONWARD_TRY(import_model(file_, {}, nullptr, overrides));
  ONWARD_TRY(simplify(*imported.graph, {.level = options.level, .skipped = options.skipped_passes}));
  return export_model(imported);
}

}  // namespace ow
