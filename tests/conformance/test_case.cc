#include "test_case.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "onnx/data_model.h"
#include "onnx/file.h"
#include "onnx/tensor_data.h"
#include "onnx/wire.h"

namespace ow {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> folders_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_directory()) found.push_back(entry.path());
  if (error) return io_error(folder, ": ", error.message());
  std::sort(found.begin(), found.end());
  return found;
}

Result<Value> to_value(const onnx::Tensor& proto) {
  const onnx::TensorData data = ONWARD_TRY(onnx::tensor_data(proto, nullptr));
  Tensor tensor = ONWARD_TRY(Tensor::allocate(static_cast<DType>(data.data_type), Shape(data.dims)));
  if (tensor.dtype() == DType::kString) {
    std::copy(data.strings.begin(), data.strings.end(), tensor.mutable_data<std::string>());
  } else if (!data.bytes().empty()) {
    std::memcpy(tensor.mutable_raw(), data.bytes().data(), data.bytes().size());
  }
  return Value(std::move(tensor));
}

Result<Value> to_value(const onnx::Optional& proto);

Result<Value> to_value(const onnx::Sequence& proto) {
  Sequence items;
  for (const auto& t : proto.tensor_values) items.push_back(ONWARD_TRY(to_value(t)));
  for (const auto& s : proto.sequence_values) items.push_back(ONWARD_TRY(to_value(s)));
  for (const auto& o : proto.optional_values) items.push_back(ONWARD_TRY(to_value(o)));
  if (!proto.map_values.empty() || !proto.sparse_tensor_values.empty())
    return unsupported("a sequence of maps or sparse tensors in test data");
  return Value(std::move(items));
}

Result<Value> to_value(const onnx::Optional& proto) {
  if (proto.tensor_value) return to_value(*proto.tensor_value);
  if (proto.sequence_value) return to_value(*proto.sequence_value);
  if (proto.optional_value) return to_value(*proto.optional_value);
  if (proto.map_value || proto.sparse_tensor_value)
    return unsupported("an optional map or sparse tensor in test data");
  return Value();
}

template <class Message>
Result<Value> read_as(std::string_view bytes) {
  Message message;
  ONWARD_TRY(onnx::read_message(bytes, message));
  return to_value(message);
}

// Data of ONNX up to 1.18 holds bfloat16 as its bits, in a tensor of uint16.
Result<Value> read_tensor(std::string_view bytes, const onnx::Type* declared) {
  onnx::Tensor message;
  ONWARD_TRY(onnx::read_message(bytes, message));
  const bool bfloat16 = declared && declared->tensor_type &&
                        declared->tensor_type->elem_type == static_cast<int32_t>(DType::kBfloat16);
  if (bfloat16 && message.data_type == static_cast<int32_t>(DType::kUint16))
    message.data_type = static_cast<int32_t>(DType::kBfloat16);
  return to_value(message);
}

Result<Value> read_file(const std::string& path, const onnx::ValueInfo& declared) {
  auto file = ONWARD_TRY(MappedFile::open(path));
  const onnx::Type* type = declared.type.get();
  auto value = type && type->optional_type   ? read_as<onnx::Optional>(file->text())
               : type && type->sequence_type ? read_as<onnx::Sequence>(file->text())
                                             : read_tensor(file->text(), type);
  if (!value.ok()) return value.take_status().context(path);
  return value;
}

// <kind>_0.pb, <kind>_1.pb, ... for the declared values, in their order.
Result<std::vector<NamedValue>> read_values(const fs::path& folder, const char* kind,
                                            const std::vector<const onnx::ValueInfo*>& declared) {
  std::vector<NamedValue> values;
  for (size_t i = 0;; ++i) {
    const fs::path path = folder / cat(kind, "_", i, ".pb");
    if (!fs::exists(path)) return values;
    if (i >= declared.size())
      return invalid_model(path.string(), ": the model declares only ", declared.size(), " ", kind, "s");
    Value value = ONWARD_TRY(read_file(path.string(), *declared[i]));
    values.push_back({std::string(onnx::or_default(declared[i]->name)), std::move(value)});
  }
}

// Inputs that a caller must give: those that no initializer fills.
std::vector<const onnx::ValueInfo*> free_inputs(const onnx::Graph& graph) {
  std::set<onnx::Text> filled;
  for (const auto& t : graph.initializer) filled.insert(onnx::or_default(t.name));
  std::vector<const onnx::ValueInfo*> inputs;
  for (const auto& v : graph.input)
    if (!filled.count(onnx::or_default(v.name))) inputs.push_back(&v);
  return inputs;
}

}  // namespace

Result<std::vector<TestCase>> find_cases(const std::string& suite_folder) {
  const std::string suite = fs::path(suite_folder).filename().string();
  std::vector<TestCase> cases;
  for (const fs::path& folder : ONWARD_TRY(folders_in(suite_folder)))
    if (fs::exists(folder / "model.onnx"))
      cases.push_back({suite, folder.filename().string(), folder.string()});
  if (cases.empty()) return io_error(suite_folder, ": no test cases, expected <name>/model.onnx");
  return cases;
}

Result<std::vector<DataSet>> read_data_sets(const TestCase& test) {
  auto file = ONWARD_TRY(onnx::load(test.folder + "/model.onnx"));
  if (!file->model.graph) return invalid_model(test.folder, "/model.onnx: no graph");
  const onnx::Graph& graph = *file->model.graph;
  std::vector<const onnx::ValueInfo*> outputs;
  for (const auto& v : graph.output) outputs.push_back(&v);
  std::vector<DataSet> sets;
  for (const fs::path& folder : ONWARD_TRY(folders_in(test.folder))) {
    if (!folder.filename().string().starts_with("test_data_set_")) continue;
    DataSet set{.name = folder.filename().string(), .inputs = {}, .outputs = {}};
    set.inputs = ONWARD_TRY(read_values(folder, "input", free_inputs(graph)));
    set.outputs = ONWARD_TRY(read_values(folder, "output", outputs));
    if (set.outputs.size() != outputs.size())
      return io_error(folder.string(), ": ", set.outputs.size(), " outputs, the model has ", outputs.size());
    sets.push_back(std::move(set));
  }
  if (sets.empty()) return io_error(test.folder, ": no test_data_set_* folder");
  return sets;
}

}  // namespace ow
