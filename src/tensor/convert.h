// Conversion between element types, with the meaning of ONNX's Cast.
//
// Narrow floats round to nearest, ties to even. Values beyond the range of a float8/float4 type saturate (or
// become inf/NaN as the type has them when `saturate` is false); float16 and bfloat16 overflow to infinity.
// Float to integer truncates; out of range saturates, NaN gives 0. Integer to integer keeps the low bits.
// Anything to bool: true unless zero. Numbers to and from text do not depend on a locale.
#pragma once
#include <span>

#include "tensor/tensor.h"

namespace ow {

float to_float(Float16 v);
float to_float(Bfloat16 v);
float to_float(Float8E4M3FN v);
float to_float(Float8E4M3FNUZ v);
float to_float(Float8E5M2 v);
float to_float(Float8E5M2FNUZ v);
float to_float(Float8E8M0 v);

// How float8e8m0 (a power of two) rounds: Cast's attribute round_mode.
enum class Round { kNearest, kUp, kDown };

Float16 to_float16(float v);
Bfloat16 to_bfloat16(float v);

// The bits of a narrow float type (kFloat16 .. kFloat4E2M1, kFloat8E8M0) for v.
uint16_t encode_narrow(float v, DType type, bool saturate = true, Round round = Round::kUp);
float decode_narrow(uint16_t bits, DType type);

// Sub-byte types: unpacks `count` elements to one byte each (2- and 4-bit integers sign-extended where
// signed; float4e2m1 as its 4-bit code), and packs them again (low bits of each byte).
void unpack(const std::byte* packed, DType type, int64_t count, uint8_t* out);
void pack(const uint8_t* codes, DType type, int64_t count, std::byte* out);

// Converts any dense tensor. Errors: Unsupported (complex to real, ...), InvalidArgument (text that is no
// number).
Result<Tensor> convert(const Tensor& from, DType to, bool saturate = true, Round round = Round::kUp,
                       const std::shared_ptr<Budget>& budget = nullptr);
// The same into existing memory of storage_bytes(to, count) bytes.
Status convert_into(const Tensor& from, Tensor& to, bool saturate = true, Round round = Round::kUp);

}  // namespace ow
