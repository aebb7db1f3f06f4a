#include "ops/op/evaluate.h"

#include <unordered_map>

#include "ops/op/widen.h"
#include "tensor/alignment.h"
#include "tensor/convert.h"

namespace ow {
namespace {

class HeapContext final : public RunContext {
 public:
  HeapContext(const ir::Node& node, std::span<const Value> inputs, std::vector<Value>& outputs,
              const EvaluateOptions& options, const Captured& captured)
      : options_(options), captured_(captured) {
    node_ = &node;
    threads_ = options.threads;
    strict_ = true;  // the plain meaning: what others are held to
    budget_ = &options.budget;
    for (const Value& v : inputs) inputs_.push_back(&v);
    for (size_t o = 0; o < outputs.size(); ++o) outputs_.push_back(node.outputs()[o] ? &outputs[o] : nullptr);
  }

  Result<Tensor> out(size_t o, DType dtype, const Shape& shape) override {
    Tensor t = ONWARD_TRY(Tensor::allocate(dtype, shape, budget()));
    set(o, t);
    return t;
  }

  Result<std::span<std::byte>> scratch(int64_t bytes) override {
    scratch_.push_back(ONWARD_TRY(allocate_buffer(bytes, budget())));
    return std::span(scratch_.back().get(), static_cast<size_t>(bytes));
  }

  Result<std::vector<Value>> run_subgraph(const ir::Graph& g, std::span<const Value> inputs) override {
    return evaluate(g, inputs, options_, captured_);
  }

  void set_prepared(const std::any* prepared) { prepared_ = prepared; }

 private:
  const EvaluateOptions& options_;
  const Captured& captured_;
  std::vector<Buffer> scratch_;
};

}  // namespace

Result<std::vector<Value>> evaluate(const ir::Node& node, std::span<const Value> inputs,
                                    const EvaluateOptions& options, const Captured& captured) {
  const Op* op = find_op(node.domain, node.op_type);
  if (!op || !op->can_run) return unsupported(node.label(), ": no CPU implementation of this operator");
  auto attrs = ONWARD_TRY(op->read(AttrReader(node)));
  std::any prepared;
  if (op->has_prepare) {
    PrepareContext prepare(node, options.threads, true);
    prepared = ONWARD_TRY(op->prepare(attrs.get(), prepare));
  }
  if (options.budget) ONWARD_TRY(options.budget->check());
  std::vector<Value> outputs(node.outputs().size());
  std::vector<DType> types;
  for (const Value& v : inputs) types.push_back(v.tensor() ? v.tensor()->dtype() : DType::kUndefined);
  const Widening widening = plan_widening(*op, types, outputs.size());
  std::vector<Value> wide(inputs.begin(), inputs.end());
  for (size_t i = 0; i < wide.size(); ++i)
    if (widening.inputs[i] != DType::kUndefined)
      wide[i] = ONWARD_TRY(convert(*wide[i].tensor(), widening.inputs[i]));
  HeapContext context(node, wide, outputs, options, captured);
  context.set_prepared(prepared.has_value() ? &prepared : nullptr);
  ONWARD_TRY(op->run(attrs.get(), context));
  for (size_t o = 0; o < outputs.size(); ++o) {
    Tensor* t = outputs[o].tensor();
    if (!t) continue;
    *t = ONWARD_TRY(t->owned(options.budget));  // no strided view, nothing borrowed
    if (widening.outputs[o] != DType::kUndefined) *t = ONWARD_TRY(convert(*t, widening.outputs[o]));
  }
  return outputs;
}

Result<std::vector<Value>> evaluate(const ir::Graph& graph, std::span<const Value> inputs,
                                    const EvaluateOptions& options, const Captured& captured) {
  std::unordered_map<const ir::Value*, Value> env;
  for (size_t i = 0; i < graph.inputs().size() && i < inputs.size(); ++i) env[graph.inputs()[i]] = inputs[i];
  Captured lookup = [&](const ir::Value* v) -> const Value* {
    if (auto it = env.find(v); it != env.end()) return &it->second;
    if (v->fact.constant && !v->producer()) {
      auto constant = aligned(*v->fact.constant);
      return constant.ok() ? &(env[v] = Value(*std::move(constant))) : nullptr;
    }
    return captured ? captured(v) : nullptr;
  };
  for (const auto& node : graph.nodes()) {
    std::vector<Value> arguments;
    for (const ir::Value* v : node->inputs()) {
      const Value* value = v ? lookup(v) : nullptr;
      if (v && !value) return internal_error(node->label(), ": input '", v->name(), "' has no value");
      arguments.push_back(value ? *value : Value());
    }
    auto outputs = ONWARD_TRY(evaluate(*node, arguments, options, lookup));
    for (size_t o = 0; o < outputs.size(); ++o)
      if (node->outputs()[o]) env[node->outputs()[o]] = std::move(outputs[o]);
  }
  std::vector<Value> results;
  for (const ir::Value* v : graph.outputs()) {
    const Value* value = lookup(v);
    if (!value) return internal_error("graph output '", v->name(), "' has no value");
    results.push_back(*value);
  }
  return results;
}

Status infer_node(ir::Node& node, const InferContext::SubgraphInference& subgraph) {
  const Op* op = find_op(node.domain, node.op_type);
  if (!op)
    return unsupported(node.label(), ": unknown operator", node.domain.empty() ? "" : " of domain ",
                       node.domain);
  auto attrs = ONWARD_TRY(op->read(AttrReader(node)));
  std::vector<const ir::Fact*> facts;
  for (const ir::Value* v : node.inputs()) facts.push_back(v ? &v->fact : nullptr);
  InferContext context(node, std::move(facts), subgraph);
  ONWARD_TRY(op->infer(attrs.get(), context));
  for (size_t o = 0; o < node.outputs().size(); ++o)
    if (ir::Value* v = node.outputs()[o]) {
      ir::Fact& fact = context.results()[o];
      fact.type = ir::merge(fact.type, v->fact.type);
      v->fact = std::move(fact);
    }
  return {};
}

namespace {

ir::Type type_of(const Value& v) {
  if (const Tensor* t = v.tensor()) return ir::Type::tensor(t->dtype(), symbolic(t->shape()));
  if (const Sequence* s = v.sequence()) {
    ir::Type element = s->empty() ? ir::Type{} : type_of((*s)[0]);
    element.shape.reset();
    return ir::Type::sequence(std::move(element));
  }
  return {};
}

Status check_inferred(const ir::Node& node, const std::vector<Value>& outputs) {
  for (size_t o = 0; o < outputs.size(); ++o) {
    const Tensor* t = outputs[o].tensor();
    if (!t || !node.outputs()[o]) continue;
    const ir::Type& inferred = node.outputs()[o]->type();
    bool same = !inferred.is_tensor() || inferred.dtype == t->dtype();
    if (inferred.shape) {
      same &= inferred.shape->size() == t->rank();
      for (size_t i = 0; same && i < t->rank(); ++i)
        same = !(*inferred.shape)[i].is_constant() || (*inferred.shape)[i].is(t->dim(i));
    }
    if (!same)
      return internal_error(node.label(), ": output ", o, " was inferred as ", inferred, " but is ",
                            type_of(outputs[o]));
  }
  return {};
}

}  // namespace

Result<std::vector<Value>> evaluate_op(std::string_view op_type, std::vector<Value> inputs, size_t outputs,
                                       ir::Attributes attributes, std::string_view domain) {
  ir::Graph graph;
  std::vector<ir::Value*> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    ir::Value* v = inputs[i].has_value() ? graph.add_input(cat("x", i), type_of(inputs[i])) : nullptr;
    // Small integer inputs decide shapes: let inference see them, as it does after constant folding.
    if (v && inputs[i].tensor()) v->fact = ir::Fact::of(*inputs[i].tensor());
    arguments.push_back(v);
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs; ++i) names.push_back(cat("y", i));
  ir::Node* node = graph.add_node(op_type, domain, arguments, names, std::move(attributes));
  ONWARD_TRY(infer_node(*node));
  auto results = ONWARD_TRY(evaluate(*node, inputs));
  ONWARD_TRY(check_inferred(*node, results));
  return results;
}

}  // namespace ow
