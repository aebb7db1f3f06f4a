// BitCast: the same bits under another element type of equal width. A view.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  DType to = DType::kUndefined;
};

Result<Attrs> read(const AttrReader& a) {
  a.required_integer("to");
  const DType to = a.dtype("to", DType::kUndefined);
  if (to == DType::kUndefined || to == DType::kString) a.fail("to", "is no element type with a fixed width");
  return Attrs{to};
}

Status infer(const Attrs& a, InferContext& c) {
  const DType from = c.dtype(0);
  if (from != DType::kUndefined && bit_width(from) != bit_width(a.to))
    return c.error("input 0 is of type ", from, ", which is not as wide as ", a.to);
  c.set(0, a.to, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (bit_width(x.dtype()) != bit_width(a.to))
    return c.error("input 0 is of type ", x.dtype(), ", which is not as wide as ", a.to);
  if (a.to == DType::kBool)
    for (int64_t i = 0; i < x.count(); ++i)
      if (static_cast<uint8_t>(x.raw()[i]) > 1)
        return c.error("element ", i, " has the bits ", static_cast<uint8_t>(x.raw()[i]),
                       ", expected 0 or 1 for a bool");
  c.set(0, Tensor::borrow(a.to, x.shape(), x.raw(), x.owner()));
  return {};
}

}  // namespace

ONWARD_OPS(bit_cast) {
  return {op<Attrs>({.name = "BitCast", .read = read, .infer = infer, .run = run, .view_of = 0})};
}

}  // namespace ow
