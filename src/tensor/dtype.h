// Element types: all of ONNX's, with the codes of TensorProto.DataType.
//
// 2- and 4-bit types are stored packed, first element in the low bits (as in raw_data); all others one
// element after the other, little endian. Strings are std::string objects.
#pragma once
#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ow {

enum class DType : int32_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};
constexpr int kDTypeCount = 27;

bool is_valid(DType t);           // a code of the list above other than kUndefined
int bit_width(DType t);           // 2, 4, 8 .. 128; 0 for kString and kUndefined
const char* dtype_name(DType t);  // as in ONNX type strings: "float", "int64", "float8e4m3fn"
std::optional<DType> dtype_from_name(std::string_view name);
inline void append(std::string& out, DType t) { out += dtype_name(t); }

bool is_floating(DType t);  // float64 .. float4e2m1 and float8e8m0; not complex
bool is_integer(DType t);   // signed and unsigned, 2 to 64 bits; not bool
bool is_signed_integer(DType t);
bool is_complex(DType t);
inline bool is_sub_byte(DType t) { return bit_width(t) == 2 || bit_width(t) == 4; }

// Bytes that `count` elements occupy; nullopt on overflow. Strings: count * sizeof(std::string).
std::optional<int64_t> storage_bytes(DType t, int64_t count);

// A 16-bit or 8-bit floating type as stored: its bits, converted to and from float by the functions in
// tensor/convert.h. The tag makes each a type of its own for overloads and templates.
template <DType kType, class Bits>
struct StoredFloat {
  Bits bits = 0;
  friend bool operator==(StoredFloat a, StoredFloat b) = default;  // bit equality
};
using Float16 = StoredFloat<DType::kFloat16, uint16_t>;
using Bfloat16 = StoredFloat<DType::kBfloat16, uint16_t>;
using Float8E4M3FN = StoredFloat<DType::kFloat8E4M3FN, uint8_t>;
using Float8E4M3FNUZ = StoredFloat<DType::kFloat8E4M3FNUZ, uint8_t>;
using Float8E5M2 = StoredFloat<DType::kFloat8E5M2, uint8_t>;
using Float8E5M2FNUZ = StoredFloat<DType::kFloat8E5M2FNUZ, uint8_t>;
using Float8E8M0 = StoredFloat<DType::kFloat8E8M0, uint8_t>;

// DType of a C++ element type: dtype_of<float> == DType::kFloat32.
template <class T>
inline constexpr DType dtype_of = DType::kUndefined;
template <>
inline constexpr DType dtype_of<float> = DType::kFloat32;
template <>
inline constexpr DType dtype_of<double> = DType::kFloat64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::kUint8;
template <>
inline constexpr DType dtype_of<int8_t> = DType::kInt8;
template <>
inline constexpr DType dtype_of<uint16_t> = DType::kUint16;
template <>
inline constexpr DType dtype_of<int16_t> = DType::kInt16;
template <>
inline constexpr DType dtype_of<uint32_t> = DType::kUint32;
template <>
inline constexpr DType dtype_of<int32_t> = DType::kInt32;
template <>
inline constexpr DType dtype_of<uint64_t> = DType::kUint64;
template <>
inline constexpr DType dtype_of<int64_t> = DType::kInt64;
template <>
inline constexpr DType dtype_of<bool> = DType::kBool;
template <>
inline constexpr DType dtype_of<std::string> = DType::kString;
template <>
inline constexpr DType dtype_of<std::complex<float>> = DType::kComplex64;
template <>
inline constexpr DType dtype_of<std::complex<double>> = DType::kComplex128;
template <DType kType, class Bits>
inline constexpr DType dtype_of<StoredFloat<kType, Bits>> = kType;

}  // namespace ow
