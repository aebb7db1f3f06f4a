// What the areas of the checker share: where findings go, and what the model says that every rule needs.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/model.h"
#include "passes/check/check.h"

namespace ow::check {

using onnx::or_default;
using Opsets = std::map<std::string, int64_t, std::less<>>;  // by domain; "" for ai.onnx

inline std::string_view canonical_domain(std::string_view domain) {
  return domain == "ai.onnx" ? "" : domain;
}

// The domains whose operators the schema facts define.
bool is_onnx_domain(std::string_view domain);

// "domain::name" of a function or operator, with ":overload" where there is one.
std::string function_key(std::string_view domain, std::string_view name, std::string_view overload);

// 'name' with control characters escaped.
std::string quoted(std::string_view text);

class Report {
 public:
  Report(const onnx::ModelFile& model_file, const CheckOptions& check_options);

  const onnx::ModelFile& file;
  const onnx::Model& model;
  const CheckOptions& options;
  int64_t ir_version = 0;
  Opsets opsets;                                                     // of the model
  std::unordered_map<std::string, const onnx::Function*> functions;  // by function_key
  std::unordered_map<const onnx::Node*, std::string> node_places;
  std::unordered_set<const onnx::Node*> bad_nodes;  // those with an error
  std::unordered_set<std::string> used_domains, used_functions;

  // `code` begins with E or W, which is its severity.
  void add(const char* code, std::string location, std::string found, std::string expected = {},
           std::string advice = {});
  bool has_errors() const { return errors_ > 0; }
  int64_t errors() const { return errors_; }
  std::vector<Finding> take();

 private:
  std::vector<Finding> findings_;
  std::map<std::string, int64_t> count_by_code_;
  int64_t errors_ = 0;
};

// Names that are in sight: a graph's own and, through `outer`, those of the graphs around it.
struct Names {
  const Names* outer = nullptr;
  std::unordered_set<std::string_view> own = {};
  bool has(std::string_view name) const {
    for (const Names* n = this; n; n = n->outer)
      if (n->own.count(name)) return true;
    return false;
  }
};

// What a node needs to know of where it is.
struct Place {
  const Opsets* opsets = nullptr;
  const onnx::Function* function = nullptr;  // null outside function bodies
};

// model.cc
void check_header(Report& r);
void check_text(Report& r);            // UTF-8 everywhere
void check_unused_imports(Report& r);  // after all nodes
void check_metadata(Report& r, const std::string& at, const std::vector<onnx::StringStringEntry>& entries);
Opsets read_opsets(Report& r, const std::string& at, const std::vector<onnx::OperatorSetId>& imports);
// graph.cc
void check_graph(Report& r, const onnx::Graph& g, const std::string& at, const Place& place,
                 const Names* outer);
// A list of nodes in order; adds their outputs to `names`.
void check_nodes(Report& r, const std::vector<onnx::Node>& nodes, const std::string& at, const Place& place,
                 Names& names);
void check_dead_nodes(Report& r, const std::vector<onnx::Node>& nodes, const std::string& at,
                      const std::vector<std::string_view>& outputs);
// type.cc
void check_value_info(Report& r, const onnx::ValueInfo& info, const std::string& at, bool needs_type);
void check_type(Report& r, const onnx::Type& type, const std::string& at, bool needs_shape);
// tensor.cc
void check_tensor(Report& r, const onnx::Tensor& t, const std::string& at);
void check_sparse_tensor(Report& r, const onnx::SparseTensor& t, const std::string& at);
// tensor_lint.cc: what is in the data
void check_contents(Report& r, const onnx::Tensor& t, const std::string& at);
// external_data.cc
void check_external_data(Report& r, const onnx::Tensor& t, const std::string& at);
void check_external_overlap(Report& r);
// node.cc
void check_node(Report& r, const onnx::Node& n, const std::string& at, const Place& place,
                const Names& names);
// attribute.cc
void check_attribute(Report& r, const onnx::Attribute& a, const std::string& at, const Place& place,
                     const Names* names);
// function.cc
void check_functions(Report& r);
void check_call(Report& r, const onnx::Node& n, const onnx::Function& f, const std::string& at);
// training.cc
void check_training(Report& r);
void check_annotations(Report& r, const onnx::Graph& g, const std::string& at, const Names& names);
// inference.cc
void check_inference(Report& r, const std::shared_ptr<onnx::ModelFile>& file);

}  // namespace ow::check
