// Small questions that fusions ask of a graph.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>

#include "passes/missed.h"

namespace ow {

bool has_subgraphs(const ir::Node& node);

// The node that alone reads `v`, once; null if there is none in v's graph, or if `v` leaves the graph.
ir::Node* only_reader(const ir::Value* v);

// The constant float32 tensor that `v` is; null if it is none, or not dense.
const Tensor* float_constant(const ir::Value* v);
// The element of a constant float tensor of one element.
std::optional<float> scalar(const ir::Value* v);
// Whether `v` is such a constant within a relative 1e-4 of `number`.
bool is_number(const ir::Value* v, float number);

// The other input of a two-input node; null if `v` is not one of the two, or both.
ir::Value* other_input(const ir::Node* node, const ir::Value* v);

// The producer of `v` if it is a node of this operator of the default domain; else null.
ir::Node* made_by(const ir::Value* v, std::string_view op_type);

// Whether two values have the same shape, symbols included, as far as it is known.
bool same_shape(const ir::Value* a, const ir::Value* b);

// Where each node stands in its graph, so that a fused node reads nothing that is made after it.
using Positions = std::unordered_map<const ir::Node*, int>;
Positions positions(const ir::Graph& g);
bool is_made_before(const ir::Value* v, const ir::Node* node, const Positions& at);

// The Add that alone reads what `node` makes, and its other operand; nulls if there is none.
struct SumMatch {
  ir::Node* add = nullptr;
  ir::Value* operand = nullptr;
};
SumMatch sum_behind(const ir::Node& node, const Positions& at, Why& why);
// Whether `v` can be added to what `node` makes, element by element, in the node itself.
bool is_residual(const ir::Value* v, const ir::Node& node, const Positions& at, Why& why);
// The operand becomes this input of `node`, which makes the sum from now on.
void take_sum(ir::Node& node, size_t input, const SumMatch& sum, ir::Patch& patch);

// An activation function on the value that it reads.
struct ActivationMatch {
  ir::Node* last = nullptr;  // whose output the activated value is
  std::string name;          // as in kernels::Activation, in snake case
  float alpha = 0, beta = 0;
};
// `n` as an activation of its input 0, if it is one.
std::optional<ActivationMatch> plain_activation(ir::Node& n);
// The one that alone reads `x`. SiLU and hard-swish are found in their decomposed forms, too:
//   x * Sigmoid(x),   x * HardSigmoid(x; 1/6, 1/2)
std::optional<ActivationMatch> activation_of(const ir::Value& x, Why& why);
// Into the attributes of an operator that applies it; prefix: as for read_activation().
void set_activation(ir::Node& node, const ActivationMatch& activation, std::string_view prefix = "");
// Activates what `node` makes as the node behind does, if there is one; it must not have an activation yet.
bool take_activation(ir::Node& node, ir::Patch& patch, Why& why, std::string_view prefix = "");
// Whether a node that reads `v` alone, or beside others, is an activation function, taken or not.
bool meets_activation(const ir::Value& v);

}  // namespace ow
