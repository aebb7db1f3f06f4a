#include "passes/fold.h"

#include "ops/op/evaluate.h"
#include "passes/match.h"
#include "tensor/alignment.h"

namespace ow {
namespace {

// Bytes of the outputs as far as inference knows; nullopt where it does not.
std::optional<int64_t> output_bytes(const ir::Node& node) {
  int64_t total = 0;
  for (const ir::Value* v : node.outputs()) {
    if (!v) continue;
    if (!v->type().is_tensor() || !v->type().shape) return std::nullopt;
    auto shape = concrete(*v->type().shape);
    auto bytes = shape ? storage_bytes(v->type().dtype, shape->count()) : std::nullopt;
    if (!bytes || __builtin_add_overflow(total, *bytes, &total)) return std::nullopt;
  }
  return total;
}

// The elements as a tensor of int64 or int32; nullopt if one is not known, or the type is another.
std::optional<Tensor> known_tensor(const ir::Value& v) {
  const ir::Type& type = v.type();
  if (!type.is_tensor() || !type.shape || !v.fact.elements) return std::nullopt;
  const auto shape = concrete(*type.shape);
  const auto& elements = *v.fact.elements;
  if (!shape || shape->count() != static_cast<int64_t>(elements.size())) return std::nullopt;
  if (type.dtype != DType::kInt64 && type.dtype != DType::kInt32) return std::nullopt;
  auto t = Tensor::allocate(type.dtype, *shape);
  if (!t.ok()) return std::nullopt;
  for (size_t i = 0; i < elements.size(); ++i) {
    const auto number = elements[i].constant();
    if (!number) return std::nullopt;
    if (type.dtype == DType::kInt64)
      t->mutable_data<int64_t>()[i] = *number;
    else
      t->mutable_data<int32_t>()[i] = static_cast<int32_t>(*number);
  }
  return *t;
}

}  // namespace

bool fold_known_elements(ir::Node& node) {
  std::vector<std::pair<ir::Value*, Tensor>> found;
  for (ir::Value* v : node.outputs()) {
    if (!v) continue;
    auto t = known_tensor(*v);
    if (!t) return false;
    found.emplace_back(v, *std::move(t));
  }
  ir::Patch patch(*node.graph());
  for (auto& [value, tensor] : found) patch.make_constant(value, std::move(tensor));
  return !found.empty();
}

bool fold_node(ir::Node& node, const FoldLimits& limits) {
  const Op* op = find_op(node.domain, node.op_type);
  if (!op || !op->can_run || !op->traits.deterministic) return false;
  if (has_subgraphs(node)) return false;
  int64_t input_bytes = 0;
  std::vector<Value> inputs;
  for (const ir::Value* v : node.inputs()) {
    if (v && !v->is_constant()) return false;
    inputs.push_back(v ? Value(*v->fact.constant) : Value());
    if (v) input_bytes += v->fact.constant->bytes();
  }
  for (const ir::Value* v : node.outputs())
    if (v && v->type().kind != ir::Type::Kind::kTensor && v->type().kind != ir::Type::Kind::kUnknown)
      return false;
  auto bytes = output_bytes(node);
  if (bytes &&
      (*bytes > limits.max_output_bytes || *bytes > limits.free_bytes + input_bytes * limits.max_growth))
    return false;
  for (Value& v : inputs)
    if (Tensor* t = v.tensor()) {
      auto readable = aligned(*t);
      if (!readable.ok()) return false;
      *t = *std::move(readable);
    }
  EvaluateOptions options;
  options.budget = std::make_shared<Budget>();
  options.budget->set_memory_limit(limits.max_output_bytes * 4 + input_bytes * 4);
  auto outputs = evaluate(node, inputs, options);
  if (!outputs.ok()) return false;
  int64_t made_bytes = 0;
  for (const Value& v : *outputs) {
    if (v.has_value() && !v.is_tensor()) return false;
    if (v.tensor()) made_bytes += v.tensor()->bytes();
  }
  if (made_bytes > limits.free_bytes + input_bytes * limits.max_growth && node.op_type != "Constant")
    return false;
  ir::Patch patch(*node.graph());
  for (size_t o = 0; o < outputs->size(); ++o)
    if (ir::Value* v = node.output(o))
      if (const Tensor* t = (*outputs)[o].tensor()) patch.make_constant(v, *t);
  return true;
}

}  // namespace ow
