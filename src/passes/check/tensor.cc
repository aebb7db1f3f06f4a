// TensorProto and SparseTensorProto: one payload, in the right field, of the right size.
#include "base/checked.h"
#include "onnx/element_type.h"
#include "onnx/tensor_data.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

using T = onnx::Tensor;

int filled_fields(const T& t) {
  return !t.float_data.empty() + !t.int32_data.empty() + !t.string_data.empty() + !t.int64_data.empty() +
         !t.double_data.empty() + !t.uint64_data.empty() + (t.raw_data && !t.raw_data->empty());
}

// IR versions that brought an element type.
int64_t ir_version_of_type(int32_t type) {
  if (type == T::UINT2 || type == T::INT2) return 13;
  if (type == T::FLOAT8E8M0) return 12;
  if (type == T::FLOAT4E2M1) return 11;
  if (type == T::UINT4 || type == T::INT4) return 10;
  if (type >= T::FLOAT8E4M3FN && type <= T::FLOAT8E5M2FNUZ) return 9;
  return 0;
}

// 2- and 4-bit elements as int32_data: official tools write one packed byte an entry.
void check_packing(Report& r, const T& t, const std::string& at, int64_t count) {
  const int bits = onnx::element_bits(*t.data_type);
  if (bits == 0 || bits >= 8 || t.int32_data.empty()) return;
  const auto bytes = static_cast<size_t>((count * bits + 7) / 8);
  if (t.int32_data.size() != bytes && t.int32_data.size() == (bytes + 3) / 4)
    r.add("W0411", at, cat(t.int32_data.size(), " entries of int32_data with four packed bytes each"),
          cat(bytes, " entries of one byte each, as the official package writes"), "use raw_data");
}

void check_payload(Report& r, const T& t, const std::string& at) {
  const auto count = checked_product(t.dims);
  if (!count)
    return r.add("E0403", at, cat("dims ", list_text(t.dims)),
                 "extents of 0 or more, whose product fits 63 bits");
  const int filled = filled_fields(t);
  if (t.is_external()) {
    if (filled)
      r.add("E0404", at, "data in the model beside data_location EXTERNAL", "one of the two",
            "clear the data field");
    if (*t.data_type == T::STRING) r.add("E0405", at, "strings as external data", "string_data");
    return check_external_data(r, t, at);
  }
  if (!t.external_data.empty())
    r.add("W0412", at, "external_data entries, but data_location is not EXTERNAL", "",
          "set data_location or clear external_data");
  if (*count == 0 && filled)
    return r.add("E0406", at, cat("data for ", list_text(t.dims)), "no data: the tensor has no elements");
  if (filled > 1) return r.add("E0407", at, "several data fields hold data", "exactly one");
  if (*count > 0 && !filled)
    return r.add("E0408", at, cat("no data for ", *count, " elements"),
                 "data in raw_data or the type's own field");
  if (*t.data_type == T::STRING && t.raw_data && !t.raw_data->empty())
    return r.add("E0405", at, "strings in raw_data", "string_data");
  check_packing(r, t, at, *count);
  auto data = onnx::tensor_data(t, r.file);
  if (!data.ok())
    return r.add("E0409", at, std::string(data.status().message()), "the payload that type and dims ask for");
  check_contents(r, t, at);
}

}  // namespace

void check_tensor(Report& r, const T& t, const std::string& at) {
  check_metadata(r, at, t.metadata_props);
  const int32_t type = or_default(t.data_type);
  if (type == T::UNDEFINED) return r.add("E0401", at, "data_type is missing", "an element type, 1 to 26");
  if (onnx::element_type_name(type).empty())
    return r.add("E0402", at, cat("data_type ", type), "an element type, 1 to 26");
  if (r.ir_version > 0 && r.ir_version < ir_version_of_type(type))
    r.add("W0114", at, cat(onnx::element_type_text(type), " at IR version ", r.ir_version),
          cat("IR version ", ir_version_of_type(type), " or newer"), "raise ir_version");
  if (t.segment) r.add("E0410", at, "a segment of a larger tensor", "a whole tensor");
  if (t.data_location && *t.data_location != T::DEFAULT && *t.data_location != T::EXTERNAL)
    r.add("E0413", at, cat("data_location ", *t.data_location), "0 (DEFAULT) or 1 (EXTERNAL)");
  check_payload(r, t, at);
}

namespace {

// Flat positions of the entries, or the finding that there are none.
void check_indices(Report& r, const onnx::SparseTensor& t, const onnx::TensorData& indices,
                   const std::string& at) {
  const int64_t count = t.values->dims[0];
  const auto rank = static_cast<int64_t>(t.dims.size());
  const bool flat = indices.dims.size() == 1, table = indices.dims.size() == 2;
  if (!flat && !table) return r.add("E0423", at, cat("indices of rank ", indices.dims.size()), "1 or 2");
  if (indices.dims[0] != count || (table && indices.dims[1] != rank))
    return r.add("E0424", at, cat("indices of shape ", list_text(indices.dims)),
                 flat ? cat("[", count, "]") : cat("[", count, ",", rank, "]"));
  const auto total = checked_product(t.dims);
  if (!total) return;
  int64_t before = -1;
  for (int64_t i = 0; i < count; ++i) {
    int64_t position = 0;
    for (int64_t k = 0; k < (flat ? 1 : rank); ++k) {
      int64_t index;
      __builtin_memcpy(&index, indices.bytes().data() + (flat ? i : i * rank + k) * 8, 8);
      const int64_t extent = flat ? *total : t.dims[static_cast<size_t>(k)];
      if (index < 0 || index >= extent)
        return r.add("E0425", at, cat("index ", index, " of entry ", i), cat("0 to ", extent - 1));
      position = flat ? index : position * extent + index;
    }
    if (position <= before)
      return r.add("E0426", at, cat("entry ", i, " is not after entry ", i - 1),
                   "indices in ascending order, each once");
    before = position;
  }
}

}  // namespace

void check_sparse_tensor(Report& r, const onnx::SparseTensor& t, const std::string& at) {
  if (!t.values) return r.add("E0420", at, "a sparse tensor without values", "values and indices");
  check_tensor(r, *t.values, cat(at, ".values"));
  if (t.dims.empty()) return r.add("E0422", at, "a sparse tensor of rank 0", "rank 1 or more");
  for (int64_t d : t.dims)
    if (d <= 0) return r.add("E0422", at, cat("dims ", list_text(t.dims)), "positive extents");
  if (!checked_product(t.dims))
    return r.add("E0403", at, cat("dims ", list_text(t.dims)), "extents whose product fits 63 bits");
  if (t.values->dims.size() != 1)
    return r.add("E0421", at, cat("values of rank ", t.values->dims.size()), "rank 1");
  if (!t.indices) {
    if (t.values->dims[0] != 0) r.add("E0420", at, "a sparse tensor without indices", "values and indices");
    return;
  }
  check_tensor(r, *t.indices, cat(at, ".indices"));
  if (or_default(t.indices->data_type) != T::INT64)
    return r.add("E0423", at,
                 cat("indices of type ", onnx::element_type_text(or_default(t.indices->data_type))), "int64");
  auto indices = onnx::tensor_data(*t.indices, r.file);
  if (indices.ok()) check_indices(r, t, *indices, at);
}

}  // namespace ow::check
