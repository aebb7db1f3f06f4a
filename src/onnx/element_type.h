// What this room must know of TensorProto.DataType: names and sizes. A code that ONNX does not define has no
// name and no size.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ow::onnx {

// The name in ONNX's textual syntax: "float", "int64", "bfloat16"; "" if ONNX does not define the code.
std::string_view element_type_name(int32_t data_type);

// The name with the code, for messages: "float (1)", "unknown (77)".
std::string element_type_text(int32_t data_type);

// Bits of one element in raw_data: 2, 4, 8 .. 128; 0 for string, undefined and unknown codes.
int element_bits(int32_t data_type);

}  // namespace ow::onnx
