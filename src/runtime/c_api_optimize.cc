// The C interface: models written back as a session's options simplify them.
#include "base/file.h"
#include "build_parts.h"
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

using onnx::or_default;

const onnx::Tensor* initializer_named(const onnx::Graph& graph, onnx::Text name) {
  for (const onnx::Tensor& t : graph.initializer)
    if (or_default(t.name) == name) return &t;
  return nullptr;
}

void move_out(onnx::Tensor& t, onnx::ModelFile& file, const char* location, int64_t offset, int64_t bytes) {
  t.raw_data.reset();
  t.external_data.clear();
  for (const auto& [key, value] : {std::pair("location", std::string(location)),
                                   std::pair("offset", cat(offset)), std::pair("length", cat(bytes))}) {
    auto& entry = t.external_data.emplace_back();
    entry.key = key;
    entry.value = file.keep(value);
  }
  t.data_location = onnx::Tensor::EXTERNAL;
}

// Asks the caller about each initializer of numbers, and takes out of the model those that are elsewhere.
Status place_initializers(ExportedModel& made, const onward_save_options& to) {
  for (onnx::Tensor& t : made.file->model.graph->initializer) {
    if (!t.raw_data) continue;
    const onnx::Tensor* was = initializer_named(*made.source->model.graph, or_default(t.name));
    std::string was_in;
    int64_t offset = 0, bytes = 0;
    if (was && was->is_external()) {
      const auto found = ONWARD_TRY(onnx::external_location(*was));
      was_in = found.location;
      offset = static_cast<int64_t>(found.offset_bytes);
      bytes = static_cast<int64_t>(t.raw_data->size());
    }
    const onward_value value{ONWARD_TRY(import_tensor(t, made.file))};
    const char* location = was_in.empty() ? nullptr : was_in.c_str();
    const std::string name(or_default(t.name));
    const int32_t answer = to.place(to.place_user, name.c_str(), &value, &location, &offset, &bytes);
    if (answer == 0) continue;
    if (answer != 1) return invalid_argument("initializer '", printable(name), "' was given no place");
    if (!location || offset < 0 || bytes != static_cast<int64_t>(t.raw_data->size()))
      return invalid_argument("initializer '", printable(name), "' was placed at byte ", offset, " of '",
                              printable(location ? location : ""), "' with ", bytes, " bytes, it has ",
                              t.raw_data->size());
    move_out(t, *made.file, location, offset, bytes);
  }
  return {};
}

Status write(ExportedModel& made, const onward_save_options& to, onward_text** text) {
  if (to.path && !to.place)
    return save_exported(made, to.path, to.data_file ? to.data_file : "",
                         to.threshold_bytes ? to.threshold_bytes : 1024);
  if (to.place) ONWARD_TRY(place_initializers(made, to));
  std::string bytes = ONWARD_TRY(onnx::serialize(made.file->model));
  if (to.path) return write_file(to.path, std::vector<std::string_view>{bytes});
  *text = new_text(std::move(bytes));
  return {};
}

}  // namespace

onward_status* model_optimize(onward_model* m, const onward_session_options* options,
                              const onward_save_options* save, onward_text** text) {
  return guarded([&]() -> Status {
    const auto to = ONWARD_TRY(read_struct(save, "onward_save_options"));
    if (!m || (!to.path && !text)) return null_argument(m ? "path and text" : "model");
    if (to.threshold_bytes < 0) return invalid_argument("threshold_bytes is ", to.threshold_bytes);
    if (to.data_file && (!to.path || to.place))
      return invalid_argument("data_file needs a path to be beside of, and no place function");
    ExportedModel made = ONWARD_TRY(m->model->optimize(ONWARD_TRY(read_session_options(options))));
    if constexpr (build::kWhole) return write(made, to, text);
    return {};
  });
}

}  // namespace ow::capi
