// Compress: keeps the slices along `axis` (without it: the elements of the flattened input) whose condition
// is true. A condition shorter than the axis drops the rest.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<int64_t> axis;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.has("axis") ? std::optional(a.integer("axis", 0)) : std::nullopt};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  Dim kept = Dim::unknown();
  if (auto condition = c.constants(1))
    kept = Dim(static_cast<int64_t>(condition->size() - std::count(condition->begin(), condition->end(), 0)));
  if (!a.axis) {
    c.set(0, c.dtype(0), SymShape{kept});
  } else if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
  } else {
    SymShape shape = *x;
    shape[static_cast<size_t>(ONWARD_TRY(c.axis(*a.axis, x->size())))] = kept;
    c.set(0, c.dtype(0), std::move(shape));
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor x = a.axis ? c.in(0) : c.in(0).reshaped({c.in(0).count()});
  const Tensor& condition = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis.value_or(0), x.rank())));
  const int64_t inner = x.shape().count(axis + 1, x.rank()), outer = x.shape().count(0, axis);
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < condition.count(); ++i) {
    if (!condition.data<bool>()[i]) continue;
    if (i >= x.dim(axis)) return c.error("condition ", i, " is true for an axis of extent ", x.dim(axis));
    offsets.push_back(i * inner);
  }
  Shape shape = x.shape();
  shape[axis] = static_cast<int64_t>(offsets.size());
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  for (int64_t o = 0; o < outer; ++o)
    gather_units(c, y.units.at(o * shape[axis] * inner), from.at(o * x.dim(axis) * inner), offsets, inner);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(compress) {
  return {op<Attrs>({.name = "Compress", .read = read, .infer = infer, .run = run, .shape_inputs = 2})};
}

}  // namespace ow
