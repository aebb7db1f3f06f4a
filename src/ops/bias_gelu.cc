// com.microsoft's Gelu family, on x or on x plus a bias:
//   BiasGelu, Gelu  x Phi(x), with the error function      FastGelu  the same with tanh
//   QuickGelu       x sigmoid(alpha x), alpha 1.702
#include "ops/op/contrib.h"

namespace ow {
namespace {

struct Attrs {
  float alpha = 1;
};

Result<Attrs> read_quick(const AttrReader& a) { return Attrs{a.real("alpha", 1.702f)}; }

Status infer_biased(const Attrs&, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0}, 2, 1));
  return c.has(1) ? infer_broadcast(c) : infer_same(c);
}
Status infer_plain(const Attrs&, InferContext& c) {
  ONWARD_TRY(check_arity(c, {0}, 1, 1));
  return infer_same(c);
}

Status lower_gelu(Rewriter& c, std::string_view approximate) {
  ir::Value* x = c.in(0);
  if (c.in(1)) x = ONWARD_TRY(c.add("Add", {x, c.in(1)}));
  return c.replace({ONWARD_TRY(c.add("Gelu", {x}, {{"approximate", std::string(approximate)}}))});
}

Status lower_exact(const Attrs&, Rewriter& c) { return lower_gelu(c, "none"); }
Status lower_fast(const Attrs&, Rewriter& c) { return lower_gelu(c, "tanh"); }
Status lower_quick(const Attrs& a, Rewriter& c) {
  return c.replace({ONWARD_TRY(c.add("Swish", {c.in(0)}, {{"alpha", a.alpha}}))});
}

OpSpec<Attrs> biased(std::string_view name, Status (*lower)(const Attrs&, Rewriter&)) {
  return {.name = name, .domain = kMicrosoft, .infer = infer_biased, .lower = lower};
}

}  // namespace

ONWARD_OPS(bias_gelu) {
  return {op<Attrs>(biased("BiasGelu", lower_exact)), op<Attrs>(biased("FastGelu", lower_fast)),
          op<Attrs>({.name = "Gelu", .domain = kMicrosoft, .infer = infer_plain, .lower = lower_exact}),
          op<Attrs>({.name = "QuickGelu",
                     .domain = kMicrosoft,
                     .read = read_quick,
                     .infer = infer_plain,
                     .lower = lower_quick})};
}

}  // namespace ow
