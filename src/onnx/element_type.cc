#include "onnx/element_type.h"

#include "base/text.h"

namespace ow::onnx {
namespace {

struct ElementType {
  std::string_view name;
  int bits;
};

// By code, 0 .. 26.
constexpr ElementType kTypes[] = {
    {"undefined", 0},      {"float", 32},    {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"double", 64},   {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
    {"uint2", 2},          {"int2", 2},
};
constexpr int32_t kCount = sizeof(kTypes) / sizeof(kTypes[0]);

}  // namespace

std::string_view element_type_name(int32_t data_type) {
  return data_type >= 0 && data_type < kCount ? kTypes[data_type].name : std::string_view();
}

std::string element_type_text(int32_t data_type) {
  std::string_view name = element_type_name(data_type);
  return cat(name.empty() ? "unknown" : name, " (", data_type, ")");
}

int element_bits(int32_t data_type) {
  return data_type >= 0 && data_type < kCount ? kTypes[data_type].bits : 0;
}

}  // namespace ow::onnx
