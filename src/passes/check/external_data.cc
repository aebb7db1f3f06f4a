// External data: a plain file beneath the model's folder that holds the bytes asked for, each tensor its own.
// The file itself is opened, so that links, missing files and short files are found.
#include <algorithm>
#include <tuple>

#include "onnx/external_data.h"
#include "onnx/tensor_data.h"
#include "onnx/walk.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

// An offset that a system can map by itself: of a page, or of Windows' allocation granularity.
constexpr uint64_t kAlignmentBytes = 4096;
constexpr int64_t kMappedBytes = 1 << 20;

}  // namespace

void check_external_data(Report& r, const onnx::Tensor& t, const std::string& at) {
  auto where = onnx::external_location(t);
  if (!where.ok()) return r.add("E0501", at, std::string(where.status().message()));
  auto needed = onnx::payload_bytes(or_default(t.data_type), t.dims);
  if (!needed.ok()) return;
  if (where->length_bytes && *where->length_bytes != static_cast<uint64_t>(*needed))
    r.add("E0502", at, cat("length ", *where->length_bytes), cat(*needed, " bytes for type and dims"));
  if (where->offset_bytes % kAlignmentBytes && *needed >= kMappedBytes)
    r.add("W0503", at, cat("offset ", where->offset_bytes), cat("a multiple of ", kAlignmentBytes),
          "save the external data again");
  auto opened = r.file.external_files().open(where->location);
  if (!opened.ok())
    return r.add(opened.status().code() == Code::kIo ? "E0505" : "E0504", at,
                 std::string(opened.status().message()), "a regular file beneath the model's folder",
                 "put the file beside the model, without links");
  const uint64_t size = (*opened)->bytes().size();
  if (where->offset_bytes > size || static_cast<uint64_t>(*needed) > size - where->offset_bytes)
    return r.add("E0506", at, cat("file ", quoted(where->location), " has ", size, " bytes"),
                 cat(*needed, " bytes at offset ", where->offset_bytes),
                 "the data file is cut off or of another model");
  check_contents(r, t, at);
}

void check_external_overlap(Report& r) {
  struct Part {
    std::string_view location, name;
    uint64_t begin, end;
  };
  std::vector<Part> parts;
  (void)onnx::for_each<onnx::Tensor>(r.model, [&](const onnx::Tensor& t, std::string_view) {
    if (!t.is_external()) return Status();
    auto where = onnx::external_location(t);
    auto bytes = onnx::payload_bytes(or_default(t.data_type), t.dims);
    if (where.ok() && bytes.ok() && *bytes > 0)
      parts.push_back({where->location, or_default(t.name), where->offset_bytes,
                       where->offset_bytes + static_cast<uint64_t>(*bytes)});
    return Status();
  });
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.location, a.begin, a.end) < std::tie(b.location, b.begin, b.end);
  });
  for (size_t i = 1; i < parts.size(); ++i) {
    const Part &a = parts[i - 1], &b = parts[i];
    const bool same = a.begin == b.begin && a.end == b.end;  // shared weights
    if (a.location == b.location && b.begin < a.end && !same)
      r.add("W0507", cat("external data ", quoted(a.location)),
            cat("tensors ", quoted(a.name), " and ", quoted(b.name), " overlap"),
            "parts that do not overlap");
  }
}

}  // namespace ow::check
