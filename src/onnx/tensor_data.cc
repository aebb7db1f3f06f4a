#include "onnx/tensor_data.h"

#include <cstring>
#include <limits>

#include "base/checked.h"
#include "onnx/element_type.h"

namespace ow::onnx {
namespace {

// The typed field that holds a type.
enum class DataField { kFloat, kInt32, kString, kInt64, kDouble, kUint64, kRaw };

const char* field_name(DataField field) {
  switch (field) {
    case DataField::kFloat:
      return "float_data";
    case DataField::kInt32:
      return "int32_data";
    case DataField::kString:
      return "string_data";
    case DataField::kInt64:
      return "int64_data";
    case DataField::kDouble:
      return "double_data";
    case DataField::kUint64:
      return "uint64_data";
    case DataField::kRaw:
      return "raw_data";
  }
  return "";
}

DataField typed_field(int32_t data_type) {
  switch (data_type) {
    case Tensor::FLOAT:
    case Tensor::COMPLEX64:
      return DataField::kFloat;
    case Tensor::DOUBLE:
    case Tensor::COMPLEX128:
      return DataField::kDouble;
    case Tensor::INT64:
      return DataField::kInt64;
    case Tensor::UINT32:
    case Tensor::UINT64:
      return DataField::kUint64;
    case Tensor::STRING:
      return DataField::kString;
    default:
      return DataField::kInt32;
  }
}

// The data fields that hold something.
std::vector<DataField> filled_fields(const Tensor& t) {
  std::vector<DataField> filled;
  if (!t.float_data.empty()) filled.push_back(DataField::kFloat);
  if (!t.int32_data.empty()) filled.push_back(DataField::kInt32);
  if (!t.string_data.empty()) filled.push_back(DataField::kString);
  if (!t.int64_data.empty()) filled.push_back(DataField::kInt64);
  if (!t.double_data.empty()) filled.push_back(DataField::kDouble);
  if (!t.uint64_data.empty()) filled.push_back(DataField::kUint64);
  if (t.raw_data && !t.raw_data->empty()) filled.push_back(DataField::kRaw);
  return filled;
}

Status wrong_count(DataField field, size_t found, size_t expected, const TensorData& d, const char* unit) {
  return invalid_model(field_name(field), " has ", found, " ", unit, ", expected ", expected, " for ",
                       element_type_text(d.data_type), " ", list_text(d.dims));
}

// A typed field whose entries have the layout of raw_data already.
template <class T>
Status copy_entries(const std::vector<T>& entries, size_t expected_bytes, DataField field, TensorData& d) {
  if (entries.size() != expected_bytes / sizeof(T))
    return wrong_count(field, entries.size(), expected_bytes / sizeof(T), d, "entries");
  d.owned.resize(expected_bytes);
  if (expected_bytes) std::memcpy(d.owned.data(), entries.data(), expected_bytes);
  return {};
}

// The low `width` bytes of each entry, which must not hold more than that.
template <class T>
Status narrow_entries(const std::vector<T>& entries, size_t width, size_t expected_bytes, DataField field,
                      TensorData& d) {
  if (entries.size() != expected_bytes / width)
    return wrong_count(field, entries.size(), expected_bytes / width, d, "entries");
  int bits = static_cast<int>(width) * 8;
  d.owned.resize(expected_bytes);
  for (size_t i = 0; i < entries.size(); ++i) {
    T v = entries[i];
    bool fits = bits == 8 * sizeof(T) || (v >> bits) == 0;
    // Negative values: signed types hold numbers, float types may hold a sign-extended bit pattern.
    if constexpr (std::is_signed_v<T>) fits = fits || (v < 0 && (v >> (bits - 1)) == -1);
    if (!fits)
      return invalid_model(field_name(field), "[", i, "] is ", v, ", which does not fit ",
                           element_type_text(d.data_type));
    std::memcpy(d.owned.data() + i * width, &v, width);
  }
  return {};
}

// 2- and 4-bit types in int32_data: a byte an entry, or four.
Status unpack_entries(const std::vector<int32_t>& entries, size_t expected_bytes, TensorData& d) {
  if (entries.size() == (expected_bytes + 3) / 4 && entries.size() != expected_bytes) {
    d.owned.resize(expected_bytes);
    std::memcpy(d.owned.data(), entries.data(), expected_bytes);
    return {};
  }
  return narrow_entries(entries, 1, expected_bytes, DataField::kInt32, d);
}

Status check_bools(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i)
    if (static_cast<unsigned char>(bytes[i]) > 1)
      return invalid_model("element ", i, " of a bool tensor is ", static_cast<unsigned char>(bytes[i]),
                           ", expected 0 or 1");
  return {};
}

Status read_typed(const Tensor& t, DataField field, size_t expected_bytes, TensorData& d) {
  switch (field) {
    case DataField::kFloat:
      return copy_entries(t.float_data, expected_bytes, field, d);
    case DataField::kDouble:
      return copy_entries(t.double_data, expected_bytes, field, d);
    case DataField::kInt64:
      return copy_entries(t.int64_data, expected_bytes, field, d);
    case DataField::kUint64:
      return narrow_entries(t.uint64_data, static_cast<size_t>(element_bits(d.data_type) / 8), expected_bytes,
                            field, d);
    case DataField::kInt32:
      if (d.data_type == Tensor::INT32) return copy_entries(t.int32_data, expected_bytes, field, d);
      if (element_bits(d.data_type) < 8) return unpack_entries(t.int32_data, expected_bytes, d);
      return narrow_entries(t.int32_data, static_cast<size_t>(element_bits(d.data_type) / 8), expected_bytes,
                            field, d);
    case DataField::kString:
    case DataField::kRaw:
      break;
  }
  return internal_error("field ", field_name(field), " is not numeric");
}

Status read_external(const Tensor& t, const ExternalFiles* files, size_t expected_bytes, TensorData& d) {
  ExternalLocation where = ONWARD_TRY(external_location(t));
  if (where.length_bytes && *where.length_bytes != expected_bytes)
    return invalid_model("external data '", printable(where.location), "' says length ", *where.length_bytes,
                         ", expected ", expected_bytes, " bytes for ", element_type_text(d.data_type), " ",
                         list_text(d.dims));
  if (!files)
    return invalid_argument("external data '", printable(where.location),
                            "' cannot be read here: no folder is known");
  auto file = ONWARD_TRY(files->open(where.location));
  std::string_view all = file->text();
  if (where.offset_bytes > all.size() || expected_bytes > all.size() - where.offset_bytes)
    return invalid_model("external data '", printable(where.location), "' has ", all.size(),
                         " bytes, expected ", expected_bytes, " at offset ", where.offset_bytes);
  d.view = all.substr(where.offset_bytes, expected_bytes);
  d.file = std::move(file);
  return {};
}

Status read_strings(const Tensor& t, TensorData& d) {
  if (static_cast<int64_t>(t.string_data.size()) != d.element_count)
    return wrong_count(DataField::kString, t.string_data.size(), static_cast<size_t>(d.element_count), d,
                       "entries");
  d.strings = t.string_data;
  return {};
}

// Which field holds the payload, by the rule "exactly one, and the right one".
Result<DataField> payload_field(const Tensor& t, const TensorData& d) {
  std::vector<DataField> filled = filled_fields(t);
  if (filled.size() > 1)
    return invalid_model("both ", field_name(filled[0]), " and ", field_name(filled[1]),
                         " hold data, expected one of them");
  if (filled.empty()) {
    if (d.element_count == 0) return typed_field(d.data_type);
    return invalid_model("no field holds data, expected ", d.element_count, " elements of ",
                         element_type_text(d.data_type));
  }
  if (filled[0] == DataField::kRaw) {
    if (d.data_type == Tensor::STRING) return invalid_model("strings are in raw_data, expected string_data");
  } else if (filled[0] != typed_field(d.data_type)) {
    return invalid_model(field_name(filled[0]), " holds data, expected ",
                         field_name(typed_field(d.data_type)), " or raw_data for ",
                         element_type_text(d.data_type));
  }
  return filled[0];
}

Status read_payload(const Tensor& t, const ExternalFiles* files, TensorData& d) {
  d.data_type = or_default(t.data_type);
  d.dims = t.dims;
  if (t.segment)
    return invalid_model("is a segment of a larger tensor, which no version of ONNX defines how to join");
  if (d.data_type == Tensor::UNDEFINED || element_type_name(d.data_type).empty())
    return invalid_model("data_type is ", element_type_text(d.data_type), ", expected one of 1 .. 26");
  auto count = checked_product(d.dims);
  if (!count) return invalid_model("dims ", list_text(d.dims), " are negative or their product overflows");
  d.element_count = *count;
  if (t.data_location && *t.data_location != Tensor::DEFAULT && *t.data_location != Tensor::EXTERNAL)
    return invalid_model("data_location is ", *t.data_location, ", expected 0 (DEFAULT) or 1 (EXTERNAL)");

  size_t expected_bytes = 0;
  if (d.data_type != Tensor::STRING)
    expected_bytes = static_cast<size_t>(ONWARD_TRY(payload_bytes(d.data_type, d.dims)));
  if (t.is_external()) {
    if (auto filled = filled_fields(t); !filled.empty())
      return invalid_model(field_name(filled[0]), " holds data although data_location is EXTERNAL");
    if (d.data_type == Tensor::STRING) return invalid_model("strings are external, expected string_data");
    ONWARD_TRY(read_external(t, files, expected_bytes, d));
  } else {
    DataField field = ONWARD_TRY(payload_field(t, d));
    if (field == DataField::kString) return read_strings(t, d);
    if (field == DataField::kRaw) {
      d.view = *t.raw_data;
      if (d.view.size() != expected_bytes)
        return wrong_count(field, d.view.size(), expected_bytes, d, "bytes");
    } else {
      ONWARD_TRY(read_typed(t, field, expected_bytes, d));
    }
  }
  return d.data_type == Tensor::BOOL ? check_bools(d.bytes()) : Status();
}

}  // namespace

Result<int64_t> payload_bytes(int32_t data_type, std::span<const int64_t> dims) {
  int bits = element_bits(data_type);
  if (bits == 0) return invalid_model(element_type_text(data_type), " has no fixed size");
  auto count = checked_product(dims);
  if (!count) return invalid_model("dims ", list_text(dims), " are negative or their product overflows");
  auto total = checked_mul<int64_t>(*count, bits);
  if (!total || *total > std::numeric_limits<int64_t>::max() - 7)
    return invalid_model("dims ", list_text(dims), " of ", element_type_text(data_type), " overflow");
  return (*total + 7) / 8;
}

Result<TensorData> tensor_data(const Tensor& tensor, const ExternalFiles* files) {
  TensorData data;
  Status status = read_payload(tensor, files, data);
  if (!status.ok())
    return std::move(status).context(cat("tensor '", printable(or_default(tensor.name)), "'"));
  return data;
}

Result<TensorData> tensor_data(const Tensor& tensor, const ModelFile& file) {
  std::shared_ptr<const void> held;
  if (tensor.raw_data) held = ONWARD_TRY(file.hold(*tensor.raw_data));
  TensorData data = ONWARD_TRY(tensor_data(tensor, &file.external_files()));
  data.held = std::move(held);
  return data;
}

}  // namespace ow::onnx
