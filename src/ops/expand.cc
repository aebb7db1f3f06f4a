// Expand: the input broadcast with `shape`, both ways as numpy broadcasts two tensors.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Status infer(const NoAttrs&, InferContext& c) {
  const std::vector<Dim>* wanted = c.elements(1);
  const SymShape *x = c.shape(0), *rank = c.shape(1);
  if (rank && rank->size() != 1)
    return c.error("input 1 (shape) has rank ", rank->size(), ", expected 1");
  if (!wanted || !x) {
    // At least the rank is known where the length of `shape` is.
    if (x && rank && (*rank)[0].is_constant() && *(*rank)[0].constant() <= 4096)
      c.set_unknown_dims(0, c.dtype(0), std::max(x->size(), static_cast<size_t>(*(*rank)[0].constant())));
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  for (const Dim& d : *wanted)
    if (d.is_constant() && *d.constant() < 0) return c.error("shape holds ", d, ", expected extents of at least 0");
  c.set(0, c.dtype(0), ONWARD_TRY(c.broadcast(*x, *wanted)));
  const SymShape& shape = *c.results()[0].type.shape;
  if (auto e = known_elements(c, 0); e && shape.size() <= 1) {
    const auto n = shape.empty() ? std::optional<int64_t>(1) : shape[0].constant();
    if (n && *n >= 0 && *n <= 1024 && e->size() == 1) c.set_elements(0, std::vector<Dim>(static_cast<size_t>(*n), (*e)[0]));
    else if (n && static_cast<int64_t>(e->size()) == *n) c.set_elements(0, *e);
  }
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  const Shape wanted(ONWARD_TRY(read_ints(c, 1)));
  for (int64_t d : wanted)
    if (d < 0) return c.error("shape holds ", d, ", expected extents of at least 0");
  auto shape = broadcast(x.shape(), wanted);
  if (!shape) return c.error("input of shape ", x.shape(), " does not broadcast with shape ", wanted);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), *shape));
  if (x.dtype() != DType::kString && !is_sub_byte(x.dtype())) {
    const size_t bytes = static_cast<size_t>(bit_width(x.dtype())) / 8;
    run_pieces(c, y, {&x}, kCheapGrain, [bytes](std::byte* const* p, int64_t n) {
      std::copy_n(p[1], static_cast<size_t>(n) * bytes, p[0]);
    });
    return {};
  }
  if (is_sub_byte(x.dtype())) return c.error("cannot expand elements of type ", x.dtype());
  Shape strides(shape->rank(), 0);
  for (size_t i = 0, offset = shape->rank() - x.rank(); i < x.rank(); ++i)
    strides[offset + i] = x.dim(i) == 1 ? 0 : x.strides()[i];
  copy_elements(x.strided(*shape, strides), y);
  return {};
}

}  // namespace

ONWARD_OPS(expand) { return {op<NoAttrs>({.name = "Expand", .infer = infer, .run = run, .shape_inputs = 2})}; }

}  // namespace ow
