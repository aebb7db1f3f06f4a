// What a caller puts in the place of parts of the file (ImportOverrides), applied while a model is imported.
#pragma once
#include "passes/import.h"

namespace ow {

// Every name is one that the main graph has. Errors: InvalidArgument.
Status check_overrides(const ImportOverrides& overrides, const onnx::Graph& graph);
// Gives dimensions of a tensor type their sizes, by symbol and by the denotation that `proto` has for them.
void put_sizes(const ImportOverrides& overrides, const onnx::Type& proto, ir::Type& type);
// Makes each dimension that is no constant one of which nothing is known.
void separate_symbols(ir::Type& type);
// The tensor given for this initializer, which must be of the type and shape that the file states.
Result<Tensor> overriding(const ImportOverrides& overrides, const onnx::Tensor& proto);

}  // namespace ow
