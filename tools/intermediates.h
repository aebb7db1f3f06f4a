// A model's nodes by name, and the model with values inside it made outputs.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "onnx/file.h"
#include "onward/onward.hpp"

namespace onward::tools {

// A node of the main graph, in the file's (topological) order. Omitted inputs and outputs are left out.
struct NodeNames {
  std::string name, op_type;
  std::vector<std::string> inputs, outputs;
};

std::shared_ptr<ow::onnx::ModelFile> load_file(const std::string& path);  // throws apps::FileError
std::vector<NodeNames> nodes_of(const ow::onnx::Model& model);

// The model with these values as its only outputs.
ow::onnx::Model with_outputs(const ow::onnx::ModelFile& file, const std::vector<std::string>& names);

// The same, loaded. Throws onward::Error.
Model model_with_outputs(const ow::onnx::ModelFile& file, const std::vector<std::string>& names);

}  // namespace onward::tools
