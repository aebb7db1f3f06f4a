// How each operator is differentiated: from the gradients of its outputs to those of its inputs, as nodes of
// ONNX's own operators, which can be differentiated in turn (ops/gradient.cc walks a graph with these rules).
//
// With g[o] the gradient of output o (the derivative of the target by each of its elements), a rule gives
// input i the sum over o of g[o] times the derivative of output o by input i: a vector-Jacobian product.
#pragma once
#include <initializer_list>
#include <string_view>
#include <vector>

#include "ops/op/attributes.h"
#include "ops/op/rewrite.h"

namespace ow {

// One node and the values at which it is differentiated. A rule is a list of formulas: the first error is
// kept in status(), and what comes of it is null.
class GradientContext {
 public:
  // `gradients[o]` is null where the target does not depend on output o; `wanted[i]` says whose are asked
  // for.
  GradientContext(Rewriter& rewriter, const ir::Node& node, std::vector<ir::Value*> inputs,
                  std::vector<ir::Value*> outputs, std::vector<ir::Value*> gradients,
                  std::vector<bool> wanted)
      : results(inputs.size()),
        rewriter_(rewriter),
        node_(node),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        gradients_(std::move(gradients)),
        wanted_(std::move(wanted)) {}

  const ir::Node& node() const { return node_; }
  AttrReader attributes() const { return AttrReader(node_); }
  size_t inputs() const { return inputs_.size(); }
  size_t outputs() const { return outputs_.size(); }
  ir::Value* in(size_t i) const { return i < inputs_.size() ? inputs_[i] : nullptr; }
  // Null: omitted.
  ir::Value* out(size_t o = 0) const { return outputs_[o]; }
  // The node once more, with all of its outputs; empty after an error.
  std::vector<ir::Value*> all_outputs();
  ir::Value* gradient(size_t o = 0) const { return gradients_[o]; }
  bool wants(size_t i) const { return i < wanted_.size() && wanted_[i]; }
  void give(size_t i, ir::Value* gradient) { results[i] = gradient; }

  ir::Value* op(std::string_view op_type, std::vector<ir::Value*> inputs, ir::Attributes attributes = {});
  // All of the outputs; empty after an error.
  std::vector<ir::Value*> ops(std::string_view op_type, std::vector<ir::Value*> inputs, size_t outputs,
                              ir::Attributes attributes = {});
  ir::Value* add(ir::Value* a, ir::Value* b) { return op("Add", {a, b}); }
  ir::Value* sub(ir::Value* a, ir::Value* b) { return op("Sub", {a, b}); }
  ir::Value* mul(ir::Value* a, ir::Value* b) { return op("Mul", {a, b}); }
  ir::Value* div(ir::Value* a, ir::Value* b) { return op("Div", {a, b}); }
  ir::Value* neg(ir::Value* a) { return op("Neg", {a}); }
  ir::Value* shape_of(ir::Value* v) { return op("Shape", {v}); }
  // A scalar of v's type.
  ir::Value* number(ir::Value* v, double value);
  ir::Value* ints(const std::vector<int64_t>& values) { return rewriter_.ints(values); }
  ir::Value* int_scalar(int64_t value) { return rewriter_.int_scalar(value); }
  // v's elements in the shape of `like`, of as many.
  ir::Value* reshaped_to(ir::Value* v, ir::Value* like);
  // Broadcasting undone: v summed over the axes along which `like` was repeated to v's shape.
  ir::Value* summed_to(ir::Value* v, ir::Value* like);
  // All elements alike.
  ir::Value* filled(double value, ir::Value* like);
  // nullopt: unknown.
  std::optional<size_t> rank(const ir::Value* v) const;

  // The rule cannot do this node: fail("its 'axis' is no constant").
  template <class... T>
  void fail(const T&... parts) {
    if (status_.ok()) status_ = rewriter_.cannot("the derivative of ", node_.label(), ": ", parts...);
  }
  const Status& status() const { return status_; }

  std::vector<ir::Value*> results;  // by input; null: 0

 private:
  bool are_known(const ir::Value* v, const ir::Value* like, std::vector<int64_t>& axes) const;

  Rewriter& rewriter_;
  const ir::Node& node_;
  std::vector<ir::Value*> inputs_, outputs_, gradients_;
  std::vector<bool> wanted_;
  Status status_;
};

using GradientRule = void (*)(GradientContext&);
// Null: this build knows none. Operators whose derivative is 0 have a rule that gives nothing.
GradientRule find_gradient_rule(const ir::Node& node);

}  // namespace ow
