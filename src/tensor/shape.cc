#include "tensor/shape.h"

namespace ow {

Shape dense_strides(const Shape& shape) {
  Shape strides(shape.rank(), 1);
  for (size_t i = shape.rank(); i-- > 1;) strides[i - 1] = strides[i] * std::max<int64_t>(shape[i], 1);
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
