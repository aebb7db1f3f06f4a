// What `onward inspect` knows of a model, as JSON: from the file itself, and, where it can be imported, from
// its graph with inferred shapes.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "onnx/file.h"
#include "passes/import.h"

namespace onward::tools {

using nlohmann::ordered_json;
using SymbolSizes = std::map<std::string, int64_t, std::less<>>;

// ir_version, producer, opsets, metadata, inputs and outputs as declared, operators, parameters, external
// files.
ordered_json file_report(const ow::onnx::ModelFile& file);

// Inferred outputs, symbols and cost; expressions get a value where `sizes` has all their symbols.
ordered_json graph_report(ow::ImportedModel& model, const SymbolSizes& sizes);

}  // namespace onward::tools
