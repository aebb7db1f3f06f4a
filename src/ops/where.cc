// Where: condition ? x : y, all three broadcast. Only the size of the elements matters; strings are chosen
// through pointers to them.
#include "ops/op/elementwise.h"

namespace ow {
namespace {

Dim choose(const Dim* x, size_t) {
  if (auto condition = x[0].constant()) return *condition ? x[1] : x[2];
  return x[1] == x[2] ? x[1] : Dim::unknown();
}

Status infer(const NoAttrs&, InferContext& c) {
  const DType x = c.dtype(1), y = c.dtype(2);
  if (x != DType::kUndefined && y != DType::kUndefined && x != y)
    return c.error("input 2 is of type ", y, ", expected ", x, " as input 1");
  ONWARD_TRY(infer_broadcast(c));
  c.results()[0].type.dtype = x != DType::kUndefined ? x : y;
  infer_elements(c, choose);
  return {};
}

template <class T>
void select(const RunContext& c, Tensor& out, const Tensor& x, const Tensor& y) {
  run_pieces(c, out, {&c.in(0), &x, &y}, kCheapGrain, [](std::byte* const* p, int64_t n) {
    loop([](bool condition, T a, T b) { return condition ? a : b; }, n, typed<T>(p[0]),
         typed<const bool>(p[1]), typed<const T>(p[2]), typed<const T>(p[3]));
  });
}

Result<Tensor> pointers(const Tensor& strings) {
  Tensor out = ONWARD_TRY(Tensor::allocate(DType::kUint64, strings.shape()));
  for (int64_t i = 0; i < strings.count(); ++i)
    out.mutable_data<uint64_t>()[i] = reinterpret_cast<uint64_t>(strings.data<std::string>() + i);
  return out;
}

Status select_strings(const RunContext& c, Tensor& out) {
  const Tensor from_x = ONWARD_TRY(c.in(1).owned()), from_y = ONWARD_TRY(c.in(2).owned());
  const Tensor x = ONWARD_TRY(pointers(from_x)), y = ONWARD_TRY(pointers(from_y));
  Tensor chosen = ONWARD_TRY(Tensor::allocate(DType::kUint64, out.shape(), c.budget()));
  select<uint64_t>(c, chosen, x, y);
  Tensor dense = ONWARD_TRY(Tensor::allocate(DType::kString, out.shape(), c.budget()));
  for (int64_t i = 0; i < chosen.count(); ++i)
    dense.mutable_data<std::string>()[i] = *reinterpret_cast<const std::string*>(chosen.data<uint64_t>()[i]);
  copy_elements(dense, out);
  return {};
}

struct Bits128 {
  uint64_t low, high;
};

Status run(const NoAttrs&, RunContext& c) {
  if (c.in(0).dtype() != DType::kBool)
    return c.error("condition is of type ", c.in(0).dtype(), ", expected bool");
  const DType dtype = c.in(1).dtype();
  if (c.in(2).dtype() != dtype)
    return c.error("input 2 is of type ", c.in(2).dtype(), ", expected ", dtype, " as input 1");
  Tensor out = ONWARD_TRY(c.out(0, dtype, ONWARD_TRY(broadcast_inputs(c, 3))));
  if (dtype == DType::kString) return select_strings(c, out);
  switch (bit_width(dtype)) {
    case 8:
      select<uint8_t>(c, out, c.in(1), c.in(2));
      return {};
    case 16:
      select<uint16_t>(c, out, c.in(1), c.in(2));
      return {};
    case 32:
      select<uint32_t>(c, out, c.in(1), c.in(2));
      return {};
    case 64:
      select<uint64_t>(c, out, c.in(1), c.in(2));
      return {};
    case 128:
      select<Bits128>(c, out, c.in(1), c.in(2));
      return {};
    default:
      return c.error("cannot choose among elements of type ", dtype);
  }
}

}  // namespace

ONWARD_OPS(where) {
  return {op<NoAttrs>({.name = "Where",
                       .infer = infer,
                       .run = run,
                       .layout = LayoutRule::kElementwise,
                       .in_place = {{1, 0}, {2, 0}}})};
}

}  // namespace ow
