// Transpose: y[i_perm[0], i_perm[1], ..] = x[i_0, i_1, ..]; without `perm` the axes are reversed.
//
// The answer is a view of the input under permuted strides: whoever needs it dense makes it so. Tensors of
// 2- and 4-bit types have no strides, so those are copied.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<ir::Ints> perm;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.perm = a.maybe_integers("perm")}; }

// nullopt if perm is no permutation of the axes.
std::optional<std::vector<size_t>> permutation(const Attrs& a, size_t rank) {
  std::vector<size_t> perm(rank);
  if (!a.perm) {
    for (size_t i = 0; i < rank; ++i) perm[i] = rank - 1 - i;
    return perm;
  }
  std::vector<bool> seen(rank, false);
  if (a.perm->size() != rank) return std::nullopt;
  for (size_t i = 0; i < rank; ++i) {
    auto axis = checked_index((*a.perm)[i], static_cast<int64_t>(rank));
    if (!axis || seen[static_cast<size_t>(*axis)]) return std::nullopt;
    perm[i] = static_cast<size_t>(*axis);
    seen[perm[i]] = true;
  }
  return perm;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    if (a.perm && a.perm->size() <= 64)
      c.set_unknown_dims(0, c.dtype(0), a.perm->size());
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  auto perm = permutation(a, x->size());
  if (!perm)
    return c.error("perm is ", list_text(*a.perm), ", no permutation of the axes of ", list_text(*x));
  SymShape shape;
  for (size_t axis : *perm) shape.push_back((*x)[axis]);
  const bool keep_elements = c.elements(0) && shape.size() <= 1;
  c.set(0, c.dtype(0), std::move(shape));
  if (keep_elements) c.set_elements(0, *c.elements(0));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  auto perm = permutation(a, x.rank());
  if (!perm) return c.error("perm is no permutation of the axes of ", x.shape());
  Shape shape, strides;
  for (size_t axis : *perm) {
    shape.push_back(x.dim(axis));
    strides.push_back(x.strides()[axis]);
  }
  if (!is_sub_byte(x.dtype())) {
    c.set(0, x.strided(shape, strides));
    return {};
  }
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  copy_strided_units(c, y.units, dense_strides(shape).dims(), from, strides.dims(), shape.dims());
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(transpose) {
  return {op<Attrs>(
      {.name = "Transpose", .read = read, .infer = infer, .run = run, .layout = LayoutRule::kTranspose})};
}

}  // namespace ow
