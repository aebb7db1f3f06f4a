// And, Or, Xor of bools.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim both(const Dim* x, size_t) {
  if (x[0].is(0) || x[1].is(0)) return 0;
  if (x[0].is_constant() && x[1].is_constant()) return 1;
  return x[0].is_constant() ? x[1] : x[1].is_constant() ? x[0] : Dim::unknown();
}
Dim either(const Dim* x, size_t) {
  if ((x[0].is_constant() && !x[0].is(0)) || (x[1].is_constant() && !x[1].is(0))) return 1;
  return x[0].is(0) ? x[1] : x[1].is(0) ? x[0] : Dim::unknown();
}
Dim one_of(const Dim* x, size_t) { return x[0].is(0) ? x[1] : x[1].is(0) ? x[0] : Dim::unknown(); }

template <ElementRule kRule>
Status infer(const NoAttrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  ONWARD_TRY(infer_broadcast_bool(c));
  infer_elements(c, kRule);
  return {};
}

struct And {
  static bool of(bool a, bool b) { return a & b; }
};
struct Or {
  static bool of(bool a, bool b) { return a | b; }
};
struct Xor {
  static bool of(bool a, bool b) { return a != b; }
};

template <class F>
Status run(const NoAttrs&, RunContext& c) {
  return visit_types(TypeList<bool>{}, c, c.in(0).dtype(), [&]<class T>(T) {
    return run_binary<T, T, T>(c, DType::kBool, [](T a, T b) { return F::of(a, b); });
  });
}

template <class F, ElementRule kRule>
std::unique_ptr<Op> row(std::string_view name) {
  return op<NoAttrs>({.name = name,
                      .infer = infer<kRule>,
                      .upgrade = [](Rewriter& c) { return upgrade_broadcast(c); },
                      .run = run<F>,
                      .native = types<bool>,
                      .layout = LayoutRule::kElementwise,
                      .in_place = {{0, 0}, {1, 0}}});
}

}  // namespace

ONWARD_OPS(logical) { return {row<And, both>("And"), row<Or, either>("Or"), row<Xor, one_of>("Xor")}; }

}  // namespace ow
