#include "tools/inputs.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "tools/command.h"
#include "tools/value_file.h"
#include "tools/value_literal.h"

namespace onward::tools {
namespace {

constexpr int64_t kMaxRandomBytes = int64_t{16} << 30;

// splitmix64: the same sequence on every machine.
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

struct Pair {
  std::string name, value;
};

// At the first '=' where the value may hold one (a file), else at the last (a name may hold one).
Pair split_pair(const std::string& text, const char* flag, bool at_first) {
  const size_t at = at_first ? text.find('=') : text.rfind('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    throw UsageError(std::string(flag) + " " + text + ": expected NAME=VALUE");
  return {text.substr(0, at), text.substr(at + 1)};
}

std::string names_of(const std::vector<ValueInfo>& inputs) {
  std::string text;
  for (const ValueInfo& v : inputs) text += (text.empty() ? "'" : ", '") + v.name + "' " + v.type;
  return text.empty() ? "none" : text;
}

const ValueInfo* find(const std::vector<ValueInfo>& inputs, const std::string& name) {
  for (const ValueInfo& v : inputs)
    if (v.name == name) return &v;
  return nullptr;
}

// By the model's own names first, as a name may hold an '='.
Pair input_pair(const std::string& text, const std::vector<ValueInfo>& inputs) {
  for (const ValueInfo& v : inputs)
    if (text.starts_with(v.name + "=")) return {v.name, text.substr(v.name.size() + 1)};
  const Pair pair = split_pair(text, "--input", true);
  throw UsageError("--input " + text + ": the model has no input '" + pair.name + "'; it has " +
                   names_of(inputs));
}

void learn_symbols(const ValueInfo& input, std::span<const int64_t> shape,
                   std::map<std::string, int64_t>& symbols) {
  for (size_t d = 0; input.has_rank && d < shape.size() && d < input.shape.size(); ++d)
    if (input.shape[d] < 0 && !input.symbols[d].empty()) symbols.emplace(input.symbols[d], shape[d]);
}

int64_t element_bytes(onward_dtype dtype) {
  switch (dtype) {
    case ONWARD_COMPLEX128:
      return 16;
    case ONWARD_FLOAT64:
    case ONWARD_INT64:
    case ONWARD_UINT64:
    case ONWARD_COMPLEX64:
      return 8;
    case ONWARD_STRING:
      return 32;
    default:
      return 4;
  }
}

void check_random_size(onward_dtype dtype, const std::vector<int64_t>& shape, const std::string& name) {
  int64_t bytes = element_bytes(dtype);
  for (int64_t d : shape)
    if (d != 0 && (__builtin_mul_overflow(bytes, d, &bytes) || bytes > kMaxRandomBytes))
      throw UsageError("input '" + name + "': more than 16 GiB; give a smaller --shape");
}

template <class T, class Make>
void fill(const Value& tensor, const Make& make) {
  for (T& v : std::span(static_cast<T*>(tensor.raw()), tensor.bytes() / sizeof(T)))
    v = static_cast<T>(make());
}

struct Shapes {
  std::map<std::string, std::vector<int64_t>> of_input;
  std::map<std::string, int64_t> symbols;
};

Shapes read_shapes(const std::vector<std::string>& texts, const std::vector<ValueInfo>& inputs) {
  Shapes shapes;
  for (const std::string& text : texts) {
    const Pair pair = split_pair(text, "--shape", false);
    std::vector<int64_t> dims;
    if (!parse_shape(pair.value, dims))
      throw UsageError("--shape " + text + ": expected NAME=1x3x224x224 or SYMBOL=N");
    const bool is_symbol = std::any_of(inputs.begin(), inputs.end(), [&](const ValueInfo& v) {
      return std::count(v.symbols.begin(), v.symbols.end(), pair.name) > 0;
    });
    if (find(inputs, pair.name))
      shapes.of_input[pair.name] = dims;
    else if (is_symbol && dims.size() == 1)
      shapes.symbols[pair.name] = dims[0];
    else
      throw UsageError(
          "--shape " + text +
          ": the model has no input and no open dimension of that name; inputs: " + names_of(inputs));
  }
  return shapes;
}

}  // namespace

bool parse_shape(const std::string& text, std::vector<int64_t>& dims) {
  dims.clear();
  const char* at = text.data();
  const char* end = at + text.size();
  while (true) {
    int64_t value = 0;
    const auto [next_at, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value < 0) return false;
    dims.push_back(value);
    if (next_at == end) return true;
    if (*next_at != 'x' && *next_at != ',') return false;
    at = next_at + 1;
  }
}

std::vector<int64_t> settle_shape(const ValueInfo& input, std::map<std::string, int64_t>& symbols) {
  if (!input.has_rank)
    throw UsageError("input '" + input.name + "' is " + input.type + ", of any rank; give --shape '" +
                     input.name + "=...' or a file");
  std::vector<int64_t> shape = input.shape;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] >= 0) continue;
    const std::string& symbol = input.symbols[d];
    const auto known = symbol.empty() ? symbols.end() : symbols.find(symbol);
    if (known != symbols.end()) {
      shape[d] = known->second;
    } else if (d == 0) {
      shape[d] = 1;
    } else {
      const std::string flag = symbol.empty() ? input.name + "=..." : symbol + "=N";
      throw UsageError("input '" + input.name + "' is " + input.type + ": axis " + std::to_string(d) +
                       " is open; give --shape '" + flag + "' or a file");
    }
    if (!symbol.empty()) symbols.emplace(symbol, shape[d]);
  }
  return shape;
}

Value random_tensor(onward_dtype dtype, const std::vector<int64_t>& shape, uint64_t& state,
                    const std::string& name) {
  check_random_size(dtype, shape, name);
  if (dtype == ONWARD_STRING) {
    size_t count = 1;
    for (int64_t d : shape) count *= static_cast<size_t>(d);
    std::vector<std::string> texts(count);
    for (std::string& t : texts) t = "s" + std::to_string(next(state) % 10);
    return Tensor::strings(shape, texts);
  }
  Tensor tensor(dtype, shape);
  const auto unit = [&] { return static_cast<double>(next(state) >> 40) / (1 << 24); };
  const auto small = [&] { return next(state) % 10; };
  switch (dtype) {
    case ONWARD_FLOAT32:
    case ONWARD_COMPLEX64:
      fill<float>(tensor, unit);
      break;
    case ONWARD_FLOAT64:
    case ONWARD_COMPLEX128:
      fill<double>(tensor, unit);
      break;
    case ONWARD_INT16:
    case ONWARD_UINT16:
      fill<uint16_t>(tensor, small);
      break;
    case ONWARD_INT32:
    case ONWARD_UINT32:
      fill<uint32_t>(tensor, small);
      break;
    case ONWARD_INT64:
    case ONWARD_UINT64:
      fill<uint64_t>(tensor, small);
      break;
    case ONWARD_BOOL:
      fill<uint8_t>(tensor, [&] { return next(state) & 1; });
      break;
    // Bit patterns from +0 up to below 1.
    case ONWARD_FLOAT16:
      fill<uint16_t>(tensor, [&] { return next(state) % 0x3c00; });
      break;
    case ONWARD_BFLOAT16:
      fill<uint16_t>(tensor, [&] { return 0x3c00 + next(state) % 0x380; });
      break;
    case ONWARD_FLOAT8E4M3FN:
    case ONWARD_FLOAT8E4M3FNUZ:
      fill<uint8_t>(tensor, [&] { return next(state) % 0x38; });
      break;
    case ONWARD_FLOAT8E5M2:
    case ONWARD_FLOAT8E5M2FNUZ:
      fill<uint8_t>(tensor, [&] { return next(state) % 0x3c; });
      break;
    case ONWARD_FLOAT8E8M0:
      fill<uint8_t>(tensor, [&] { return 0x70 + next(state) % 0xf; });
      break;
    default:
      fill<uint8_t>(tensor, [&] { return next(state); });
      break;
  }
  return tensor;
}

namespace {

// Every array of an archive is the input of its name.
void read_archive(const std::string& path, const std::vector<ValueInfo>& ports,
                  std::map<std::string, Value>& given) {
  for (const NpzEntry& entry : read_npz(path)) {
    const ValueInfo* port = find(ports, entry.name);
    if (!port)
      throw UsageError("--input " + path + ": the model has no input '" + entry.name + "'; it has " +
                       names_of(ports));
    if (!given.emplace(entry.name, fit_tensor(entry.array, *port, path)).second)
      throw UsageError("--input " + path + ": '" + entry.name + "' is given twice");
  }
}

std::map<std::string, Value> read_given(const std::vector<std::string>& texts,
                                        const std::vector<ValueInfo>& ports) {
  std::map<std::string, Value> given;
  for (const std::string& text : texts) {
    const bool named = std::any_of(ports.begin(), ports.end(),
                                   [&](const ValueInfo& v) { return text.starts_with(v.name + "="); });
    if (!named && text.ends_with(".npz") && text.find('=') == std::string::npos) {
      read_archive(text, ports, given);
      continue;
    }
    const Pair pair = input_pair(text, ports);
    const Value value = value_of(read_value(pair.value, *find(ports, pair.name)));
    if (!given.emplace(pair.name, value).second) throw UsageError("--input " + text + ": given twice");
  }
  return given;
}

}  // namespace

Inputs make_inputs(const Model& model, const InputRequest& request) {
  const std::vector<ValueInfo> ports = model.inputs();
  Shapes shapes = read_shapes(request.shapes, ports);
  const std::map<std::string, Value> given = read_given(request.files, ports);
  for (const auto& [name, value] : given)
    if (value.kind() == ONWARD_TENSOR) learn_symbols(*find(ports, name), value.shape(), shapes.symbols);
  for (const auto& [name, dims] : shapes.of_input) learn_symbols(*find(ports, name), dims, shapes.symbols);
  Inputs inputs;
  uint64_t state = request.seed;
  for (const ValueInfo& port : ports) {
    if (const auto found = given.find(port.name); found != given.end()) {
      inputs.emplace_back(port.name, found->second);
      continue;
    }
    const auto shape = shapes.of_input.find(port.name);
    if (port.is_optional && shape == shapes.of_input.end()) continue;
    if (port.kind != ONWARD_TENSOR || port.dtype == ONWARD_UNDEFINED)
      throw UsageError("input '" + port.name + "' is " + port.type +
                       ", which has no random value; give --input '" + port.name + "=FILE' or a literal");
    const std::vector<int64_t> dims =
        shape != shapes.of_input.end() ? shape->second : settle_shape(port, shapes.symbols);
    inputs.emplace_back(port.name, random_tensor(port.dtype, dims, state, port.name));
  }
  return inputs;
}

}  // namespace onward::tools
