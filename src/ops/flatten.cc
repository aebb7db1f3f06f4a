// Flatten: the input as a matrix: axes before `axis` are the rows, the others the columns. axis may be the
// rank, which gives one column.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 1;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", 1)}; }

// In [0, rank]; nullopt outside [-rank, rank].
std::optional<size_t> split_at(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis > r) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set_unknown_dims(0, c.dtype(0), 2);
    return {};
  }
  auto at = split_at(a.axis, x->size());
  if (!at) return c.error("axis is ", a.axis, ", outside an input of rank ", x->size());
  c.set(0, c.dtype(0), SymShape{product(*x, 0, *at), product(*x, *at, x->size())});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  auto at = split_at(a.axis, x.rank());
  if (!at) return c.error("axis is ", a.axis, ", outside an input of shape ", x.shape());
  c.set(0, x.reshaped({x.shape().count(0, *at), x.shape().count(*at, x.rank())}));
  return {};
}

}  // namespace

ONWARD_OPS(flatten) {
  return {op<Attrs>({.name = "Flatten", .read = read, .infer = infer, .run = run, .view_of = 0})};
}

}  // namespace ow
