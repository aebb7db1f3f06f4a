// EyeLike: a matrix of the input's shape with ones on diagonal k, in the input's type or `dtype`.
#include <cstring>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  DType dtype = DType::kUndefined;
  int64_t k = 0;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.dtype("dtype", DType::kUndefined), a.integer("k", 0)};
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.shape(0) && c.shape(0)->size() != 2)
    return c.error("input 0 has rank ", c.shape(0)->size(), ", expected 2");
  const DType to = a.dtype == DType::kUndefined ? c.dtype(0) : a.dtype;
  c.set(0, to, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 2) return c.error("input 0 has rank ", x.rank(), ", expected 2");
  const DType dtype = a.dtype == DType::kUndefined ? x.dtype() : a.dtype;
  if (is_sub_byte(dtype) || dtype == DType::kString || is_complex(dtype))
    return c.error("attribute 'dtype' is ", dtype, ", expected a floating, integer or bool type of whole bytes");
  const Tensor one = ONWARD_TRY(convert(Tensor::scalar(1.0f), dtype));
  Tensor y = ONWARD_TRY(c.out(0, dtype, x.shape()));
  const int64_t size = bit_width(dtype) / 8;
  std::memset(y.mutable_raw(), 0, static_cast<size_t>(y.count() * size));
  for (int64_t r = 0; r < y.dim(0); ++r) {
    auto column = checked_add(r, a.k);
    if (column && *column >= 0 && *column < y.dim(1))
      std::memcpy(y.mutable_raw() + (r * y.dim(1) + *column) * size, one.raw(), static_cast<size_t>(size));
  }
  return {};
}

}  // namespace

ONWARD_OPS(eye_like) { return {op<Attrs>({.name = "EyeLike", .read = read, .infer = infer, .run = run})}; }

}  // namespace ow
