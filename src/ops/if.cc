// If: runs one of two graphs without inputs; what they use of the surrounding graph they capture.
#include "ops/op/join.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr then_branch, else_branch;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.graph("then_branch"), a.graph("else_branch")}; }

// With a known condition only the branch that it chooses counts: the other one may be impossible.
Status infer_known(const ir::GraphPtr& chosen, const ir::GraphPtr& other, InferContext& c) {
  auto facts = ONWARD_TRY(c.infer_subgraph(*chosen, {}));
  (void)c.infer_subgraph(*other, {});
  if (facts.size() < c.outputs())
    return c.error("the branch has ", facts.size(), " outputs, expected ", c.outputs());
  for (size_t o = 0; o < c.outputs(); ++o) {
    c.results()[o] = std::move(facts[o]);
    c.results()[o].constant.reset();
  }
  return {};
}

Status infer(const Attrs& a, InferContext& c) {
  if (const auto known = c.constants(0); known && known->size() == 1)
    return (*known)[0] ? infer_known(a.then_branch, a.else_branch, c)
                       : infer_known(a.else_branch, a.then_branch, c);
  auto then_facts = ONWARD_TRY(c.infer_subgraph(*a.then_branch, {}));
  auto else_facts = ONWARD_TRY(c.infer_subgraph(*a.else_branch, {}));
  if (then_facts.size() != else_facts.size() || then_facts.size() < c.outputs())
    return c.error("the branches have ", then_facts.size(), " and ", else_facts.size(), " outputs, expected ",
                   c.outputs());
  for (size_t o = 0; o < c.outputs(); ++o) {
    const ir::Fact &yes = then_facts[o], &no = else_facts[o];
    if (yes.type.is_tensor() && no.type.is_tensor() && yes.type.dtype != no.type.dtype &&
        yes.type.dtype != DType::kUndefined && no.type.dtype != DType::kUndefined)
      return c.error("output ", o, " is ", yes.type, " in one branch and ", no.type, " in the other");
    c.results()[o] = common_fact(yes, no);
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& cond = c.in(0);
  if (cond.count() != 1 || cond.dtype() != DType::kBool)
    return c.error("the condition is ", cond.dtype(), cond.shape(), ", expected one bool");
  const ir::Graph& branch = cond.data<bool>()[0] ? *a.then_branch : *a.else_branch;
  if (branch.outputs().size() < c.outputs())
    return c.error("the branch has ", branch.outputs().size(), " outputs, expected ", c.outputs());
  std::vector<Value> results(branch.outputs().size());
  ONWARD_TRY(c.iterate(branch, 0, {}, results));
  for (size_t o = 0; o < c.outputs(); ++o) c.set(o, std::move(results[o]));
  return {};
}

}  // namespace

ONWARD_OPS(if) { return {op<Attrs>({.name = "If", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
