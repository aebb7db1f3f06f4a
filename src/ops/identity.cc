// Identity: the input, whatever it is: a tensor, a sequence, an optional, a map.
#include "ops/op/op.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  if (!c.has(0)) return {};
  c.set(0, c.type(0));
  if (c.elements(0)) c.set_elements(0, *c.elements(0));
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  c.set(0, c.value(0));
  return {};
}

}  // namespace

ONWARD_OPS(identity) {
  return {op<NoAttrs>({.name = "Identity", .infer = infer, .run = run, .in_place = {{0, 0}}, .view_of = 0})};
}

}  // namespace ow
