// Import: onnx structs -> ir::Graph with the newest meaning of every operator.
//
// On the way each node is held against its schema (arity, attributes), calls of model-local functions are
// inlined, older opsets are upgraded by the operators' own rules, types and symbolic shapes are inferred, and
// small integer computations on constants are folded, because later nodes' shapes depend on them.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "ir/graph.h"
#include "onnx/file.h"

namespace ow {

struct ImportedModel {
  std::shared_ptr<onnx::ModelFile> file;  // constants may point into it
  std::shared_ptr<ir::Graph> graph;
  std::map<std::string, int64_t> opsets;  // as the file states them; "" is the default domain
  // What the file declares for the graph's outputs; inference may know more, or better.
  std::vector<ir::Type> declared_outputs;
  std::vector<std::string> warnings;
};

struct ImportLimits {
  int max_depth = 64;              // nested graphs and function calls together
  int64_t max_nodes = 10'000'000;  // after inlining
};

// Errors: InvalidModel (the file breaks the format, or a node its operator's rules), Unsupported (an operator,
// version or form that this build cannot do), each with the graph and node.
Result<ImportedModel> import_model(std::shared_ptr<onnx::ModelFile> file, const ImportLimits& limits = {});

// The constant behind a TensorProto; borrows from the mapped file where alignment allows.
Result<Tensor> import_tensor(const onnx::Tensor& proto, const std::shared_ptr<onnx::ModelFile>& file);
Result<ir::Type> import_type(const onnx::Type& proto);

}  // namespace ow
