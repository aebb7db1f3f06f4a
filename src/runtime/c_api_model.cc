// The C interface: models and their types.
#include <filesystem>

#include "onnx/text.h"
#include "runtime/c_api.h"

namespace ow::capi {
namespace {

std::string text(const std::optional<onnx::Text>& t) { return std::string(onnx::or_default(t)); }

onward_kind kind_of(const ir::Type& t) {
  switch (t.kind) {
    case ir::Type::Kind::kTensor:
      return ONWARD_TENSOR;
    case ir::Type::Kind::kSequence:
      return ONWARD_SEQUENCE;
    case ir::Type::Kind::kMap:
      return ONWARD_MAP;
    case ir::Type::Kind::kSparseTensor:
      return ONWARD_SPARSE_TENSOR;
    case ir::Type::Kind::kOptional:
      return ONWARD_OPTIONAL;
    case ir::Type::Kind::kOpaque:
      return ONWARD_OPAQUE;
    default:
      return ONWARD_NOTHING;
  }
}

// The part of the file's type that describes the elements of a container.
const onnx::Type* element_of(const onnx::Type* t) {
  if (!t) return nullptr;
  if (t->sequence_type && t->sequence_type->elem_type) return &*t->sequence_type->elem_type;
  if (t->optional_type && t->optional_type->elem_type) return &*t->optional_type->elem_type;
  if (t->map_type && t->map_type->value_type) return &*t->map_type->value_type;
  return nullptr;
}

std::string dim_denotation(const onnx::Type* t, size_t i) {
  const onnx::Type::Tensor* tensor = !t                      ? nullptr
                                     : t->tensor_type        ? &*t->tensor_type
                                     : t->sparse_tensor_type ? &*t->sparse_tensor_type
                                                             : nullptr;
  if (!tensor || !tensor->shape || i >= tensor->shape->dim.size()) return {};
  return text(tensor->shape->dim[i].denotation);
}

std::unique_ptr<onward_type> make_type(const ir::Type& type, const onnx::Type* proto) {
  auto out = std::make_unique<onward_type>();
  out->type = type;
  out->text = type.text();
  if (proto) out->denotation = text(proto->denotation);
  const size_t rank = type.shape ? type.shape->size() : 0;
  for (size_t i = 0; i < rank; ++i) {
    const Dim& dim = (*type.shape)[i];
    out->dims.push_back(dim.constant().value_or(-1));
    out->names.push_back(dim.is_constant() || dim.is_unknown() ? "" : dim.text());
    out->denotations.push_back(dim_denotation(proto, i));
  }
  for (size_t i = 0; i < rank; ++i) {
    out->name_pointers.push_back(out->names[i].c_str());
    out->denotation_pointers.push_back(out->denotations[i].c_str());
  }
  if (type.element) out->element = make_type(*type.element, element_of(proto));
  return out;
}

Status finish_load(Result<std::shared_ptr<Model>> loaded, onward_model** out) {
  auto made = std::make_unique<onward_model>();
  made->model = ONWARD_TRY(std::move(loaded));
  const auto& proto = made->model->file().model;
  made->inputs = describe(made->model->inputs(), proto.graph->input);
  made->outputs = describe(made->model->outputs(), proto.graph->output);
  made->fields = {{"producer_name", text(proto.producer_name)},
                  {"producer_version", text(proto.producer_version)},
                  {"domain", text(proto.domain)},
                  {"doc_string", text(proto.doc_string)},
                  {"graph_name", text(proto.graph->name)},
                  {"graph_doc_string", text(proto.graph->doc_string)},
                  {"ir_version", cat(onnx::or_default(proto.ir_version))},
                  {"model_version", cat(onnx::or_default(proto.model_version))}};
  for (const auto& entry : proto.metadata_props)
    made->metadata.emplace_back(text(entry.key), text(entry.value));
  for (const auto& entry : proto.opset_import)
    made->opsets.emplace_back(text(entry.domain), onnx::or_default(entry.version));
  *out = made.release();
  return {};
}

}  // namespace

std::vector<Port> describe(const std::vector<PortInfo>& ports, const std::vector<onnx::ValueInfo>& infos) {
  std::vector<Port> out;
  for (const PortInfo& p : ports) {
    const onnx::ValueInfo* info = nullptr;
    for (const onnx::ValueInfo& candidate : infos)
      if (onnx::or_default(candidate.name) == p.name) info = &candidate;
    out.push_back({p.name, info ? text(info->doc_string) : "", p.is_optional,
                   make_type(p.type, info && info->type ? &*info->type : nullptr)});
  }
  return out;
}

Status fill_info(const std::vector<Port>& ports, size_t i, onward_value_info* out) {
  if (!out) return null_argument("info");
  if (i >= ports.size()) return invalid_argument("index ", i, " is outside ", ports.size(), " values");
  const Port& p = ports[i];
  const onward_type* held = p.type.get();
  while (held->type.kind == ir::Type::Kind::kOptional && held->element) held = held->element.get();
  onward_value_info info{};
  // A size of 0 was taken for the whole struct while it was the one of version 1.
  info.size = std::min(out->size ? out->size : offsetof(onward_value_info, type), sizeof info);
  info.name = p.name.c_str();
  info.type_text = p.type->text.c_str();
  info.kind = kind_of(held->type) == ONWARD_OPTIONAL ? ONWARD_NOTHING : kind_of(held->type);
  info.dtype = static_cast<onward_dtype>(p.type->type.dtype);
  info.has_rank = p.type->type.shape.has_value();
  info.rank = p.type->dims.size();
  info.dims = p.type->dims.data();
  info.dim_names = p.type->name_pointers.data();
  info.is_optional = p.is_optional;
  info.type = p.type.get();
  info.doc_string = p.doc_string.c_str();
  std::memcpy(out, &info, info.size);
  return {};
}

onward_status* type_describe(const onward_type* t, onward_type_info* out) {
  return guarded([&]() -> Status {
    if (!t || !out) return null_argument(t ? "info" : "type");
    if (out->size < sizeof(size_t)) return invalid_argument("onward_type_info: size is ", out->size);
    onward_type_info info{};
    info.size = std::min(out->size, sizeof info);
    info.kind = kind_of(t->type);
    info.dtype = static_cast<onward_dtype>(t->type.dtype);
    info.has_rank = t->type.shape.has_value();
    info.rank = t->dims.size();
    info.dims = t->dims.data();
    info.dim_names = t->name_pointers.data();
    info.dim_denotations = t->denotation_pointers.data();
    info.denotation = t->denotation.c_str();
    info.text = t->text.c_str();
    info.element = t->element.get();
    std::memcpy(out, &info, info.size);
    return {};
  });
}

namespace {

bool is_missing(const char* path) {
  std::error_code error;
  return std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
}

onward_status* with_detail(onward_status* status, LoadStage failed, const char* path) {
  if (!status) return status;
  if (status->code == Code::kIo && failed == LoadStage::kRead && path && is_missing(path))
    status->detail = ONWARD_DETAIL_NO_SUCH_FILE;
  if (status->code == Code::kInvalidModel && failed != LoadStage::kImport)
    status->detail = failed == LoadStage::kRead ? ONWARD_DETAIL_NOT_ONNX : ONWARD_DETAIL_NO_GRAPH;
  return status;
}

}  // namespace

onward_status* model_load(const char* path, const onward_model_options* options, onward_model** out) {
  LoadStage stage = LoadStage::kImport;
  onward_status* const status = guarded([&]() -> Status {
    if (!path || !out) return null_argument(path ? "model" : "path");
    return finish_load(Model::load(path, ONWARD_TRY(read_model_options(options)), &stage), out);
  });
  return with_detail(status, stage, path);
}

onward_status* model_load_bytes(const void* data, size_t bytes, const onward_model_options* options,
                                onward_model** out) {
  LoadStage stage = LoadStage::kImport;
  onward_status* const status = guarded([&]() -> Status {
    if (!data || !out) return null_argument(data ? "model" : "data");
    return finish_load(Model::load_bytes({static_cast<const std::byte*>(data), bytes},
                                         ONWARD_TRY(read_model_options(options)), &stage),
                       out);
  });
  return with_detail(status, stage, nullptr);
}

void model_free(onward_model* m) { delete m; }
size_t model_input_count(const onward_model* m) { return m ? m->inputs.size() : 0; }
size_t model_output_count(const onward_model* m) { return m ? m->outputs.size() : 0; }

onward_status* model_input(const onward_model* m, size_t i, onward_value_info* out) {
  return guarded([&] { return m ? fill_info(m->inputs, i, out) : null_argument("model"); });
}
onward_status* model_output(const onward_model* m, size_t i, onward_value_info* out) {
  return guarded([&] { return m ? fill_info(m->outputs, i, out) : null_argument("model"); });
}

const char* model_field(const onward_model* m, const char* name) {
  if (!m || !name) return nullptr;
  for (const auto& [key, value] : m->fields)
    if (key == name) return value.c_str();
  return nullptr;
}
size_t model_metadata_count(const onward_model* m) { return m ? m->metadata.size() : 0; }
const char* model_metadata_key(const onward_model* m, size_t i) {
  return m && i < m->metadata.size() ? m->metadata[i].first.c_str() : nullptr;
}
const char* model_metadata_value(const onward_model* m, size_t i) {
  return m && i < m->metadata.size() ? m->metadata[i].second.c_str() : nullptr;
}
size_t model_opset_count(const onward_model* m) { return m ? m->opsets.size() : 0; }
onward_status* model_opset(const onward_model* m, size_t i, const char** domain, int64_t* version) {
  return guarded([&]() -> Status {
    if (!m || !domain || !version) return null_argument(m ? "domain or version" : "model");
    if (i >= m->opsets.size())
      return invalid_argument("index ", i, " is outside ", m->opsets.size(), " opset imports");
    *domain = m->opsets[i].first.c_str();
    *version = m->opsets[i].second;
    return {};
  });
}

}  // namespace ow::capi
