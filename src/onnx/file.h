// A model file in memory: the mapped bytes, the structs that point into them, and the text of later edits.
//
// Saving writes the message as protobuf's own serializers do. External data is laid out as the format asks:
// each tensor at a multiple of 4,096 bytes, so that it can be mapped by itself.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/file.h"
#include "base/status.h"
#include "onnx/external_data.h"
#include "onnx/model.h"
#include "onnx/wire.h"

namespace ow::onnx {

class ModelFile {
 public:
  // `folder`: where external data is; empty: nowhere.
  explicit ModelFile(std::string folder = {}) : external_files_(std::move(folder)) {}
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  // All its views live as long as this object.
  Model model;

  const ExternalFiles& external_files() const { return external_files_; }
  ExternalFiles& external_files() { return external_files_; }

  // MappedFile::let_go for this file or those of its external data.
  void let_go(std::span<const std::byte> bytes) const {
    if (mapping_) mapping_->let_go(bytes);
    external_files_.let_go(bytes);
  }

  // From now on payloads of tensors in the model's file (not in external ones) are only there for those who
  // hold them: who looks at them otherwise than by tensor_data(tensor, *this) may find zeros.
  void hold_payloads() { holds_payloads_ = true; }
  // MappedFile::hold for bytes of this file; null if payloads are not held.
  Result<std::shared_ptr<const void>> hold(std::string_view bytes) const {
    if (!holds_payloads_ || !mapping_) return std::shared_ptr<const void>();
    return mapping_->hold(std::as_bytes(std::span(bytes.data(), bytes.size())));
  }

  // Keeps a copy of `text` as long as this object lives: for names and data that an edit puts into `model`.
  // Safe to use from several threads.
  Text keep(std::string text);

 private:
  friend Result<std::shared_ptr<ModelFile>> load(const std::string&, const ReadLimits&, const std::string&);
  friend Result<std::shared_ptr<ModelFile>> load_bytes(std::span<const std::byte>, const std::string&,
                                                       const ReadLimits&);
  ExternalFiles external_files_;
  std::shared_ptr<MappedFile> mapping_;
  bool holds_payloads_ = false;
  std::mutex mutex_;
  std::deque<std::string> kept_;
};

// Maps and reads `path`; external data is opened beneath `folder` (empty: the file's own) when it is asked
// for, not now. Errors: Io, or those of read_message, with the path.
Result<std::shared_ptr<ModelFile>> load(const std::string& path, const ReadLimits& limits = {},
                                        const std::string& folder = {});

// Reads a copy of `bytes`. External data can be read only if `folder` is given.
Result<std::shared_ptr<ModelFile>> load_bytes(std::span<const std::byte> bytes,
                                              const std::string& folder = {}, const ReadLimits& limits = {});

enum class ExternalData {
  kKeep,    // tensors stay where they are; where the target is another folder, external ones are copied along
  kInline,  // everything into the model file
  kExternal,  // initializers of at least `threshold_bytes`, and what is external already, into one data file
};

struct SaveOptions {
  ExternalData external_data = ExternalData::kKeep;
  int64_t threshold_bytes = 1024;
  // Name of the data file beside the model; empty: the model's file name and ".data".
  std::string location = {};
};

// Writes `model` to `path`; each file appears whole or not at all, the data file first. `files` is where the
// model's external tensors are now (null: it has none).
// Errors: Io; LimitExceeded for a message of 2 GiB or more (says to use external data); InvalidArgument for a
// bad `location`; and, for tensors that are moved, those of tensor_data.
Status save(const Model& model, const ExternalFiles* files, const std::string& path,
            const SaveOptions& options = {});
Status save(const ModelFile& file, const std::string& path, const SaveOptions& options = {});

// The message as one string. Errors: LimitExceeded for 2 GiB or more.
Result<std::string> serialize(const Model& model);

}  // namespace ow::onnx
