// TensorScatter: writes `update` into a copy of `past_cache` along `axis` (the sequence), beginning at
// write_indices[batch] (default 0); mode `circular` starts over at the end of the axis.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -2;
  bool circular = false;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string mode = a.text("mode", "linear");
  if (mode != "linear" && mode != "circular")
    a.fail("mode", cat("is '", mode, "', expected linear or circular"));
  return Attrs{.axis = a.integer("axis", -2), .circular = mode == "circular"};
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.shape(0)) {
    if (ONWARD_TRY(c.axis(a.axis, c.shape(0)->size())) == 0) return c.error("axis is 0, the batch axis");
    if (c.shape(1) && c.shape(1)->size() != c.shape(0)->size())
      return c.error("update is ", list_text(*c.shape(1)), ", expected rank ", c.shape(0)->size());
  }
  return infer_same(c);
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &past = c.in(0), &update = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, past.rank())));
  Shape expected = past.shape();
  if (update.rank() == past.rank()) expected[axis] = update.dim(axis);
  if (axis == 0 || !(update.shape() == expected) || update.dim(axis) > past.dim(axis) ||
      update.dtype() != past.dtype())
    return c.error("update of shape ", update.shape(), " does not fit a cache of shape ", past.shape(),
                   " along axis ", axis);
  std::vector<int64_t> begin(static_cast<size_t>(past.dim(0)), 0);
  if (c.has(2)) begin = ONWARD_TRY(read_ints(c, 2));
  if (static_cast<int64_t>(begin.size()) != past.dim(0))
    return c.error("write_indices has ", begin.size(), " values for ", past.dim(0), " batch entries");
  const int64_t n = update.dim(axis), extent = past.dim(axis);
  for (int64_t b : begin)
    if (b < 0 || (a.circular ? b >= std::max<int64_t>(extent, 1) : b > extent - n))
      return c.error("write index ", b, " does not fit ", n, " rows into ", extent);
  Units data = ONWARD_TRY(units_of(c, past)), from = ONWARD_TRY(units_of(c, update));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, past.dtype(), past.shape()));
  if (y.units.data != data.data) copy_units(y.units, data, past.count());
  const int64_t inner = past.shape().count(axis + 1, past.rank()), heads = past.shape().count(1, axis);
  for (int64_t b = 0; b < past.dim(0); ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = (begin[static_cast<size_t>(b)] + i) % extent, line = b * heads + h;
        copy_units(y.units.at((line * extent + at) * inner), from.at((line * n + i) * inner), inner);
      }
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(tensor_scatter) {
  return {
      op<Attrs>({.name = "TensorScatter", .read = read, .infer = infer, .run = run, .in_place = {{0, 0}}})};
}

}  // namespace ow
