#include "tools/outputs.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "apps/file.h"
#include "tensor/convert.h"
#include "tools/npy.h"
#include "tools/report.h"
#include "tools/tensor_file.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Statistics {
  double min = INFINITY, max = -INFINITY, sum = 0;
  uint64_t finite = 0, nan = 0;

  void add(double v) {
    if (std::isnan(v)) ++nan;
    if (!std::isfinite(v)) return;
    min = std::min(min, v);
    max = std::max(max, v);
    sum += v;
    ++finite;
  }
};

template <class T>
void add_all(const NpyArray& array, Statistics& s) {
  for (size_t i = 0; i + sizeof(T) <= array.bytes.size(); i += sizeof(T)) {
    T v;
    std::memcpy(&v, &array.bytes[i], sizeof v);
    s.add(static_cast<double>(v));
  }
}

// False for complex numbers and text.
bool statistics_of(const NpyArray& array, Statistics& s) {
  switch (array.dtype) {
    case ONWARD_FLOAT32:
      add_all<float>(array, s);
      return true;
    case ONWARD_FLOAT64:
      add_all<double>(array, s);
      return true;
    case ONWARD_INT8:
      add_all<int8_t>(array, s);
      return true;
    case ONWARD_INT16:
      add_all<int16_t>(array, s);
      return true;
    case ONWARD_INT32:
      add_all<int32_t>(array, s);
      return true;
    case ONWARD_INT64:
      add_all<int64_t>(array, s);
      return true;
    case ONWARD_BOOL:
    case ONWARD_UINT8:
      add_all<uint8_t>(array, s);
      return true;
    case ONWARD_UINT16:
      add_all<uint16_t>(array, s);
      return true;
    case ONWARD_UINT32:
      add_all<uint32_t>(array, s);
      return true;
    case ONWARD_UINT64:
      add_all<uint64_t>(array, s);
      return true;
    case ONWARD_FLOAT16:
      for (size_t i = 0; i + 2 <= array.bytes.size(); i += 2) {
        uint16_t bits;
        std::memcpy(&bits, &array.bytes[i], 2);
        s.add(ow::decode_narrow(bits, ow::DType::kFloat16));
      }
      return true;
    default:
      return false;
  }
}

json element(const NpyArray& array, size_t i) {
  if (array.dtype == ONWARD_STRING) return array.strings[i];
  if (array.dtype == ONWARD_INT64) {
    int64_t v;
    std::memcpy(&v, &array.bytes[8 * i], 8);
    return v;
  }
  NpyArray one{array.dtype, {}, {}, {}};
  const size_t width = array.bytes.size() / std::max<size_t>(1, array.shape.empty() ? 1 : array.shape[0]);
  one.bytes.assign(array.bytes.begin() + static_cast<ptrdiff_t>(i * width),
                   array.bytes.begin() + static_cast<ptrdiff_t>((i + 1) * width));
  Statistics s;
  statistics_of(one, s);
  return s.finite ? json(s.min) : json();
}

json map_to_json(const Value& map) {
  json out = json::object();
  for (size_t i = 0; i < api().map_count(map.get()); ++i) {
    const char* key = nullptr;
    size_t bytes = 0;
    int64_t number = 0;
    onward_value* made = nullptr;
    detail::check(api().map_at(map.get(), i, &key, &bytes, &number, &made));
    const Value item(made);
    const std::string name = key ? std::string(key, bytes) : std::to_string(number);
    out[name] =
        item.kind() == ONWARD_TENSOR && item.count() == 1 ? element(npy_from_tensor(item), 0) : json();
  }
  return out;
}

std::string number_text(const json& value) {
  if (value.is_null()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value.get<double>());
  return text;
}

// Writes each output under a name that no other output of the run has.
class Writer {
 public:
  explicit Writer(fs::path folder) : folder_(std::move(folder)) {}

  void write(const std::string& name, const Value& value) {
    if (value.kind() == ONWARD_TENSOR) {
      const std::string path = take(name, ".npy");
      put(path, format_npy(npy_from_tensor(value), path));
    } else if (value.kind() == ONWARD_SEQUENCE) {
      for (size_t i = 0; i < value.size(); ++i) write(name + "_" + std::to_string(i), value.at(i));
    } else if (value.kind() == ONWARD_MAP) {
      const std::string text = json_text(map_to_json(value));
      put(take(name, ".json"), {text.begin(), text.end()});
    }
  }
  std::vector<std::string> paths;

 private:
  std::string take(const std::string& name, const std::string& ending) {
    std::string free = name + ending;
    for (int i = 2; !taken_.insert(free).second; ++i) free = name + "_" + std::to_string(i) + ending;
    return (folder_ / free).string();
  }
  void put(const std::string& path, const std::vector<uint8_t>& bytes) {
    apps::write_file(path, bytes);
    paths.push_back(path);
  }
  fs::path folder_;
  std::set<std::string> taken_;
};

}  // namespace

const char* type_name(onward_dtype dtype) {
  if (dtype == ONWARD_FLOAT32) return "float32";
  if (dtype == ONWARD_FLOAT64) return "float64";
  return ow::dtype_name(static_cast<ow::DType>(dtype));
}

json summarize(const std::string& name, const Value& value) {
  json out = {{"name", name}};
  switch (value.kind()) {
    case ONWARD_NOTHING:
    case ONWARD_OPTIONAL:  // of types only
    case ONWARD_OPAQUE:
      out["kind"] = "nothing";
      return out;
    case ONWARD_SEQUENCE:
      out["kind"] = "sequence";
      out["count"] = value.size();
      return out;
    case ONWARD_MAP:
      out["kind"] = "map";
      out["count"] = api().map_count(value.get());
      return out;
    case ONWARD_SPARSE_TENSOR:
      out["kind"] = "sparse tensor";
      return out;
    case ONWARD_TENSOR:
      break;
  }
  out["kind"] = "tensor";
  out["type"] = type_name(value.dtype());
  out["shape"] = std::vector<int64_t>(value.shape().begin(), value.shape().end());
  Statistics s;
  if (!statistics_of(npy_from_tensor(value), s)) return out;
  out["min"] = s.finite ? json(s.min) : json();
  out["max"] = s.finite ? json(s.max) : json();
  out["mean"] = s.finite ? json(s.sum / static_cast<double>(s.finite)) : json();
  out["nan_count"] = s.nan;
  return out;
}

std::string summary_text(const json& summary) {
  std::string text = summary["name"].get<std::string>() + "  ";
  if (summary["kind"] != "tensor") {
    text += summary["kind"].get<std::string>();
    return summary.contains("count") ? text + " of " + summary["count"].dump() : text;
  }
  text += summary["type"].get<std::string>() + " " + summary["shape"].dump();
  if (!summary.contains("min")) return text;
  for (const char* key : {"min", "max", "mean"})
    text += std::string("  ") + key + " " + number_text(summary[key]);
  if (summary["nan_count"] != 0) text += "  NaN: " + summary["nan_count"].dump();
  return text;
}

std::string safe_name(const std::string& name) {
  std::string safe;
  for (char c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
    safe += kept ? c : '_';
  }
  if (safe.empty() || safe[0] == '.') safe.insert(0, "_");
  constexpr size_t kLongest = 200;
  if (safe.size() > kLongest) safe.resize(kLongest);
  return safe;
}

std::vector<std::string> write_outputs(const std::string& folder, const std::vector<std::string>& names,
                                       const std::vector<Value>& values) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) throw apps::FileError(folder + ": cannot be made: " + error.message());
  Writer writer(folder);
  for (size_t i = 0; i < values.size(); ++i) writer.write(safe_name(names[i]), values[i]);
  return std::move(writer.paths);
}

}  // namespace onward::tools
