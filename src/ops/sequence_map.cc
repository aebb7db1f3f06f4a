// SequenceMap: runs the body once for each element of the first sequence; further sequences give their
// element at the same place, tensors go in whole. Every output is the sequence of the body's results.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr body;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.graph("body")}; }

Status infer(const Attrs& a, InferContext& c) {
  std::vector<ir::Fact> facts;
  for (size_t i = 0; i < c.inputs(); ++i) {
    ir::Type type = c.has(i) ? c.type(i) : ir::Type{};
    if (type.kind == ir::Type::Kind::kSequence) type = type.element ? ir::Type(*type.element) : ir::Type{};
    facts.push_back({std::move(type), {}, {}});
  }
  auto results = ONWARD_TRY(c.infer_subgraph(*a.body, facts));
  if (results.size() < c.outputs() || a.body->inputs().size() != c.inputs())
    return c.error("the body has ", a.body->inputs().size(), " inputs and ", results.size(), " outputs");
  for (size_t o = 0; o < c.outputs(); ++o) c.set(o, ir::Type::sequence(results[o].type));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Sequence* first = c.has(0) ? c.value(0).sequence() : nullptr;
  if (!first) return c.error("input 0 is no sequence");
  std::vector<Sequence> outputs(c.outputs());
  for (size_t i = 0; i < first->size(); ++i) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    std::vector<Value> inputs;
    for (size_t k = 0; k < c.inputs(); ++k) {
      const Sequence* s = c.has(k) ? c.value(k).sequence() : nullptr;
      if (s && s->size() != first->size())
        return c.error("input ", k, " has ", s->size(), " elements, the first sequence has ", first->size());
      inputs.push_back(s ? (*s)[i] : c.value(k));
    }
    auto results = ONWARD_TRY(c.run_subgraph(*a.body, inputs));
    if (results.size() < outputs.size()) return c.error("the body has ", results.size(), " outputs");
    for (size_t o = 0; o < outputs.size(); ++o)
      outputs[o].push_back(ONWARD_TRY(results[o].owned(c.budget())));
  }
  for (size_t o = 0; o < outputs.size(); ++o) c.set(o, Value(std::move(outputs[o])));
  return {};
}

}  // namespace

ONWARD_OPS(sequence_map) {
  return {op<Attrs>({.name = "SequenceMap", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
