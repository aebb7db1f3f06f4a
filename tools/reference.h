// What a model's values are compared with: saved files, another model, or another engine.
//
//   a folder      NAME.npy, NAME.pb, NAME_0.npy ... as `onward run --out` writes them, or output_0.pb ... of
//                 an ONNX test data set; its input_0.pb ... are the inputs then
//   a file        another model, run by onward
//   onnxruntime   the Python package of that name, on the same model
//   onnx          the reference evaluator of that Python package, on the same model
// The packages run in a Python process of their own; values go through files in a temporary folder.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/datum.h"
#include "tools/intermediates.h"

namespace onward::tools {

using Values = std::map<std::string, Datum>;

class Reference {
 public:
  virtual ~Reference() = default;
  // Values of these names; what it does not have is absent. `plain`: without optimisations.
  virtual Values values(const Inputs& inputs, const std::vector<std::string>& names, bool plain) = 0;
  // In topological order; empty where there is no graph.
  virtual const std::vector<NodeNames>& nodes() const = 0;
  // The name here of the model's output `i`.
  virtual std::string output_name(const std::vector<std::string>& outputs, size_t i) const {
    return outputs[i];
  }
  // Inputs that come with it, as flags for make_inputs; empty: none.
  virtual std::vector<std::string> inputs() const { return {}; }
};

struct ReferenceRequest {
  std::string model, with, python;
  SessionOptions session;
};

// Throws UsageError where `with` is nothing of the above.
std::unique_ptr<Reference> make_reference(const ReferenceRequest& request);

// A model run by onward, whole or for values inside it.
class ModelValues : public Reference {
 public:
  ModelValues(std::string path, SessionOptions options);
  Values values(const Inputs& inputs, const std::vector<std::string>& names, bool plain) override;
  const std::vector<NodeNames>& nodes() const override { return nodes_; }
  std::string output_name(const std::vector<std::string>& outputs, size_t i) const override;

 private:
  std::string path_;
  SessionOptions options_;
  std::shared_ptr<ow::onnx::ModelFile> file_;
  std::vector<NodeNames> nodes_;
  Model model_;
  Session session_;
  std::vector<std::string> outputs_;
};

std::unique_ptr<Reference> make_python_reference(const ReferenceRequest& request);

}  // namespace onward::tools
