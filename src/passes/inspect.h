// What is in a model and what it costs, as a JSON report: from the file itself, and, where it can be
// imported, from its graph with inferred shapes. Costs are expressions in the symbols of the input shapes.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "onnx/file.h"

namespace ow {

// Keys: ir_version, producer, producer_version, domain, model_version, doc_string, opsets, metadata, graph,
// inputs, outputs and nodes (as the file declares them), functions, operators, parameters, external_files;
// `inferred` (inputs, outputs, symbols, macs, flops, activation_peak_bytes, ...), or null and
// `not_inferred_because`. `sizes` gives symbols a size: inference then knows them as numbers, and expressions
// get a value. Errors: InvalidArgument (the inputs have no such symbol), or why the model does not fit these
// sizes.
Result<std::string> inspect_json(const std::shared_ptr<onnx::ModelFile>& file,
                                 const std::map<std::string, int64_t, std::less<>>& sizes = {});

}  // namespace ow
