// The payload of a TensorProto: one validated block of little-endian bytes, however the file spells it.
//
// The same tensor may come as raw_data, as a typed field (float_data, int32_data, ...) or as a part of an
// external file. All end here as the bytes raw_data would hold: elements in row-major order, 4-bit elements
// two to a byte and 2-bit elements four to a byte, the first in the lowest bits, the last byte padded.
//
// Typed fields hold (onnx.proto, TensorProto.DataType)
//   float_data   float, complex64 (re, im)        double_data  double, complex128 (re, im)
//   int64_data   int64                            uint64_data  uint64, uint32
//   int32_data   int32 and everything narrower: one element an entry, floats as bit patterns
//   string_data  string, never raw
// Packed types in int32_data are ambiguous in practice: one byte an entry (what the official packages write),
// or four. The count of entries tells which; where both counts are one, it is one byte.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "onnx/external_data.h"
#include "onnx/file.h"
#include "onnx/model.h"

namespace ow::onnx {

struct TensorData {
  int32_t data_type = 0;  // a defined Tensor::DataType
  std::vector<int64_t> dims;
  int64_t element_count = 0;
  // For STRING: one view an element, into the model; then `bytes()` is empty.
  std::vector<Text> strings;

  // ceil(element_count * bits / 8) bytes. A view into the mapped model, which must stay alive, into `file`,
  // or into memory of this object. Alignment: none for the mapped model; whatever the offset gives for
  // `file`.
  std::string_view bytes() const {
    return owned.empty() ? view : std::string_view(owned.data(), owned.size());
  }

  std::string_view view;
  std::vector<char> owned;
  std::shared_ptr<const MappedFile> file;  // the external file that `view` points into, if it does
  std::shared_ptr<const void> held;        // keeps raw_data in memory, where that is asked (ModelFile::hold)
};

// Errors: InvalidModel for anything that is not exactly the payload its type and dims ask for, with the
// tensor's name; Io or InvalidModel for an external file. Without `files` external data is an
// InvalidArgument.
Result<TensorData> tensor_data(const Tensor& tensor, const ExternalFiles* files);
Result<TensorData> tensor_data(const Tensor& tensor, const ModelFile& file);

// Bytes that a payload of this type and shape has. Errors: InvalidModel (negative dims, overflow, no fixed
// size).
Result<int64_t> payload_bytes(int32_t data_type, std::span<const int64_t> dims);

}  // namespace ow::onnx
