// The C interface: reports on models that need not be valid.
#include "build_parts.h"
#include "passes/check/check.h"
#include "passes/inspect.h"
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

// Errors: InvalidArgument, or those of onnx::load.
Result<std::shared_ptr<onnx::ModelFile>> open(const onward_source* given) {
  const auto s = ONWARD_TRY(read_struct(given, "onward_source"));
  if ((s.path != nullptr) + (s.data != nullptr) + (s.model != nullptr) != 1)
    return invalid_argument("onward_source: exactly one of path, data and model is expected");
  const std::string folder = s.external_data_folder ? s.external_data_folder : "";
  if (s.path) return onnx::load(s.path, {}, folder);
  if (s.data) return onnx::load_bytes({static_cast<const std::byte*>(s.data), s.bytes}, folder);
  return s.model->model->shared_file();
}

Status not_here() { return unsupported("reports on models are not in this build"); }

}  // namespace

onward_status* inspect_json(const onward_source* source, const onward_inspect_options* options,
                            onward_text** out) {
  return guarded([&]() -> Status {
    if (!source || !out) return null_argument(source ? "text" : "source");
    const auto o = ONWARD_TRY(read_struct(options, "onward_inspect_options"));
    const auto sizes = ONWARD_TRY(read_sizes(o.dim_names, o.dim_sizes, o.dim_count));
    if constexpr (!build::kWhole) return not_here();
    *out = new_text(ONWARD_TRY(ow::inspect_json(ONWARD_TRY(open(source)), sizes)));
    return {};
  });
}

onward_status* check_json(const onward_source* source, const onward_check_options* options,
                          onward_text** out) {
  return guarded([&]() -> Status {
    if (!source || !out) return null_argument(source ? "text" : "source");
    const auto o = ONWARD_TRY(read_struct(options, "onward_check_options"));
    if constexpr (!build::kWhole) return not_here();
    auto file = open(source);
    if (!file.ok() && (file.status().code() == Code::kIo || file.status().code() == Code::kInvalidArgument))
      return file.take_status();
    *out = new_text(findings_json(file.ok() ? check_model(*file, {.full = o.full != 0})
                                            : std::vector<Finding>{unreadable_file(file.status())}));
    return {};
  });
}

}  // namespace ow::capi
