// Export: ir::Graph -> onnx structs, in standard operators.
//
// The graph holds the newest meaning of every operator. A model is written at the oldest opset, from the
// file's own on, at which each of its operators already has that meaning for the types it is used with: a
// model of opset 13 whose nodes did not change since stays a model of opset 13, and one that needed an
// upgrade takes the opset that the upgraded nodes need, not more.
//
// Written are the interface of the file (names, types, doc strings, metadata as they were), nodes, constants
// as initializers, subgraphs, types of intermediate values with symbolic sizes as dim_param, and what the
// model says of itself. Calls of model-local functions were inlined by the import; functions stay where a
// node still calls one. Operators of the domain `onward`, which fusing passes make, are refused: they hold
// two standard operators in one node, and whoever wants a portable model exports before those passes
// (simplify.h).
#pragma once
#include <memory>
#include <vector>

#include "passes/import.h"

namespace ow {

struct ExportedModel {
  std::shared_ptr<onnx::ModelFile> file;  // its views point into what is kept below
  std::shared_ptr<onnx::ModelFile> source;
  std::shared_ptr<const ir::Graph> graph;
  std::vector<Tensor> tensors;
  std::vector<std::string> warnings;  // what the model said and the export does not
};

// Errors: Unsupported (an operator, attribute or value that standard ONNX cannot say), with the node.
Result<ExportedModel> export_model(const ImportedModel& model);

// Writes the model; each file appears whole or not at all. `data_file`: as onnx::SaveOptions::location, for
// initializers of at least `threshold_bytes`. Empty: initializers are in the model, unless they were outside
// of the source, or the message would be too long. Errors: those of onnx::save.
Status save_exported(const ExportedModel& model, const std::string& path, const std::string& data_file = {},
                     int64_t threshold_bytes = 1024);

}  // namespace ow
