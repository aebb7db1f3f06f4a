#include "tools/value_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "apps/image/read.h"
#include "onnx/wire.h"
#include "tools/tensor_file.h"
#include "tools/value_literal.h"
#include "tools/value_type.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using apps::FileError;
using ow::onnx::or_default;

Datum from_proto(const ow::onnx::Tensor& t, const std::string& path) {
  return Datum::of(tensor_from_proto(t, path));
}
Datum from_proto(const ow::onnx::Map& m, const std::string& path);
Datum from_proto(const ow::onnx::Optional& o, const std::string& path);

Datum from_proto(const ow::onnx::Sequence& s, const std::string& path) {
  Datum out = Datum::sequence({});
  for (const auto& item : s.tensor_values) out.items.push_back(from_proto(item, path));
  for (const auto& item : s.sequence_values) out.items.push_back(from_proto(item, path));
  for (const auto& item : s.map_values) out.items.push_back(from_proto(item, path));
  for (const auto& item : s.optional_values) out.items.push_back(from_proto(item, path));
  if (!s.sparse_tensor_values.empty())
    throw FileError(path + ": a sequence of sparse tensors, which is not read");
  return out;
}

Datum from_proto(const ow::onnx::Map& m, const std::string& path) {
  Datum out;
  out.kind = ONWARD_MAP;
  out.key_type = m.string_keys.empty() ? static_cast<onward_dtype>(or_default(m.key_type)) : ONWARD_STRING;
  if (out.key_type == ONWARD_UNDEFINED) out.key_type = ONWARD_INT64;
  for (int64_t key : m.keys) out.keys.push_back(std::to_string(key));
  for (ow::onnx::Text key : m.string_keys) out.keys.emplace_back(key);
  if (m.values) out.items = from_proto(*m.values, path).items;
  if (out.items.size() != out.keys.size())
    throw FileError(path + ": a map of " + std::to_string(out.keys.size()) + " keys and " +
                    std::to_string(out.items.size()) + " values");
  return out;
}

Datum from_proto(const ow::onnx::Optional& o, const std::string& path) {
  if (o.tensor_value) return from_proto(*o.tensor_value, path);
  if (o.sequence_value) return from_proto(*o.sequence_value, path);
  if (o.map_value) return from_proto(*o.map_value, path);
  if (o.optional_value) return from_proto(*o.optional_value, path);
  if (o.sparse_tensor_value) throw FileError(path + ": an optional sparse tensor, which is not read");
  return {};
}

template <class Message>
bool read_as(std::string_view bytes, const std::string& path, Datum& out, std::string& why) {
  Message message;
  const ow::Status status = ow::onnx::read_message(bytes, message);
  if (status.ok())
    out = from_proto(message, path);
  else
    why = status.message();
  return status.ok();
}

// As the type says first; a file may hold what an optional holds without the shell around it.
Datum read_proto(const std::string& path, const ValueType& type) {
  const std::vector<uint8_t> file = apps::read_file(path, std::numeric_limits<int64_t>::max());
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  Datum out;
  std::string why;
  const ValueType& inner = type.optional && type.element ? *type.element : type;
  if (type.optional && read_as<ow::onnx::Optional>(bytes, path, out, why)) return out;
  if (inner.kind == ONWARD_SEQUENCE && read_as<ow::onnx::Sequence>(bytes, path, out, why)) return out;
  if (inner.kind == ONWARD_MAP && read_as<ow::onnx::Map>(bytes, path, out, why)) return out;
  if (inner.kind == ONWARD_TENSOR && read_as<ow::onnx::Tensor>(bytes, path, out, why)) return out;
  throw FileError(path + ": neither .npy, a picture nor a " +
                  (type.optional                   ? "OptionalProto"
                   : inner.kind == ONWARD_SEQUENCE ? "SequenceProto"
                   : inner.kind == ONWARD_MAP      ? "MapProto"
                                                   : "TensorProto") +
                  ": " + why);
}

std::vector<std::string> files_in(const fs::path& folder, const std::string& prefix) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && (name.ends_with(".npy") || name.ends_with(".pb")))
      found.push_back(entry.path().string());
  }
  return natural_order(std::move(found));
}

Datum read_items(const std::string& source, const std::vector<std::string>& files, const ValueInfo& port,
                 const ValueType& type) {
  const ValueType& inner = type.optional && type.element ? *type.element : type;
  if (inner.kind != ONWARD_SEQUENCE || !inner.element)
    throw FileError(source + ": a folder of files is a sequence; '" + port.name + "' is " + port.type +
                    ", expected one file");
  Datum out = Datum::sequence({});
  for (const std::string& file : files)
    out.items.push_back(read_value(file, port_of(*inner.element, port.name)));
  return out;
}

Datum read_from_npz(const std::string& source, const ValueInfo& port) {
  const size_t colon = source.rfind(".npz:");
  const std::string path = colon == std::string::npos ? source : source.substr(0, colon + 4);
  const std::string wanted = colon == std::string::npos ? port.name : source.substr(colon + 5);
  std::string names;
  std::vector<NpzEntry> entries = read_npz(path);
  for (const NpzEntry& entry : entries) {
    if (entry.name == wanted || (colon == std::string::npos && entries.size() == 1))
      return Datum::of(fit_tensor(entry.array, port, source));
    names += (names.empty() ? "'" : ", '") + entry.name + "'";
  }
  throw FileError(path + ": no array '" + wanted + "'; it has " + (names.empty() ? "none" : names));
}

}  // namespace

std::vector<std::string> natural_order(std::vector<std::string> names) {
  const auto key = [](const std::string& s) {
    std::string out;
    for (size_t i = 0; i < s.size();) {
      size_t end = i;
      while (end < s.size() && s[end] >= '0' && s[end] <= '9') ++end;
      if (end == i) {
        out += s[i++];
        continue;
      }
      out += std::string(end - i < 20 ? 20 - (end - i) : 0, '0') + s.substr(i, end - i);
      i = end;
    }
    return out;
  };
  std::sort(names.begin(), names.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return names;
}

Datum read_value(const std::string& source, const ValueInfo& port) {
  const ValueType type = parse_type(port.type);
  std::error_code ignored;
  const bool exists = fs::exists(source, ignored);
  if (!exists && looks_like_literal(source)) return parse_literal(source, port, "input '" + port.name + "'");
  if (source.ends_with(".npz") || source.find(".npz:") != std::string::npos)
    return read_from_npz(source, port);
  if (exists && fs::is_directory(source) &&
      (type.kind == ONWARD_SEQUENCE || (type.element && type.element->kind == ONWARD_SEQUENCE))) {
    const auto files = files_in(source, "");
    if (files.empty()) throw FileError(source + ": no .npy and no .pb file; a folder of them is a sequence");
    return read_items(source, files, port, type);
  }
  if (!exists && source.ends_with("*.npy")) {
    const fs::path pattern(source);
    const std::string name = pattern.filename().string();
    const auto files = files_in(pattern.parent_path(), name.substr(0, name.size() - 5));
    if (files.empty()) throw FileError(source + ": no such file");
    return read_items(source, files, port, type);
  }
  if (source.ends_with(".json")) {
    const auto text = apps::read_file(source, int64_t{1} << 30);
    return parse_literal(std::string(text.begin(), text.end()), port, source);
  }
  const std::vector<uint8_t> start = apps::read_file_start(source, 6);
  const bool npy = start.size() == 6 && start[0] == 0x93 && start[1] == 'N';
  if (npy && !port.type.starts_with("seq") && !port.type.starts_with("map"))
    return Datum::of(fit_tensor(read_npy(source), port, source));
  if (npy)
    throw FileError(source + ": one tensor; '" + port.name + "' is " + port.type +
                    "; give a folder of .npy files, a .pb or a .json");
  if (apps::is_image_file(source)) return Datum::of(read_picture(source, port));
  return read_proto(source, type);
}

}  // namespace onward::tools
