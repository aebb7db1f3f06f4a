#include "tensor/alignment.h"

#include <algorithm>

namespace ow {

bool is_aligned(const Tensor& t) {
  if (!t.has_value() || t.dtype() == DType::kString) return true;
  const int bytes = std::clamp(bit_width(t.dtype()) / 8, 1, 8);
  return reinterpret_cast<uintptr_t>(t.raw()) % static_cast<uintptr_t>(bytes) == 0;
}

Result<Tensor> aligned(const Tensor& t) {
  if (is_aligned(t)) return t;
  ONWARD_CHECK(t.is_dense());
  Tensor copy = ONWARD_TRY(Tensor::allocate(t.dtype(), t.shape()));
  copy_elements(t, copy);
  return copy;
}

}  // namespace ow
