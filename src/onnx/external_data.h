// The files beside a model that hold the bytes of its large tensors (TensorProto.external_data).
//
// A tensor names its bytes by key and value: `location` (a path relative to the model's folder), `offset` and
// `length` in bytes (decimal; absent: from the start, as long as the tensor needs), `checksum` (SHA1 of the
// file; accepted and kept, not verified, as in every other tool). `basepath` is written by the official
// Python package for its own use and ignored. Any other key is refused.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/file.h"
#include "onnx/model.h"

namespace ow::onnx {

struct ExternalLocation {
  Text location;
  uint64_t offset_bytes = 0;
  std::optional<uint64_t> length_bytes;
};

// Errors: InvalidModel (no location, unknown or repeated key, offset or length no decimal number).
Result<ExternalLocation> external_location(const Tensor& tensor);

// Opens each file once and keeps it mapped. Safe to use from several threads.
class ExternalFiles {
 public:
  // Files are looked up beneath `folder` only; empty: there is no folder, so `open` always fails.
  explicit ExternalFiles(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }

  // `location` is these bytes from now on, which outlive this object, and is not looked up.
  void put(std::string location, std::span<const std::byte> bytes);

  // Errors: those of MappedFile::open_beneath, or InvalidArgument without a folder.
  Result<std::shared_ptr<MappedFile>> open(Text location) const;
  // MappedFile::let_go for whichever file they are in.
  void let_go(std::span<const std::byte> bytes) const;

 private:
  const std::string folder_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<MappedFile>, std::less<>> files_;
};

}  // namespace ow::onnx
