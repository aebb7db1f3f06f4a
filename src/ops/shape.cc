// Shape: the extents of axes [start, end) of the input. Size: their product over all axes.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t start = 0;
  std::optional<int64_t> end;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.start = a.integer("start", 0), .end = std::nullopt};
  if (a.has("end")) attrs.end = a.integer("end", 0);
  return attrs;
}

// The axes that are meant, as [first, second): bounds count from the end where negative, and are clamped.
std::pair<size_t, size_t> axes(const Attrs& a, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  auto clamped = [r](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + r : i, 0, r); };
  const int64_t first = clamped(a.start), last = clamped(a.end.value_or(r));
  return {static_cast<size_t>(first), static_cast<size_t>(std::max(first, last))};
}

Status infer_shape(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set_unknown_dims(0, DType::kInt64, 1);
    return {};
  }
  const auto [first, last] = axes(a, x->size());
  c.set(0, DType::kInt64, SymShape{static_cast<int64_t>(last - first)});
  c.set_elements(0, std::vector<Dim>(x->begin() + static_cast<ptrdiff_t>(first),
                                     x->begin() + static_cast<ptrdiff_t>(last)));
  return {};
}

Status run_shape(const Attrs& a, RunContext& c) {
  const Shape& x = c.in(0).shape();
  const auto [first, last] = axes(a, x.rank());
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {static_cast<int64_t>(last - first)}));
  std::copy(x.begin() + first, x.begin() + last, y.mutable_data<int64_t>());
  return {};
}

Status infer_size(const NoAttrs&, InferContext& c) {
  c.set(0, DType::kInt64, SymShape{});
  if (c.shape(0)) c.set_elements(0, {product(*c.shape(0), 0, c.shape(0)->size())});
  return {};
}

Status run_size(const NoAttrs&, RunContext& c) {
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {}));
  y.mutable_data<int64_t>()[0] = c.in(0).count();
  return {};
}

}  // namespace

ONWARD_OPS(shape) {
  return {op<Attrs>({.name = "Shape",
                     .read = read,
                     .infer = infer_shape,
                     .run = run_shape,
                     .layout = LayoutRule::kUnread}),
          op<NoAttrs>({.name = "Size", .infer = infer_size, .run = run_size, .layout = LayoutRule::kUnread})};
}

}  // namespace ow
