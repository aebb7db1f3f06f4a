// Optional wraps a value or, without input, makes an empty optional of the type in `type`;
// OptionalHasElement says whether there is something, OptionalGetElement takes it out. A full optional is
// represented by what it holds, so wrapping and taking out move nothing.
#include "ops/op/op.h"

namespace ow {
namespace {

using Kind = ir::Type::Kind;

struct Attrs {
  std::optional<ir::Type> type;
};

Result<Attrs> read(const AttrReader& a) {
  auto it = a.node().attributes.find("type");
  const ir::Type* type = it != a.node().attributes.end() ? std::get_if<ir::Type>(&it->second) : nullptr;
  return Attrs{type ? std::optional(*type) : std::nullopt};
}

Status infer_optional(const Attrs& a, InferContext& c) {
  if (!c.has(0) && !a.type) return c.error("has neither an input nor the attribute 'type'");
  c.set(0, ir::Type::optional(c.has(0) ? c.type(0) : *a.type));
  return {};
}

Status run_optional(const Attrs&, RunContext& c) {
  if (c.has(0)) c.set(0, ONWARD_TRY(c.value(0).owned(c.budget())));
  return {};
}

Status infer_has(const NoAttrs&, InferContext& c) {
  c.set(0, DType::kBool, SymShape{});
  return {};
}

Status run_has(const NoAttrs&, RunContext& c) {
  Tensor y = ONWARD_TRY(c.out(0, DType::kBool, {}));
  y.mutable_data<bool>()[0] = c.has(0);
  return {};
}

Status infer_get(const NoAttrs&, InferContext& c) {
  const ir::Type& type = c.type(0);
  if (type.kind == Kind::kOptional) {
    if (type.element) c.set(0, *type.element);
  } else {
    c.set(0, type);
  }
  return {};
}

Status run_get(const NoAttrs&, RunContext& c) {
  if (!c.has(0)) return c.error("the optional is empty");
  c.set(0, c.value(0));
  return {};
}

}  // namespace

ONWARD_OPS(optional) {
  return {op<Attrs>({.name = "Optional", .read = read, .infer = infer_optional, .run = run_optional}),
          op<NoAttrs>({.name = "OptionalHasElement", .infer = infer_has, .run = run_has}),
          op<NoAttrs>({.name = "OptionalGetElement", .infer = infer_get, .run = run_get})};
}

}  // namespace ow
