#include "ops/op/infer.h"

#include "base/checked.h"

namespace ow {

std::optional<std::vector<int64_t>> InferContext::constants(size_t i) const {
  const auto* symbolic = elements(i);
  if (!symbolic) return std::nullopt;
  std::vector<int64_t> out;
  for (const Dim& d : *symbolic) {
    if (!d.is_constant()) return std::nullopt;
    out.push_back(*d.constant());
  }
  return out;
}

void InferContext::set(size_t o, DType dtype, std::optional<SymShape> shape) {
  set(o, ir::Type::tensor(dtype, std::move(shape)));
}

void InferContext::set(size_t o, ir::Type type) {
  if (o < outputs_.size()) outputs_[o].type = std::move(type);
}

void InferContext::set_unknown_dims(size_t o, DType dtype, size_t rank) {
  SymShape shape;
  for (size_t i = 0; i < rank; ++i) shape.push_back(Dim::unknown());
  set(o, dtype, std::move(shape));
}

void InferContext::set_elements(size_t o, std::vector<Dim> elements) {
  if (o < outputs_.size() && elements.size() <= 1024) outputs_[o].elements = std::move(elements);
}

Result<SymShape> InferContext::broadcast(const SymShape& a, const SymShape& b) const {
  const SymShape& longer = a.size() >= b.size() ? a : b;
  const SymShape& shorter = a.size() >= b.size() ? b : a;
  SymShape out = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    Dim& d = out[offset + i];
    const Dim& s = shorter[i];
    if (d == s || s.is(1)) continue;
    if (d.is(1)) {
      d = s;
    } else if (d.is_constant() && s.is_constant()) {
      return error("shapes ", list_text(a), " and ", list_text(b), " do not broadcast: ", d, " against ", s,
                   " in axis ", offset + i);
    } else if (s.is_constant()) {
      d = s;
    } else if (!d.is_constant()) {
      d = Dim::unknown();
    }
  }
  return out;
}

Result<int64_t> InferContext::axis(int64_t axis, size_t rank) const {
  auto i = checked_index(axis, static_cast<int64_t>(rank));
  if (!i)
    return error("axis is ", axis, ", expected a value in [", -static_cast<int64_t>(rank), ", ", rank, ")");
  return *i;
}

Status infer_same(InferContext& c) {
  c.set(0, c.type(0));
  return {};
}

static Status infer_broadcast_as(InferContext& c, DType dtype) {
  std::optional<SymShape> shape = SymShape{};
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (!c.has(i)) continue;
    const SymShape* s = c.shape(i);
    if (!s) {
      shape.reset();
      break;
    }
    shape = ONWARD_TRY(c.broadcast(*shape, *s));
  }
  c.set(0, dtype, std::move(shape));
  return {};
}

Status infer_broadcast(InferContext& c) { return infer_broadcast_as(c, c.dtype(0)); }
Status infer_broadcast_bool(InferContext& c) { return infer_broadcast_as(c, DType::kBool); }

}  // namespace ow
