// Loop: for (i = 0; i < M && cond; ++i) (cond, state.., scan..) = body(i, cond, state..). An omitted M or
// cond does not limit. The scan outputs of all iterations are stacked along a new axis 0.
//
// The shapes of the state may change from one iteration to the next, so only its types go into the body's
// inference; shapes that the body declares are kept.
#include "ops/op/join.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr body;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.graph("body")}; }

// What stacking the scan outputs will take, held while they gather: elements that share memory take none
// until they are stacked, and there may be any number of them.
class Reservation {
 public:
  explicit Reservation(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() { clear(); }
  Status add(int64_t bytes) {
    if (!budget_) return {};
    ONWARD_TRY(budget_->acquire(bytes));
    bytes_ += bytes;
    return {};
  }
  void clear() {
    if (budget_) budget_->release(bytes_);
    bytes_ = 0;
  }

 private:
  std::shared_ptr<Budget> budget_;
  int64_t bytes_ = 0;
};

ir::Type without_shape(ir::Type type) {
  type.shape.reset();
  if (type.element) type.element = std::make_shared<const ir::Type>(without_shape(*type.element));
  return type;
}

Status check_arity(const Attrs& a, const ir::Node& node, size_t states) {
  if (a.body->inputs().size() != states + 2 || a.body->outputs().size() < states + 1 ||
      a.body->outputs().size() - 1 < node.outputs().size())
    return invalid_model(node.label(), ": the body has ", a.body->inputs().size(), " inputs and ",
                         a.body->outputs().size(), " outputs, which do not fit ", states,
                         " state values and ", node.outputs().size(), " outputs");
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  const size_t states = c.inputs() > 2 ? c.inputs() - 2 : 0;
  ONWARD_TRY(check_arity(a, c.node(), states));
  std::vector<ir::Fact> facts{{ir::Type::tensor(DType::kInt64, SymShape{}), {}, {}},
                              {ir::Type::tensor(DType::kBool, SymShape{}), {}, {}}};
  for (size_t i = 0; i < states; ++i)
    facts.push_back({c.has(i + 2) ? without_shape(c.type(i + 2)) : ir::Type{}, {}, {}});
  auto results = ONWARD_TRY(c.infer_subgraph(*a.body, facts));
  for (size_t o = 0; o < c.outputs(); ++o) {
    ir::Type type = results[o + 1].type;
    if (o < states) {
      c.set(o, c.has(o + 2) ? common_type(c.type(o + 2), type) : type);
      continue;
    }
    if (type.shape) type.shape->insert(type.shape->begin(), Dim::unknown());
    c.set(o, std::move(type));
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
  std::vector<Value> state;
  for (size_t i = 0; i < states; ++i) state.push_back(c.value(i + 2));
  std::vector<std::vector<Tensor>> scans(a.body->outputs().size() - 1 - states);
  Reservation stacked(c.budget());
  for (int64_t i = 0; i < trips && go_on; ++i) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    std::vector<Value> inputs{Tensor::scalar(i), Tensor::scalar(go_on)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    auto results = ONWARD_TRY(c.run_subgraph(*a.body, inputs));
    go_on = ONWARD_TRY(condition(c, results[0]));
    for (size_t s = 0; s < states; ++s) state[s] = ONWARD_TRY(results[s + 1].owned(c.budget()));
    for (size_t k = 0; k < scans.size(); ++k) {
      const Tensor* t = results[states + 1 + k].tensor();
      if (!t) return c.error("scan output ", k, " of the body is no tensor");
      ONWARD_TRY(stacked.add(t->bytes() + int64_t{sizeof(Tensor)}));
      scans[k].push_back(ONWARD_TRY(t->owned(c.budget())));
    }
  }
  stacked.clear();
  for (size_t s = 0; s < states && s < c.outputs(); ++s) c.set(s, ONWARD_TRY(state[s].owned(c.budget())));
  for (size_t k = 0; k < scans.size() && states + k < c.outputs(); ++k)
    ONWARD_TRY(scans[k].empty() ? empty_stack(c, states + k, 0)
                                : join_tensors(c, states + k, scans[k], 0, true));
  return {};
}

}  // namespace

ONWARD_OPS(loop) { return {op<Attrs>({.name = "Loop", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
