#include "tensor/dtype.h"

#include "base/checked.h"

namespace ow {
namespace {

enum Kind : uint8_t { kNone, kFloat, kSigned, kUnsigned, kComplexKind, kOther };

struct Row {
  const char* name;
  uint8_t bits;
  Kind kind;
};

constexpr Row kRows[kDTypeCount] = {
    {"undefined", 0, kNone},
    {"float", 32, kFloat},
    {"uint8", 8, kUnsigned},
    {"int8", 8, kSigned},
    {"uint16", 16, kUnsigned},
    {"int16", 16, kSigned},
    {"int32", 32, kSigned},
    {"int64", 64, kSigned},
    {"string", 0, kOther},
    {"bool", 8, kOther},
    {"float16", 16, kFloat},
    {"double", 64, kFloat},
    {"uint32", 32, kUnsigned},
    {"uint64", 64, kUnsigned},
    {"complex64", 64, kComplexKind},
    {"complex128", 128, kComplexKind},
    {"bfloat16", 16, kFloat},
    {"float8e4m3fn", 8, kFloat},
    {"float8e4m3fnuz", 8, kFloat},
    {"float8e5m2", 8, kFloat},
    {"float8e5m2fnuz", 8, kFloat},
    {"uint4", 4, kUnsigned},
    {"int4", 4, kSigned},
    {"float4e2m1", 4, kFloat},
    {"float8e8m0", 8, kFloat},
    {"uint2", 2, kUnsigned},
    {"int2", 2, kSigned},
};

const Row& row(DType t) {
  auto i = static_cast<int32_t>(t);
  return kRows[i > 0 && i < kDTypeCount ? i : 0];
}

}  // namespace

bool is_valid(DType t) { return row(t).kind != kNone; }
int bit_width(DType t) { return row(t).bits; }
const char* dtype_name(DType t) { return row(t).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 1; i < kDTypeCount; ++i)
    if (name == kRows[i].name) return static_cast<DType>(i);
  return std::nullopt;
}

bool is_floating(DType t) { return row(t).kind == kFloat; }
bool is_integer(DType t) { return row(t).kind == kSigned || row(t).kind == kUnsigned; }
bool is_signed_integer(DType t) { return row(t).kind == kSigned; }
bool is_complex(DType t) { return row(t).kind == kComplexKind; }

std::optional<int64_t> storage_bytes(DType t, int64_t count) {
  if (t == DType::kString) return checked_mul<int64_t>(count, sizeof(std::string));
  auto bits = checked_mul<int64_t>(count, bit_width(t));
  if (!bits) return std::nullopt;
  return *bits / 8 + (*bits % 8 != 0);
}

}  // namespace ow
