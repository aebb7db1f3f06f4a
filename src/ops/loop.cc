// Loop: for (i = 0; i < M && cond; ++i) (cond, state.., scan..) = body(i, cond, state..). An omitted M or
// cond does not limit. The scan outputs of all iterations are stacked along a new axis 0.
//
// Sizes of the state that change from one iteration to the next are symbols in the body. Where M is known and
// the condition is never false, so is the length of the scan outputs.
#include "ops/op/join.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr body;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.graph("body")}; }

Status check_arity(const Attrs& a, const ir::Node& node, size_t states) {
  if (a.body->inputs().size() != states + 2 || a.body->outputs().size() < states + 1 ||
      a.body->outputs().size() - 1 < node.outputs().size())
    return invalid_model(node.label(), ": the body has ", a.body->inputs().size(), " inputs and ",
                         a.body->outputs().size(), " outputs, which do not fit ", states,
                         " state values and ", node.outputs().size(), " outputs");
  return {};
}

bool is_always(const ir::Fact& fact, bool value) {
  return fact.elements && fact.elements->size() == 1 && (*fact.elements)[0].is(value ? 1 : 0);
}

// How often the body runs, given what is known of the condition that it returns.
Dim iterations(const InferContext& c, const ir::Fact& next) {
  const bool starts = !c.has(1) || is_always(c.fact(1), true);
  if (c.has(1) && is_always(c.fact(1), false)) return 0;
  const auto* trips = c.has(0) ? c.elements(0) : nullptr;
  if (!trips || trips->size() != 1) return Dim::unknown();
  const Dim& m = (*trips)[0];
  if (m.is_constant() && *m.constant() <= 0) return 0;
  if (!starts) return Dim::unknown();
  if (is_always(next, false) && m.is_constant()) return 1;
  return is_always(next, true) ? m : Dim::unknown();
}

Status infer(const Attrs& a, InferContext& c) {
  const size_t states = c.inputs() > 2 ? c.inputs() - 2 : 0;
  ONWARD_TRY(check_arity(a, c.node(), states));
  std::vector<ir::Fact> facts{{ir::Type::tensor(DType::kInt64, SymShape{}), {}, {}},
                              {ir::Type::tensor(DType::kBool, SymShape{}), std::vector<Dim>{1}, {}}};
  std::vector<Feedback> feedback;
  for (size_t i = 0; i < states; ++i) {
    facts.push_back(c.has(i + 2) ? c.fact(i + 2) : ir::Fact{});
    feedback.push_back({i + 1, i + 2});
  }
  const auto results = ONWARD_TRY(c.infer_subgraph(*a.body, facts, feedback));
  const Dim length = iterations(c, results[0]);
  for (size_t o = 0; o < c.outputs(); ++o) {
    ir::Fact fact = results[o + 1];
    fact.constant.reset();
    if (o >= states) {
      if (fact.type.shape) fact.type.shape->insert(fact.type.shape->begin(), length);
      c.set(o, std::move(fact.type));
    } else if (c.has(o + 2)) {
      c.results()[o] = common_fact(length, c.fact(o + 2), fact);
    } else {
      c.results()[o] = std::move(fact);
    }
  }
  return {};
}

Result<int64_t> trip_count(RunContext& c) {
  if (!c.has(0)) return INT64_MAX;
  auto m = ONWARD_TRY(read_ints(c, 0));
  if (m.size() != 1) return c.error("M has ", m.size(), " values, expected one");
  return m[0];
}

Result<bool> condition(const RunContext& c, const Value& v) {
  const Tensor* t = v.tensor();
  if (!t || t->dtype() != DType::kBool || t->count() != 1) return c.error("the condition is not one bool");
  return t->data<bool>()[0];
}

Status run(const Attrs& a, RunContext& c) {
  const size_t states = c.inputs() > 2 ? c.inputs() - 2 : 0;
  ONWARD_TRY(check_arity(a, c.node(), states));
  const int64_t trips = ONWARD_TRY(trip_count(c));
  bool go_on = c.has(1) ? ONWARD_TRY(condition(c, c.value(1))) : true;
  const bool until_done = is_always(a.body->outputs()[0]->fact, true) && go_on && trips < INT64_MAX;
  int64_t i = 0;
  std::vector<Value> inputs{Tensor::borrow(DType::kInt64, {}, &i, nullptr),
                            Tensor::borrow(DType::kBool, {}, &go_on, nullptr)};
  for (size_t s = 0; s < states; ++s) inputs.push_back(c.value(s + 2));
  std::vector<Value> results(a.body->outputs().size());
  std::vector<RowStack> scans;
  for (size_t k = states + 1; k < results.size(); ++k)
    scans.emplace_back(k - 1, 0, until_done ? std::max<int64_t>(trips, 0) : -1);
  for (; i < trips && go_on; ++i) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    ONWARD_TRY(c.iterate(*a.body, i, inputs, results));
    go_on = ONWARD_TRY(condition(c, results[0]));
    for (size_t s = 0; s < states; ++s) inputs[s + 2] = std::move(results[s + 1]);
    for (size_t k = 0; k < scans.size(); ++k) {
      const Tensor* t = results[states + 1 + k].tensor();
      if (!t) return c.error("scan output ", k, " of the body is no tensor");
      ONWARD_TRY(scans[k].add(c, *t));
    }
  }
  for (size_t s = 0; s < states && s < c.outputs(); ++s) c.set(s, std::move(inputs[s + 2]));
  for (RowStack& scan : scans) ONWARD_TRY(scan.finish(c));
  return {};
}

}  // namespace

ONWARD_OPS(loop) { return {op<Attrs>({.name = "Loop", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
