// GatherND: the last axis of the indices, of extent k, addresses the k axes of the data that follow the
// `batch_dims` common leading axes; what is behind them is copied as a block.
// Output shape: indices.shape[:-1] + data.shape[batch_dims + k:].
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t batch_dims = 0;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.batch_dims = a.integer("batch_dims", 0)};
  if (attrs.batch_dims < 0) a.fail("batch_dims", cat("is ", attrs.batch_dims, ", expected at least 0"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x || !indices) return {};
  if (indices->empty() || a.batch_dims >= static_cast<int64_t>(indices->size()))
    return c.error("indices are ", list_text(*indices), ", expected a rank above batch_dims ", a.batch_dims);
  if (!indices->back().is_constant()) return {};
  const int64_t k = *indices->back().constant(), skip = a.batch_dims + k;
  if (k < 0 || skip > static_cast<int64_t>(x->size()))
    return c.error("indices address ", k, " axes after ", a.batch_dims, " of an input of rank ", x->size());
  SymShape shape(indices->begin(), indices->end() - 1);
  shape.insert(shape.end(), x->begin() + skip, x->end());
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

Status check_shapes(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  const auto batch_dims = static_cast<size_t>(a.batch_dims);
  if (batch_dims >= indices.rank() || batch_dims > x.rank() || indices.shape().back() < 0 ||
      indices.shape().back() > static_cast<int64_t>(x.rank() - batch_dims))
    return c.error("indices of shape ", indices.shape(), " do not fit data of shape ", x.shape(),
                   " with batch_dims ", a.batch_dims);
  for (size_t i = 0; i < batch_dims; ++i)
    if (x.dim(i) != indices.dim(i))
      return c.error("batch axis ", i, " is ", x.dim(i), " in the data and ", indices.dim(i),
                     " in the indices");
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  ONWARD_TRY(check_shapes(a, c));
  const auto batch_dims = static_cast<size_t>(a.batch_dims), k = static_cast<size_t>(indices.shape().back());
  Shape shape;
  for (size_t i = 0; i + 1 < indices.rank(); ++i) shape.push_back(indices.dim(i));
  for (size_t i = batch_dims + k; i < x.rank(); ++i) shape.push_back(x.dim(i));
  const auto index = ONWARD_TRY(read_integers(c, 1));
  const int64_t n = indices.shape().count(0, indices.rank() - 1);
  const int64_t batch = x.shape().count(0, batch_dims), per_batch = batch ? n / batch : 0;
  const int64_t item = x.shape().count(batch_dims, x.rank());
  auto offsets = ONWARD_TRY(c.scratch_of<int64_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    int64_t offset = i / std::max<int64_t>(per_batch, 1) * item;
    for (size_t j = 0; j < k; ++j) {
      const int64_t v = index[static_cast<size_t>(i) * k + j];
      auto at = checked_index(v, x.dim(batch_dims + j));
      if (!at) return c.error("index ", v, " is outside axis ", batch_dims + j, " of ", x.shape());
      offset += *at * x.strides()[batch_dims + j];
    }
    offsets[static_cast<size_t>(i)] = offset;
  }
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  gather_units(c, y.units, from, offsets, x.shape().count(batch_dims + k, x.rank()));
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(gather_nd) { return {op<Attrs>({.name = "GatherND", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
