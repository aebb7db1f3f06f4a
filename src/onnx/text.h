// A model as text that people read, in ONNX's textual syntax (the one onnx.printer writes and onnx.parser
// reads):
//
//   <
//      ir_version: 8,
//      opset_import: ["" : 17]
//   >
//   g (float[N,3] x) => (float[N,4] y)
//      <float[3,4] w =  {1,2,...}>
//   {
//      [matmul] y = MatMul (x, w)
//   }
//
// What differs from onnx.printer: floats are printed so that they read back as the same value, long payloads
// end in
// "...", control characters in text are escaped, and values are printed for raw data of any numeric type.
// Elided tensors, external data and sparse tensors keep the text from being parsed back; it is a view, not a
// format.
#pragma once
#include <string>

#include "onnx/model.h"

namespace ow::onnx {

struct TextOptions {
  int64_t max_elements = 64;  // of each tensor payload or list attribute; the rest is "..."
};

std::string to_text(const Model& model, const TextOptions& options = {});
std::string to_text(const Graph& graph, const TextOptions& options = {});
std::string to_text(const Node& node, const TextOptions& options = {});
std::string to_text(const Function& function, const TextOptions& options = {});
// "float[N,3]", "seq(int64[])": the shape [] is an unknown one, none is a scalar.
std::string to_text(const Type& type);

}  // namespace ow::onnx
