// If: runs one of two graphs without inputs; what they use of the surrounding graph they capture.
#include "ops/op/join.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr then_branch, else_branch;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.graph("then_branch"), a.graph("else_branch")}; }

Status infer(const Attrs& a, InferContext& c) {
  auto then_facts = ONWARD_TRY(c.infer_subgraph(*a.then_branch, {}));
  auto else_facts = ONWARD_TRY(c.infer_subgraph(*a.else_branch, {}));
  if (then_facts.size() != else_facts.size() || then_facts.size() < c.outputs())
    return c.error("the branches have ", then_facts.size(), " and ", else_facts.size(), " outputs, expected ",
                   c.outputs());
  const Tensor* cond = c.constant(0);
  const bool known = cond && cond->dtype() == DType::kBool && cond->count() == 1;
  for (size_t o = 0; o < c.outputs(); ++o) {
    const ir::Fact &yes = then_facts[o], &no = else_facts[o];
    if (known) {
      c.results()[o] = cond->data<bool>()[0] ? yes : no;
      c.results()[o].constant.reset();
      continue;
    }
    if (yes.type.is_tensor() && no.type.is_tensor() && yes.type.dtype != no.type.dtype &&
        yes.type.dtype != DType::kUndefined && no.type.dtype != DType::kUndefined)
      return c.error("output ", o, " is ", yes.type, " in one branch and ", no.type, " in the other");
    c.set(o, common_type(yes.type, no.type));
    if (yes.elements && no.elements && *yes.elements == *no.elements) c.set_elements(o, *yes.elements);
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& cond = c.in(0);
  if (cond.count() != 1 || cond.dtype() != DType::kBool)
    return c.error("the condition is ", cond.dtype(), cond.shape(), ", expected one bool");
  const ir::Graph& branch = cond.data<bool>()[0] ? *a.then_branch : *a.else_branch;
  auto results = ONWARD_TRY(c.run_subgraph(branch, {}));
  if (results.size() < c.outputs())
    return c.error("the branch has ", results.size(), " outputs, expected ", c.outputs());
  for (size_t o = 0; o < c.outputs(); ++o) c.set(o, ONWARD_TRY(results[o].owned(c.budget())));
  return {};
}

}  // namespace

ONWARD_OPS(if) { return {op<Attrs>({.name = "If", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
