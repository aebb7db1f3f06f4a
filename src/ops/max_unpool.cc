// MaxUnpool: the maxima that MaxPool found go back to where they were; all else is 0.
//
// Indices are flat positions in the tensor that was pooled, of spatial extents (in - 1) * stride - pads +
// kernel. An output_shape that is larger holds that tensor in its corner.
#include "kernels/transpose.h"
#include "ops/op/op.h"
#include "ops/op/window.h"

namespace ow {
namespace {

Result<Window> read(const AttrReader& a) { return read_pool_window(a); }

Dim pooled_extent(const Window& w, size_t axis, const Dim& in) {
  return (in - 1) * w.stride(axis) + (w.kernel[axis] - w.pad_begin(axis) - w.pad_end(axis));
}

Status infer(const Window& w, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 3) return c.error("input 0 is ", list_text(*x), ", expected rank 3 or more");
  if (const std::string p = window_problem(w, x->size() - 2); !p.empty()) return c.error(p);
  if (c.has(2)) {
    const auto* shape = c.elements(2);
    if (shape && shape->size() != x->size())
      return c.error("output_shape has ", shape->size(), " values, expected ", x->size());
    if (shape)
      c.set(0, c.dtype(0), *shape);
    else
      c.set_unknown_dims(0, c.dtype(0), x->size());
    return {};
  }
  SymShape out = {(*x)[0], (*x)[1]};
  for (size_t i = 0; i + 2 < x->size(); ++i) out.push_back(pooled_extent(w, i, (*x)[i + 2]));
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

Result<Shape> pooled_shape(const Window& w, const RunContext& c) {
  const Shape& x = c.in(0).shape();
  if (x.rank() < 3) return c.error("input 0 has shape ", x, ", expected rank 3 or more");
  if (!(c.in(1).shape() == x))
    return c.error("indices have shape ", c.in(1).shape(), ", expected that of input 0, ", x);
  if (const std::string p = window_problem(w, x.rank() - 2); !p.empty()) return c.error(p);
  Shape out{x[0], x[1]};
  for (size_t i = 0; i + 2 < x.rank(); ++i) {
    const int64_t extent = pooled_extent(w, i, x[i + 2]).constant().value_or(-1);
    if (extent < 0) return c.error("the pads are larger than the output along spatial axis ", i);
    out.push_back(extent);
  }
  return out;
}

template <class T>
Status run_typed(const Window& w, RunContext& c) {
  const Shape pooled = ONWARD_TRY(pooled_shape(w, c));
  const int64_t count = pooled.count();
  if (count < 0) return c.error("the output's shape ", pooled, " overflows");
  Shape shape = pooled;
  if (c.has(2)) {
    shape = Shape(ONWARD_TRY(read_ints(c, 2)));
    bool fits = shape.rank() == pooled.rank();
    for (size_t i = 0; fits && i < shape.rank(); ++i) fits = shape[i] >= pooled[i];
    if (!fits) return c.error("output_shape is ", shape, ", expected at least ", pooled);
  }
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, shape));
  std::fill_n(y.mutable_data<T>(), y.count(), T(0));
  // Positions in the pooled tensor become positions in the output by way of its coordinates.
  const Shape strides = dense_strides(shape);
  const bool same = shape == pooled;
  for (int64_t i = 0; i < c.in(0).count(); ++i) {
    const int64_t index = c.in(1).data<int64_t>()[i];
    const auto at = index < 0 ? std::nullopt : checked_index(index, count);
    if (!at) return c.error("index ", index, " is outside the ", count, " elements of ", pooled);
    int64_t to = *at;
    if (!same) {
      int64_t rest = *at;
      to = 0;
      for (size_t a = pooled.rank(); a-- > 0; rest /= pooled[a]) to += rest % pooled[a] * strides[a];
    }
    y.mutable_data<T>()[to] = c.in(0).data<T>()[i];
  }
  return {};
}

Status run(const Window& w, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(w, c) : run_typed<float>(w, c);
}

}  // namespace

ONWARD_OPS(max_unpool) {
  return {op<Window>({.name = "MaxUnpool",
                      .read = read,
                      .infer = infer,
                      .run = run,
                      .native = types<float, double, int64_t>,
                      .shape_inputs = 1u << 2})};
}

}  // namespace ow
