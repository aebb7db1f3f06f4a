// GatherElements: y[i, j, k] = x[indices[i, j, k], j, k] for axis 0, and so on: the output has the shape of
// the indices, which may be smaller than the input in the other axes.
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

// One line of outputs. Where an index is outside, element 0 is taken in its place and the answer is false.
template <class T, class I>
bool gather_line(const T* from, int64_t extent, int64_t line, int64_t step, const I* index, int64_t n,
                 T* to) {
  bool good = true;
  auto at = [&](I given) {
    const int64_t wrapped = static_cast<int64_t>(given) + (given < 0 ? extent : 0);
    const bool inside = static_cast<uint64_t>(wrapped) < static_cast<uint64_t>(extent);
    good &= inside;
    return inside ? wrapped : 0;
  };
  if (line == 1 && step == 0)
    for (int64_t k = 0; k < n; ++k) to[k] = from[at(index[k])];
  else
    for (int64_t k = 0; k < n; ++k) to[k] = from[at(index[k]) * line + k * step];
  return good;
}

struct Lines {
  std::vector<int64_t> outer, strides;  // the axes of the indices but the last, and the input's strides
  int64_t extent, line, step, length;   // of the axis; of the last axis where that is not it; of a line
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
      const int64_t first = i % pieces * piece, row = i / pieces * l.length + first;
      mine &= gather_line(from + at.dot(l.strides) + first * l.step, l.extent, l.line, l.step, index + row,
                          std::min(piece, l.length - first), to + row);
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

Status run(const Attrs& a, RunContext& c) {
  const Tensor &x = c.in(0), &indices = c.in(1);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  if (indices.rank() != x.rank())
    return c.error("indices have shape ", indices.shape(), ", expected rank ", x.rank());
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != axis && indices.dim(i) > x.dim(i))
      return c.error("indices of shape ", indices.shape(), " go past ", x.shape(), " in axis ", i);
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), indices.shape()));
  if (y.tensor.count() == 0) return {};
  const size_t last = x.rank() - 1;
  Lines l{{}, {}, x.dim(axis), x.strides()[axis], axis == last ? 0 : x.strides()[last], indices.dim(last)};
  for (size_t i = 0; i < last; ++i) {
    l.outer.push_back(indices.dim(i));
    l.strides.push_back(i == axis ? 0 : x.strides()[i]);
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

}  // namespace

ONWARD_OPS(gather_elements) {
  return {op<Attrs>({.name = "GatherElements", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
