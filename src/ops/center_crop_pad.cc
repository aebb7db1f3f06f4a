// CenterCropPad: crops or pads the listed axes to a target extent, around the centre. Where an odd number of
// elements goes or comes, the extra one is at the end (crop: kept at the start side less by rounding down).
#include <algorithm>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<ir::Ints> axes;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axes = a.maybe_integers("axes")}; }

// The axes, each of them once.
template <class Context>
Result<std::vector<size_t>> axes_of(const Attrs& a, Context& c, size_t rank) {
  std::vector<size_t> axes;
  for (size_t i = 0; i < (a.axes ? a.axes->size() : rank); ++i) {
    size_t axis = i;
    if constexpr (std::is_same_v<Context, InferContext>) {
      if (a.axes) axis = static_cast<size_t>(ONWARD_TRY(c.axis((*a.axes)[i], rank)));
    } else {
      if (a.axes) axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, (*a.axes)[i], rank)));
    }
    if (std::find(axes.begin(), axes.end(), axis) != axes.end())
      return c.error("attribute 'axes' is ", list_text(*a.axes), ", which names axis ", axis, " of ", rank,
                     " twice");
    axes.push_back(axis);
  }
  return axes;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x) return {};
  SymShape shape = *x;
  const auto* target = c.elements(1);
  const auto axes = ONWARD_TRY(axes_of(a, c, x->size()));
  const size_t n = axes.size();
  if (target && target->size() != n) return c.error("shape has ", target->size(), " values for ", n, " axes");
  for (size_t i = 0; i < n; ++i) {
    const size_t axis = axes[i];
    shape[axis] = target ? (*target)[i] : Dim::unknown();
    if (shape[axis].is_constant() && *shape[axis].constant() < 0)
      return c.error("shape has the negative extent ", shape[axis]);
  }
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto target = ONWARD_TRY(read_ints(c, 1));
  const auto axes = ONWARD_TRY(axes_of(a, c, x.rank()));
  const size_t n = axes.size();
  if (target.size() != n) return c.error("shape has ", target.size(), " values for ", n, " axes");
  Shape shape = x.shape(), common = x.shape();
  int64_t from_offset = 0;
  std::vector<int64_t> start(x.rank(), 0);
  for (size_t i = 0; i < n; ++i) {
    const size_t axis = axes[i];
    if (target[i] < 0) return c.error("shape has the negative extent ", target[i]);
    shape[axis] = target[i];
    common[axis] = std::min(target[i], x.dim(axis));
    if (x.dim(axis) > target[i])
      from_offset += (x.dim(axis) - target[i]) / 2 * x.strides()[axis];
    else
      start[axis] = (target[i] - x.dim(axis)) / 2;
  }
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  if (x.dtype() != DType::kString)
    std::memset(y.units.data, 0, static_cast<size_t>(y.tensor.count() * y.units.unit_bytes));
  const Shape strides = dense_strides(shape);
  int64_t to_offset = 0;
  for (size_t i = 0; i < x.rank(); ++i) to_offset += start[i] * strides[i];
  copy_strided_units(c, y.units.at(to_offset), strides.dims(), from.at(from_offset), x.strides().dims(),
                     common.dims());
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(center_crop_pad) {
  return {op<Attrs>({.name = "CenterCropPad", .read = read, .infer = infer, .run = run, .shape_inputs = 2})};
}

}  // namespace ow
