#include "tools/value_literal.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/file.h"
#include "tensor/convert.h"
#include "tools/outputs.h"
#include "tools/tensor_file.h"
#include "tools/value_type.h"

namespace onward::tools {
namespace {

using apps::FileError;
using nlohmann::json;

constexpr size_t kMaxDepth = 64, kMaxElements = 1 << 24;

Value from_tensor(const ow::Tensor& t) {
  Tensor out(static_cast<onward_dtype>(t.dtype()), t.shape().dims());
  if (t.bytes()) std::memcpy(out.raw(), t.raw(), static_cast<size_t>(t.bytes()));
  return out;
}

class Literal {
 public:
  explicit Literal(std::string name) : name_(std::move(name)) {}

  Datum value(const json& j, const ValueType& type) const {
    if (type.optional) return j.is_null() ? Datum() : value(j, *type.element);
    if (type.kind == ONWARD_SEQUENCE) return sequence(j, type);
    if (type.kind == ONWARD_MAP) return map(j, type);
    if (type.kind != ONWARD_TENSOR) fail("is " + type.text + ", which has no literal");
    return Datum::of(tensor(j, type.dtype));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw FileError(name_ + ": " + what); }

  Datum sequence(const json& j, const ValueType& type) const {
    if (!j.is_array()) fail("a sequence is written as a list of its items, [[1,2],[3]]");
    Datum out = Datum::sequence({});
    for (const json& item : j) out.items.push_back(value(item, *type.element));
    return out;
  }
  Datum map(const json& j, const ValueType& type) const {
    if (!j.is_object()) fail("a map is written as an object, {\"key\": 1.5}");
    Datum out;
    out.kind = ONWARD_MAP;
    out.key_type = type.dtype;
    for (const auto& [key, item] : j.items()) {
      out.keys.push_back(key);
      out.items.push_back(value(item, *type.element));
    }
    return out;
  }

  void flatten(const json& j, size_t depth, std::vector<int64_t>& shape,
               std::vector<const json*>& leaves) const {
    if (!j.is_array()) {
      if (depth != shape.size()) fail("lists nest to different depths; expected a full tensor");
      if (leaves.size() == kMaxElements) fail("more than 16 million elements; use a .npy file");
      leaves.push_back(&j);
      return;
    }
    if (depth == kMaxDepth) fail("lists nest deeper than 64 levels");
    if (depth == shape.size()) {
      if (!leaves.empty()) fail("lists nest to different depths; expected a full tensor");
      shape.push_back(static_cast<int64_t>(j.size()));
    } else if (shape[depth] != static_cast<int64_t>(j.size())) {
      fail("a list of " + std::to_string(j.size()) + " items beside one of " + std::to_string(shape[depth]) +
           "; expected a full tensor");
    }
    for (const json& item : j) flatten(item, depth + 1, shape, leaves);
  }

  static onward_dtype guess(const std::vector<const json*>& leaves) {
    onward_dtype type = leaves.empty() ? ONWARD_FLOAT32 : ONWARD_INT64;
    for (const json* j : leaves) {
      if (j->is_string()) return ONWARD_STRING;
      if (j->is_boolean()) return ONWARD_BOOL;
      if (j->is_number_float()) type = ONWARD_FLOAT32;
    }
    return type;
  }

  double real(const json& j) const {
    if (j.is_number()) return j.get<double>();
    if (j == "nan") return NAN;
    if (j == "inf") return INFINITY;
    if (j == "-inf") return -INFINITY;
    fail("found " + j.dump() + ", expected a number, \"nan\", \"inf\" or \"-inf\"");
  }
  int64_t whole(const json& j, ow::DType type) const {
    const int bits = ow::bit_width(type);
    if (j.is_number_unsigned() && type == ow::DType::kUint64) return static_cast<int64_t>(j.get<uint64_t>());
    const bool fits64 = j.is_number_integer() && !(j.is_number_unsigned() && j.get<uint64_t>() > INT64_MAX);
    if (fits64) {
      const auto v = j.get<int64_t>();
      const bool is_signed = ow::is_signed_integer(type);
      const int64_t low = is_signed ? (bits == 64 ? INT64_MIN : -(int64_t{1} << (bits - 1))) : 0;
      const int64_t high = bits == 64 ? INT64_MAX : (int64_t{1} << (bits - (is_signed ? 1 : 0))) - 1;
      if (v >= low && v <= high) return v;
    }
    fail("found " + j.dump() + ", expected a whole number that fits " + ow::dtype_name(type));
  }

  Value tensor(const json& j, onward_dtype wanted) const {
    std::vector<int64_t> shape;
    std::vector<const json*> leaves;
    flatten(j, 0, shape, leaves);
    const auto dtype = static_cast<ow::DType>(wanted == ONWARD_UNDEFINED ? guess(leaves) : wanted);
    if (dtype == ow::DType::kString) {
      std::vector<std::string> texts;
      for (const json* leaf : leaves)
        texts.push_back(leaf->is_string() ? leaf->get<std::string>() : leaf->dump());
      return Tensor::strings(shape, texts);
    }
    if (dtype == ow::DType::kBool) {
      Tensor t(ONWARD_BOOL, shape);
      for (size_t i = 0; i < leaves.size(); ++i) {
        const json& leaf = *leaves[i];
        if (!leaf.is_boolean() && !(leaf == 0) && !(leaf == 1))
          fail("found " + leaf.dump() + ", expected true or false");
        static_cast<uint8_t*>(t.raw())[i] = leaf == true || leaf == 1;
      }
      return t;
    }
    ow::Result<ow::Tensor> made = ow::Tensor();
    if (ow::is_integer(dtype)) {
      std::vector<int64_t> v;
      for (const json* leaf : leaves) v.push_back(whole(*leaf, dtype));
      made = ow::convert(ow::Tensor::of<int64_t>(ow::Shape(shape), v), dtype);
    } else {
      std::vector<double> v;
      for (const json* leaf : leaves) v.push_back(real(*leaf));
      made = ow::convert(ow::Tensor::of<double>(ow::Shape(shape), v), dtype);
    }
    if (!made.ok()) fail(std::string(made.status().message()));
    return from_tensor(*made);
  }

  std::string name_;
};

}  // namespace

bool looks_like_literal(const std::string& text) {
  return !text.empty() && json::accept(text) && text.find_first_not_of(" \t\n") != std::string::npos;
}

Datum parse_literal(const std::string& text, const ValueInfo& port, const std::string& name) {
  const json j = json::parse(text, nullptr, false);
  if (j.is_discarded()) throw FileError(name + ": no JSON; expected " + port.type + " as in [[1,2,3]]");
  return Literal(name).value(j, parse_type(port.type));
}

Value fit_tensor(const NpyArray& array, const ValueInfo& port, const std::string& name) {
  const auto wanted = static_cast<ow::DType>(port.dtype);
  size_t count = 1;
  for (int64_t d : array.shape) count *= static_cast<size_t>(d);
  if (array.dtype == ONWARD_UNDEFINED) {
    const size_t width = count ? array.bytes.size() / count : 0;
    const int bits = ow::bit_width(wanted);
    const bool fits = ow::is_sub_byte(wanted) ? width == 1 : bits == static_cast<int>(8 * width);
    if (!fits && count > 0)
      throw FileError(name + ": raw elements of " + std::to_string(width) +
                      " bytes, as ml_dtypes has them; the input is " + port.type +
                      ", expected a type of that width");
    Tensor t(port.dtype, array.shape);
    if (ow::is_sub_byte(wanted))
      ow::pack(reinterpret_cast<const uint8_t*>(array.bytes.data()), wanted, static_cast<int64_t>(count),
               static_cast<std::byte*>(t.raw()));
    else if (!array.bytes.empty())
      std::memcpy(t.raw(), array.bytes.data(), array.bytes.size());
    return t;
  }
  const bool narrow = ow::is_sub_byte(wanted) || (ow::is_floating(wanted) && ow::bit_width(wanted) <= 16 &&
                                                  wanted != ow::DType::kFloat16);
  const auto given = static_cast<ow::DType>(array.dtype);
  if (!narrow || given == wanted || given == ow::DType::kString) return tensor_from_npy(array);
  const ow::Tensor wide = ow::Tensor::borrow(given, ow::Shape(array.shape), array.bytes.data(), nullptr);
  auto made = ow::convert(wide, wanted);
  auto back = made.ok() ? ow::convert(*made, given) : ow::Result<ow::Tensor>(ow::Tensor());
  const bool same =
      made.ok() && back.ok() && std::memcmp(back->raw(), array.bytes.data(), array.bytes.size()) == 0;
  if (!same)
    throw FileError(name + ": is " + type_name(array.dtype) +
                    ", and its values do not fit the input, which is " + port.type);
  return from_tensor(*made);
}

}  // namespace onward::tools
