#include "tensor/shape.h"

namespace ow {

int64_t next_stride(int64_t stride, int64_t extent) {
  int64_t next = 0;
  return __builtin_mul_overflow(stride, std::max<int64_t>(extent, 1), &next) ? 0 : next;
}

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.rank(), 1);
  for (size_t i = shape.rank(); i-- > 1;) strides[i - 1] = next_stride(strides[i], shape[i]);
  return strides;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape out = longer;
  size_t offset = longer.rank() - shorter.rank();
  for (size_t i = 0; i < shorter.rank(); ++i) {
    int64_t& d = out[offset + i];
    if (d == shorter[i] || shorter[i] == 1) continue;
    if (d != 1) return std::nullopt;
    d = shorter[i];
  }
  return out;
}

}  // namespace ow
