#include "ops/op/elementwise.h"

namespace ow {

namespace {

// One piece where all shapes are equal and dense. Most of a tiny operator's time would go into finding that
// out the general way.
bool run_small(Tensor& y, std::span<const Tensor* const> inputs, const kernels::StridedLoop::Piece& piece) {
  std::array<std::byte*, kernels::kMaxOperands> pointers;
  if (!y.is_dense()) return false;
  pointers[0] = y.mutable_raw();
  size_t k = 1;
  for (const Tensor* x : inputs) {
    if (!(x->shape() == y.shape()) || !x->is_dense()) return false;
    pointers[k++] = const_cast<std::byte*>(x->raw());
  }
  piece(pointers.data(), y.count());
  return true;
}

}  // namespace

kernels::StridedLoop strided_loop(Tensor& y, std::span<const Tensor* const> inputs) {
  const size_t rank = y.rank();
  auto bytes = [](const Tensor& t) { return int64_t{bit_width(t.dtype()) / 8}; };
  std::array<Shape, kernels::kMaxOperands> strides;
  std::array<kernels::StridedOperand, kernels::kMaxOperands> operands;
  operands[0] = {y.mutable_raw(), bytes(y), y.strides().data()};
  size_t k = 1;
  for (const Tensor* x : inputs) {
    strides[k].resize(rank, 0);
    const size_t offset = rank - x->rank();
    for (size_t i = 0; i < x->rank(); ++i)
      strides[k][offset + i] = x->dim(i) == 1 && y.dim(offset + i) != 1 ? 0 : x->strides()[i];
    operands[k] = {const_cast<std::byte*>(x->raw()), bytes(*x), strides[k].data()};
    ++k;
  }
  return {y.shape().dims(), std::span(operands.data(), k)};
}

void run_pieces(const RunContext& c, Tensor& y, std::span<const Tensor* const> inputs, int64_t grain,
                const kernels::StridedLoop::Piece& piece) {
  if (y.count() == 0) return;
  if (y.count() <= grain && run_small(y, inputs, piece)) return;
  const kernels::StridedLoop loop = strided_loop(y, inputs);
  c.parallel_for(loop.count(), grain, [&](int64_t begin, int64_t end) { loop.run(begin, end, piece); });
}

Result<Shape> broadcast_inputs(const RunContext& c, size_t n) {
  Shape shape = c.in(0).shape();
  for (size_t i = 1; i < n; ++i) {
    if (c.in(i).shape() == shape) continue;
    auto next = broadcast(shape, c.in(i).shape());
    if (!next)
      return c.error("input ", i, " of shape ", c.in(i).shape(), " does not broadcast with ", shape,
                     ", expected equal extents or 1, aligned at the last axis");
    shape = *std::move(next);
  }
  return shape;
}

Status run_unary_pieces(RunContext& c, DType dtype, int64_t grain, const kernels::StridedLoop::Piece& piece) {
  Tensor y = ONWARD_TRY(c.out(0, dtype, c.in(0).shape()));
  run_pieces(c, y, {&c.in(0)}, grain, piece);
  return {};
}

Status run_binary_pieces(RunContext& c, DType dtype, const kernels::StridedLoop::Piece& piece) {
  if (c.in(1).dtype() != c.in(0).dtype())
    return c.error("input 1 is of type ", c.in(1).dtype(), ", expected ", c.in(0).dtype(), " as input 0");
  Tensor y = ONWARD_TRY(c.out(0, dtype, ONWARD_TRY(broadcast_inputs(c, 2))));
  run_pieces(c, y, {&c.in(0), &c.in(1)}, kCheapGrain, piece);
  return {};
}

Status infer_same_dtype(InferContext& c) {
  for (size_t i = 1; i < c.inputs(); ++i)
    if (c.dtype(i) != DType::kUndefined && c.dtype(0) != DType::kUndefined && c.dtype(i) != c.dtype(0))
      return c.error("input ", i, " is of type ", c.dtype(i), ", expected ", c.dtype(0), " as input 0");
  return {};
}

Status drop_consumed_inputs(Rewriter& c) {
  c.remove_attribute("consumed_inputs");
  return {};
}

Result<ir::Value*> align_at_axis(Rewriter& c, ir::Value* a, ir::Value* b, int64_t axis) {
  const SymShape *as = c.shape(a), *bs = c.shape(b);
  if (bs && (bs->empty() || (as && as->empty()))) return b;
  if (as && bs) {
    const int64_t a_rank = static_cast<int64_t>(as->size()), b_rank = static_cast<int64_t>(bs->size());
    const int64_t trailing = a_rank - (axis < 0 ? axis + a_rank : axis) - b_rank;
    if (trailing < 0 || axis < -a_rank)
      return c.error("attribute 'axis' is ", axis, ", which leaves no room for the ", b_rank,
                     " axes of input 1 in the ", a_rank, " of input 0");
    if (trailing == 0) return b;
    std::vector<int64_t> axes;
    for (int64_t i = 0; i < trailing; ++i) axes.push_back(b_rank + i);
    return c.add("Unsqueeze", {b, c.ints(axes)});
  }
  // Ranks unknown: new shape = [shape of b, 1 x (rank a - axis - rank b)].
  ir::Value* b_shape = ONWARD_TRY(c.add("Shape", {b}));
  ir::Value* b_rank = ONWARD_TRY(c.add("Shape", {b_shape}));
  ir::Value* from_axis = c.ints({-axis});
  if (axis >= 0) {
    ir::Value* a_rank = ONWARD_TRY(c.add("Shape", {ONWARD_TRY(c.add("Shape", {a}))}));
    from_axis = ONWARD_TRY(c.add("Sub", {a_rank, c.ints({axis})}));
  }
  ir::Value* trailing = ONWARD_TRY(c.add("Sub", {from_axis, b_rank}));
  ir::Value* ones = ONWARD_TRY(c.add("ConstantOfShape", {trailing},
                                     {{"value", Value(Tensor::of<int64_t>({1}, std::vector<int64_t>{1}))}}));
  ir::Value* shape = ONWARD_TRY(c.add("Concat", {b_shape, ones}, {{"axis", int64_t{0}}}));
  return c.add("Reshape", {b, shape});
}

Status upgrade_broadcast(Rewriter& c) {
  c.remove_attribute("consumed_inputs");
  if (c.since_version() >= 7) return {};
  AttrReader a(c.node());
  const bool broadcasts = a.flag("broadcast", false), has_axis = a.has("axis");
  const int64_t axis = a.integer("axis", 0);
  if (!a.error().ok()) return a.error().clone();
  if (broadcasts && has_axis) c.set_input(1, ONWARD_TRY(align_at_axis(c, c.in(0), c.in(1), axis)));
  c.remove_attribute("broadcast");
  c.remove_attribute("axis");
  return {};
}

}  // namespace ow
