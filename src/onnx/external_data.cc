#include "onnx/external_data.h"

#include <charconv>

namespace ow::onnx {
namespace {

Result<uint64_t> decimal(Text key, Text value) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number > INT64_MAX)
    return invalid_model("external data '", key, "' is '", printable(value), "', expected a number of bytes");
  return number;
}

}  // namespace

Result<ExternalLocation> external_location(const Tensor& tensor) {
  ExternalLocation out;
  bool has_location = false, has_offset = false;
  for (const StringStringEntry& entry : tensor.external_data) {
    Text key = or_default(entry.key), value = or_default(entry.value);
    bool repeated = false;
    if (key == "location") {
      repeated = std::exchange(has_location, true);
      out.location = value;
    } else if (key == "offset") {
      repeated = std::exchange(has_offset, true);
      out.offset_bytes = ONWARD_TRY(decimal(key, value));
    } else if (key == "length") {
      repeated = out.length_bytes.has_value();
      out.length_bytes = ONWARD_TRY(decimal(key, value));
    } else if (key != "checksum" && key != "basepath") {
      return invalid_model("external data has the key '", printable(key),
                           "', expected location, offset, length or checksum");
    }
    if (repeated) return invalid_model("external data has the key '", key, "' twice");
  }
  if (!has_location) return invalid_model("data_location is EXTERNAL, but external_data has no 'location'");
  return out;
}

void ExternalFiles::put(std::string location, std::span<const std::byte> bytes) {
  std::lock_guard lock(mutex_);
  files_.insert_or_assign(std::move(location), MappedFile::borrow(bytes));
}

void ExternalFiles::let_go(std::span<const std::byte> bytes) const {
  std::lock_guard lock(mutex_);
  for (const auto& [location, file] : files_) file->let_go(bytes);
}

Result<std::shared_ptr<MappedFile>> ExternalFiles::open(Text location) const {
  std::lock_guard lock(mutex_);
  if (auto found = files_.find(location); found != files_.end()) return found->second;
  if (folder_.empty())
    return invalid_argument(
        "external data '", printable(location),
        "' cannot be read: the model was loaded from memory; name its folder when loading");
  auto file = ONWARD_TRY(MappedFile::open_beneath(folder_, location));
  files_.emplace(std::string(location), file);
  return file;
}

}  // namespace ow::onnx
