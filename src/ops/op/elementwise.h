// What the elementwise operators share: running one plain loop per element type over broadcast, strided
// tensors, the loop itself, and the inference of small contents.
//
//   Status run(const Attrs&, RunContext& c) {
//     return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) {
//       return run_unary<T, T>(c, kCheapGrain, [](T x) { return std::sqrt(x); });
//     });
//   }
#pragma once
#include <initializer_list>

#include "kernels/strided.h"
#include "ops/op/op.h"
#include "tensor/build_types.h"

namespace ow {

template <class... T>
struct TypeList {
  static constexpr TypeMask mask = types<T...>;
};
using Floats = TypeList<float, double>;
using SignedInts = TypeList<int8_t, int16_t, int32_t, int64_t>;
using UnsignedInts = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;
using Integers = TypeList<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
using Numbers =
    TypeList<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;

// Calls fn(T{}) for the C++ type of `dtype` and returns its Status; an error if the list or the build lacks
// it.
template <class... T, class Fn>
Status visit_types(TypeList<T...>, const RunContext& c, DType dtype, Fn&& fn) {
  Status status;
  const bool found =
      ((build::has_type(dtype_of<T>) && dtype == dtype_of<T> && (status = fn(T{}), true)) || ...);
  return found ? std::move(status) : c.error("has no computation in element type ", dtype);
}

// Elements that a thread takes at least: for a few arithmetic instructions, and for a function like exp.
inline constexpr int64_t kCheapGrain = 32768;
inline constexpr int64_t kCostlyGrain = 4096;

// Over the elements of y, operand 0, and those of the inputs that broadcast to them: no more than seven, of
// shapes that broadcast to y's; no strings and no sub-byte types.
kernels::StridedLoop strided_loop(Tensor& y, std::span<const Tensor* const> inputs);

// Calls piece(pointers, n) over all elements of y and the elements of the inputs that broadcast to them:
// pointers[0] is y, pointers[1..] the inputs, which must be as for strided_loop.
void run_pieces(const RunContext& c, Tensor& y, std::span<const Tensor* const> inputs, int64_t grain,
                const kernels::StridedLoop::Piece& piece);
inline void run_pieces(const RunContext& c, Tensor& y, std::initializer_list<const Tensor*> inputs,
                       int64_t grain, const kernels::StridedLoop::Piece& piece) {
  run_pieces(c, y, std::span(inputs.begin(), inputs.size()), grain, piece);
}

// The shape that inputs [0, n) broadcast to, or an error that names the shapes.
Result<Shape> broadcast_inputs(const RunContext& c, size_t n);

// y[i] = f(x[i]...) over n contiguous elements. The inner trip count is a constant so that the compiler
// vectorises it without runtime checks: y may be one of the x.
template <class Y, class... X, class F>
[[gnu::flatten]] inline void loop(F f, int64_t n, Y* y, const X*... x) {
  constexpr int64_t kBlock = 16;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
#pragma GCC ivdep
    for (int64_t j = 0; j < kBlock; ++j) y[i + j] = f(x[i + j]...);
  }
  for (; i < n; ++i) y[i] = f(x[i]...);
}

template <class T>
T* typed(std::byte* p) {
  return reinterpret_cast<T*>(p);
}

// Output 0, of type `dtype` and input 0's shape, made by `piece` from input 0.
Status run_unary_pieces(RunContext& c, DType dtype, int64_t grain, const kernels::StridedLoop::Piece& piece);
// Output 0, of type `dtype`, made by `piece` from inputs 0 and 1, of one type and broadcast.
Status run_binary_pieces(RunContext& c, DType dtype, const kernels::StridedLoop::Piece& piece);

// Output 0, of type Y and input 0's shape: f of each element.
template <class X, class Y, class F>
Status run_unary(RunContext& c, int64_t grain, F f) {
  return run_unary_pieces(c, dtype_of<Y>, grain, [f](std::byte* const* p, int64_t n) {
    loop(f, n, typed<Y>(p[0]), typed<const X>(p[1]));
  });
}

// The same for float32 by a function over arrays: fn(x, y, n).
template <class F>
Status run_unary_arrays(RunContext& c, int64_t grain, F fn) {
  return run_unary_pieces(c, DType::kFloat32, grain, [&fn](std::byte* const* p, int64_t n) {
    fn(typed<const float>(p[1]), typed<float>(p[0]), n);
  });
}

// Output 0, of element type `dtype` stored as Y: f(a, b) of inputs 0 and 1, of one type and broadcast.
template <class A, class B, class Y, class F>
Status run_binary(RunContext& c, DType dtype, F f) {
  return run_binary_pieces(c, dtype, [f](std::byte* const* p, int64_t n) {
    loop(f, n, typed<Y>(p[0]), typed<const A>(p[1]), typed<const B>(p[2]));
  });
}

// The unsigned type of the same size: two's complement addition, subtraction and multiplication are the same
// for both signs and wrap there without undefined behaviour.
template <class T>
struct WrappingType {
  using type = T;
};
template <class T>
requires std::is_integral_v<T>
struct WrappingType<T> {
  using type = std::make_unsigned_t<T>;
};
template <class T>
using Wrapping = typename WrappingType<T>::type;

// Refuses inputs whose known element types differ from input 0's, where the operator wants one type.
Status infer_same_dtype(InferContext& c);

// --- Small contents (Fact::elements), possibly symbolic.

// Contents of input i, element by element: Fact::elements, or a small floating constant, where elements that
// are no integers are unknown. Floating values that are integers take part, so that sizes computed by way of
// float (Cast, Mul, Floor, Cast) stay known.
std::optional<std::vector<Dim>> known_elements(const InferContext& c, size_t i);

// Sets output 0's contents to rule(elements of inputs 0 .. n-1, broadcast) where they are known, and where
// all are constants to what the operator computes. Call after output 0's type is set.
using ElementRule = Dim (*)(const Dim* x, size_t n);
void infer_elements(InferContext& c, ElementRule rule);

// -1, 0 or 1: how a compares with b whatever the values of the symbols (sizes, so never negative); nullopt if
// that depends on them. `at_least` (optional) is set if a >= b holds anyway.
std::optional<int> compare(const Dim& a, const Dim& b, bool* at_least = nullptr);
// Is never negative, as far as can be told from its terms.
bool is_nonnegative(const Dim& d);

// --- Upgrades.

// Removes opset 1's `consumed_inputs`, a hint to reuse memory.
Status drop_consumed_inputs(Rewriter& c);
// Opsets 1 to 6: `broadcast` = 1 aligns the axes of b with those of a that begin at `axis` (default: the last
// ones). Rewrites b to have the trailing axes of extent 1 that numpy's rule needs, and removes the
// attributes.
Status upgrade_broadcast(Rewriter& c);
// b with the axes of extent 1 appended that align its first axis with axis `axis` of a.
Result<ir::Value*> align_at_axis(Rewriter& c, ir::Value* a, ir::Value* b, int64_t axis);

}  // namespace ow
