#include "onnx/file.h"

#include <filesystem>

#include "onnx/tensor_data.h"
#include "onnx/walk.h"

namespace ow::onnx {
namespace {

constexpr uint64_t kAlignmentBytes = 4096;
constexpr char kPadding[kAlignmentBytes] = {};

bool same_folder(const std::string& a, const std::string& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

// Moves payloads of one model into the message or into one data file. Owns what the edited tensors point to.
class DataMover {
 public:
  DataMover(const ExternalFiles* files, std::string location)
      : files_(files), location_(std::move(location)) {}

  Status inline_tensor(Tensor& t) {
    std::string_view bytes = ONWARD_TRY(take(t));
    t.external_data.clear();
    t.data_location.reset();
    t.raw_data = bytes;
    return {};
  }

  Status externalize(Tensor& t) {
    std::string_view bytes = ONWARD_TRY(take(t));
    uint64_t offset = (size_bytes_ + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
    if (offset > size_bytes_) parts_.emplace_back(kPadding, offset - size_bytes_);
    parts_.push_back(bytes);
    size_bytes_ = offset + bytes.size();
    t.float_data.clear();
    t.int32_data.clear();
    t.int64_data.clear();
    t.double_data.clear();
    t.uint64_data.clear();
    t.raw_data.reset();
    t.external_data.clear();
    add_entry(t, "location", location_);
    add_entry(t, "offset", cat(offset));
    add_entry(t, "length", cat(bytes.size()));
    t.data_location = Tensor::EXTERNAL;
    return {};
  }

  Status write(const std::string& folder) const {
    return parts_.empty() ? Status() : write_file(cat(folder, "/", location_), parts_);
  }

 private:
  Result<std::string_view> take(const Tensor& t) {
    payloads_.push_back(ONWARD_TRY(tensor_data(t, files_)));
    return payloads_.back().bytes();
  }
  void add_entry(Tensor& t, Text key, std::string value) {
    StringStringEntry& entry = t.external_data.emplace_back();
    entry.key = key;
    entry.value = values_.emplace_back(std::move(value));
  }

  const ExternalFiles* files_;
  std::string location_;
  std::deque<TensorData> payloads_;
  std::deque<std::string> values_;
  std::vector<std::string_view> parts_;
  uint64_t size_bytes_ = 0;
};

// Is the payload of an initializer large enough to move out?
bool worth_moving(const Tensor& t, int64_t threshold_bytes) {
  if (or_default(t.data_type) == Tensor::STRING || t.segment) return false;
  auto bytes = payload_bytes(or_default(t.data_type), t.dims);
  return bytes.ok() && *bytes >= threshold_bytes;
}

Status write_model(const Model& model, const std::string& path) {
  Encoded encoded = ONWARD_TRY(write_message(model));
  return write_file(path, encoded.parts);
}

Result<std::string> data_file_name(const std::string& path, const SaveOptions& options) {
  std::string name = options.location;
  if (name.empty()) name = cat(std::string_view(path).substr(path.rfind('/') + 1), ".data");
  if (name.find_first_of("/\\:") != name.npos || name == "." || name == ".." || name.size() > 255 ||
      name.find('\0') != name.npos)
    return invalid_argument("external data location '", printable(name), "' is no plain file name");
  if (same_folder(path, cat(folder_of(path), "/", name)) || cat(folder_of(path), "/", name) == path)
    return invalid_argument("external data location '", printable(name), "' is the model file itself");
  return name;
}

}  // namespace

Text ModelFile::keep(std::string text) {
  std::lock_guard lock(mutex_);
  return kept_.emplace_back(std::move(text));
}

Result<std::shared_ptr<ModelFile>> load(const std::string& path, const ReadLimits& limits,
                                        const std::string& folder) {
  auto file = std::make_shared<ModelFile>(folder.empty() ? folder_of(path) : folder);
  file->mapping_ = ONWARD_TRY(MappedFile::open(path));
  Status status = read_message(file->mapping_->text(), file->model, limits);
  if (!status.ok()) return std::move(status).context(path);
  return file;
}

Result<std::shared_ptr<ModelFile>> load_bytes(std::span<const std::byte> bytes, const std::string& folder,
                                              const ReadLimits& limits) {
  auto file = std::make_shared<ModelFile>(folder);
  Text text = file->keep(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  ONWARD_TRY(read_message(text, file->model, limits));
  return file;
}

Status save(const Model& model, const ExternalFiles* files, const std::string& path,
            const SaveOptions& options) {
  std::string folder = folder_of(path);
  bool in_place = files && !files->folder().empty() && same_folder(files->folder(), folder);
  bool any_external = false;
  ONWARD_TRY(for_each<Tensor>(model, [&](const Tensor& t, std::string_view) {
    any_external |= t.is_external();
    return Status();
  }));
  if (options.external_data != ExternalData::kExternal &&
      (!any_external || (options.external_data == ExternalData::kKeep && in_place)))
    return write_model(model, path);

  Model edited = model;
  DataMover mover(files, ONWARD_TRY(data_file_name(path, options)));
  ONWARD_TRY(for_each<Tensor>(edited, [&](Tensor& t, std::string_view field) {
    if (t.is_external())
      return options.external_data == ExternalData::kInline ? mover.inline_tensor(t) : mover.externalize(t);
    if (options.external_data == ExternalData::kExternal && field == "initializer" &&
        worth_moving(t, options.threshold_bytes))
      return mover.externalize(t);
    return Status();
  }));
  // Measured before anything is written, so that a message that is too large leaves no files behind.
  Encoded encoded = ONWARD_TRY(write_message(edited));
  ONWARD_TRY(mover.write(folder));
  return write_file(path, encoded.parts);
}

Status save(const ModelFile& file, const std::string& path, const SaveOptions& options) {
  return save(file.model, &file.external_files(), path, options);
}

Result<std::string> serialize(const Model& model) { return ONWARD_TRY(write_message(model)).joined(); }

}  // namespace ow::onnx
