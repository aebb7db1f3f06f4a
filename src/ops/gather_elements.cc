// GatherElements: y[i, j, k] = x[indices[i, j, k], j, k] for axis 0, and so on: the output has the shape of
// the indices, which may be smaller than the input in the other axes.
//
// onward.GatherElements is what the optimiser makes of it and the Expand that makes its indices: they are
// broadcast with input 2, a shape, as Expand does, but nowhere stored.
#include <array>
#include <atomic>

#include "base/checked.h"
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", 0)}; }

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  if (x) ONWARD_TRY(c.axis(a.axis, x->size()));
  if (x && indices && x->size() != indices->size())
    return c.error("indices are ", list_text(*indices), ", expected rank ", x->size());
  if (indices)
    c.set(0, c.dtype(0), *indices);
  else if (x)
    c.set_unknown_dims(0, c.dtype(0), x->size());
  else
    c.set(0, c.dtype(0), std::nullopt);
  return {};
}

Status infer_expanded(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *indices = c.shape(1);
  const std::vector<Dim>* wanted = c.elements(2);
  if (x) ONWARD_TRY(c.axis(a.axis, x->size()));
  if (indices && wanted)
    c.set(0, c.dtype(0), ONWARD_TRY(c.broadcast(*indices, *wanted)));
  else if (x)
    c.set_unknown_dims(0, c.dtype(0), x->size());
  else
    c.set(0, c.dtype(0), std::nullopt);
  return {};
}

// One line of outputs. Where an index is outside, element 0 is taken in its place and the answer is false.
template <class T, class I>
bool gather_line(const T* from, int64_t extent, int64_t line, int64_t step, const I* index,
                 int64_t index_step, int64_t n, T* to) {
  bool good = true;
  auto at = [&](I given) {
    const int64_t wrapped = static_cast<int64_t>(given) + (given < 0 ? extent : 0);
    const bool inside = static_cast<uint64_t>(wrapped) < static_cast<uint64_t>(extent);
    good &= inside;
    return inside ? wrapped : 0;
  };
  if (line == 1 && step == 0 && index_step == 1)
    for (int64_t k = 0; k < n; ++k) to[k] = from[at(index[k])];
  else
    for (int64_t k = 0; k < n; ++k) to[k] = from[at(index[k * index_step]) * line + k * step];
  return good;
}

struct Lines {
  std::vector<int64_t> outer, strides;  // the axes of the output but the last, and the input's strides
  std::vector<int64_t> index_strides;   // of the indices there
  int64_t extent, line;                 // of the axis, and its stride
  int64_t step, index_step, length;     // along a line: the input's (0 if it is the axis), the indices'
};

template <class T, class I>
bool gather_all(const RunContext& c, const Lines& l, const T* from, const I* index, T* to) {
  std::atomic<bool> good = true;
  const int64_t lines = checked_product(l.outer).value_or(0);
  // Lines are cut, so that a single one has work for all threads.
  const int64_t piece = std::min<int64_t>(l.length, 8192), pieces = (l.length + piece - 1) / piece;
  c.parallel_for(lines * pieces, std::max<int64_t>(1, 8192 / piece), [&](int64_t begin, int64_t end) {
    Odometer at(l.outer);
    at.seek(begin / pieces);
    bool mine = true;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % pieces * piece, some = std::min(piece, l.length - first);
      mine &= gather_line(from + at.dot(l.strides) + first * l.step, l.extent, l.line, l.step,
                          index + at.dot(l.index_strides) + first * l.index_step, l.index_step, some,
                          to + i / pieces * l.length + first);
      if (first + piece >= l.length) at.step();
    }
    if (!mine) good = false;
  });
  return good;
}

template <class T>
Status run_units(RunContext& c, const Lines& l, const Units& from, const Units& to) {
  const Tensor& indices = c.in(1);
  const auto* x = reinterpret_cast<const T*>(from.data);
  auto* y = reinterpret_cast<T*>(to.data);
  bool good = false;
  if (indices.dtype() == DType::kInt64 && l.extent > 0)
    good = gather_all(c, l, x, indices.data<int64_t>(), y);
  else if (indices.dtype() == DType::kInt32 && l.extent > 0)
    good = gather_all(c, l, x, indices.data<int32_t>(), y);
  if (!good) ONWARD_TRY(read_indices(c, 1, l.extent));  // says which one it is
  return {};
}

// Output 0 of this shape; an axis of the indices of extent 1 repeats.
Status run_shape(const Attrs& a, RunContext& c, const Shape& shape) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  if (shape.rank() != x.rank() || indices.rank() != x.rank())
    return c.error("indices have shape ", shape, ", expected rank ", x.rank());
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != axis && shape[i] > x.dim(i))
      return c.error("indices of shape ", shape, " go past ", x.shape(), " in axis ", i);
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  const size_t last = x.rank() - 1;
  auto index_stride = [&](size_t i) { return indices.dim(i) == 1 ? 0 : indices.strides()[i]; };
  Lines l{.extent = x.dim(axis),
          .line = x.strides()[axis],
          .step = axis == last ? 0 : x.strides()[last],
          .index_step = shape[last] == 1 ? 1 : index_stride(last),
          .length = shape[last]};
  for (size_t i = 0; i < last; ++i) {
    l.outer.push_back(shape[i]);
    l.strides.push_back(i == axis ? 0 : x.strides()[i]);
    l.index_strides.push_back(index_stride(i));
  }
  if (from.strings) {
    ONWARD_TRY(run_units<std::string>(c, l, from, y.units));
  } else {
    switch (from.unit_bytes) {
      case 1:
        ONWARD_TRY(run_units<uint8_t>(c, l, from, y.units));
        break;
      case 2:
        ONWARD_TRY(run_units<uint16_t>(c, l, from, y.units));
        break;
      case 4:
        ONWARD_TRY(run_units<uint32_t>(c, l, from, y.units));
        break;
      case 8:
        ONWARD_TRY(run_units<uint64_t>(c, l, from, y.units));
        break;
      default:
        ONWARD_TRY((run_units<std::array<uint64_t, 2>>(c, l, from, y.units)));
    }
  }
  y.finish();
  return {};
}

Status run(const Attrs& a, RunContext& c) { return run_shape(a, c, c.in(1).shape()); }

Status run_expanded(const Attrs& a, RunContext& c) {
  const Shape wanted(ONWARD_TRY(read_ints(c, 2)));
  for (int64_t d : wanted)
    if (d < 0) return c.error("shape holds ", d, ", expected extents of at least 0");
  const auto shape = broadcast(c.in(1).shape(), wanted);
  if (!shape) return c.error("indices of shape ", c.in(1).shape(), " do not broadcast with shape ", wanted);
  return run_shape(a, c, *shape);
}

}  // namespace

ONWARD_OPS(gather_elements) {
  return {op<Attrs>({.name = "GatherElements", .read = read, .infer = infer, .run = run}),
          op<Attrs>({.name = "GatherElements",
                     .domain = "onward",
                     .read = read,
                     .infer = infer_expanded,
                     .run = run_expanded,
                     .shape_inputs = 1u << 2})};
}

}  // namespace ow
