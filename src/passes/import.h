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
  bool sizes_given = false;  // by overrides, so that the file's own declarations say less
  std::vector<std::string> warnings;
};

struct ImportLimits {
  int max_depth = 64;             // nested graphs and function calls together
  int64_t max_nodes = 2'000'000;  // after inlining
};

// What takes the place of something in the file, in the main graph only.
struct ImportOverrides {
  std::map<std::string, Tensor, std::less<>> initializers;  // by name; of the type and shape in the file
  std::map<std::string, int64_t, std::less<>> dims;         // sizes of the inputs' symbols
  std::map<std::string, int64_t, std::less<>> denotations;  // sizes of dimensions with this denotation
  // Each open dimension of an input is a size of its own, whatever symbol the file has for it.
  bool separate_symbols = false;
  bool empty() const {
    return initializers.empty() && dims.empty() && denotations.empty() && !separate_symbols;
  }
};

// Told of what an import would otherwise stop at, for tools that want to know everything.
class ImportObserver {
 public:
  virtual ~ImportObserver() = default;
  // A node of a graph that cannot be imported, for a reason other than a limit. Its outputs become values of
  // unknown type, and the import goes on.
  virtual void node_failed(const onnx::Node& node, Status why) = 0;
  // An initializer that cannot be read; its value is of unknown type.
  virtual void initializer_failed(std::string_view name, Status why) = 0;
  // A value of the main graph under its name in the file, once inferred.
  virtual void value(const std::string& name, const ir::Value& value) = 0;
};

// Errors: InvalidModel (the file breaks the format, or a node its operator's rules), Unsupported (an
// operator, version or form that this build cannot do), each with the graph and node; InvalidArgument for an
// override that names nothing in the file or does not fit what it names.
Result<ImportedModel> import_model(std::shared_ptr<onnx::ModelFile> file, const ImportLimits& limits = {},
                                   ImportObserver* observer = nullptr, const ImportOverrides& overrides = {});

// The constant behind a TensorProto; borrows from the mapped file where alignment allows. `any_address`:
// large floats also where it does not (tensor/alignment.h).
Result<Tensor> import_tensor(const onnx::Tensor& proto, const std::shared_ptr<onnx::ModelFile>& file,
                             bool any_address = false);
Result<ir::Type> import_type(const onnx::Type& proto);

}  // namespace ow
