// What is in a model and what it costs, as a JSON report: from the file itself, and, where it can be
// imported, from its graph with inferred shapes. Costs are expressions in the symbols of the input shapes.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "passes/import.h"

namespace ow {

// Keys: ir_version, producer, producer_version, domain, model_version, doc_string, opsets, metadata, graph,
// inputs, outputs and nodes (as the file declares them), functions, local_functions, operators, parameters,
// external_files, missing_files; `problems` (`damage` if that is given, and what an import would stop at);
// `inferred` (inputs, outputs, symbols, macs, flops, activation_peak_bytes, ...; values that failing nodes
// make are of unknown type), or null and `not_inferred_because`. `sizes` gives symbols a size: inference then
// knows them as numbers, and expressions get a value. Errors: InvalidArgument (the inputs have no such
// symbol), or why the model does not fit these sizes.
Result<std::string> inspect_json(const std::shared_ptr<onnx::ModelFile>& file,
                                 const std::map<std::string, int64_t, std::less<>>& sizes = {},
                                 std::string_view damage = {});

// As imported; where that fails, with values of unknown type for what the failing nodes make, and the reasons
// in `problems`. Errors: those that leave nothing to look at.
Result<ImportedModel> import_what_can_be(const std::shared_ptr<onnx::ModelFile>& file,
                                         std::vector<std::string>& problems);

}  // namespace ow
