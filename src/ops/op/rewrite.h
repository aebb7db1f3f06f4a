// Rewriter: how `upgrade` and `lower` replace a node by other nodes. New nodes go before the node that is
// rewritten; `replace` redirects the users of its outputs and the node disappears. An upgrade may also edit
// the node in place (attributes, inputs). Facts of the node's inputs are known as far as inference has come.
#pragma once
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace ow {

class Rewriter {
 public:
  // Infers the facts of a freshly added node, so that rules can look at the shapes of what they build.
  using Infer = std::function<Status(ir::Node&)>;
  Rewriter(ir::Graph& graph, ir::Node& node, int64_t since_version, Infer infer)
      : patch_(graph), node_(node), since_version_(since_version), infer_(std::move(infer)) {}

  ir::Node& node() { return node_; }
  // The operator version (since_version of the schema) that the node was written for.
  int64_t since_version() const { return since_version_; }

  ir::Value* in(size_t i) const { return node_.input(i); }
  const SymShape* shape(const ir::Value* v) const {
    return v && v->type().shape ? &*v->type().shape : nullptr;
  }
  // Contents of a constant int64/int32 value of rank <= 1.
  std::optional<std::vector<int64_t>> constants(const ir::Value* v) const;

  // Adds a node of the default domain (or `domain`) and returns its first output.
  Result<ir::Value*> add(std::string_view op_type, std::vector<ir::Value*> inputs,
                         ir::Attributes attributes = {}, std::string_view domain = "");
  Result<std::vector<ir::Value*>> add_multi(std::string_view op_type, std::vector<ir::Value*> inputs,
                                            size_t outputs, ir::Attributes attributes = {},
                                            std::string_view domain = "");
  ir::Value* constant(Tensor t) { return patch_.constant(std::move(t)); }
  ir::Value* ints(const std::vector<int64_t>& values);  // int64 [n]
  ir::Value* int_scalar(int64_t value);                 // int64 []
  Result<ir::Value*> scalar_like(const ir::Value* v,
                                 double value);  // a scalar of v's (floating or integer) type

  void set_attribute(std::string_view name, ir::Attribute value) {
    node_.attributes.insert_or_assign(std::string(name), std::move(value));
  }
  void remove_attribute(std::string_view name) {
    if (auto it = node_.attributes.find(name); it != node_.attributes.end()) node_.attributes.erase(it);
  }
  void set_input(size_t i, ir::Value* v) { patch_.set_input(&node_, i, v); }
  // Ends the rewrite: users of output i now use values[i] (null: that output must be unused).
  Status replace(const std::vector<ir::Value*>& values);
  bool replaced() const { return replaced_; }

  template <class... T>
  Status error(const T&... parts) const {
    return invalid_model(node_.label(), ": ", parts...);
  }
  template <class... T>
  Status cannot(const T&... parts) const {
    return unsupported(node_.label(), ": ", parts...);
  }

 private:
  ir::Patch patch_;
  ir::Node& node_;
  int64_t since_version_;
  Infer infer_;
  bool replaced_ = false;
};

}  // namespace ow
