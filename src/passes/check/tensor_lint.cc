// What is in a tensor's data: numbers that are none, with `full` also in large tensors.
#include <cstring>

#include "onnx/tensor_data.h"
#include "passes/check/report.h"

namespace ow::check {
namespace {

constexpr int64_t kSmallCount = 65536;  // elements that are looked at without `full`

template <class F>
int64_t count_not_finite(std::string_view bytes, int64_t count, size_t width, F is_finite) {
  int64_t bad = 0;
  for (int64_t i = 0; i < count; ++i) bad += !is_finite(bytes.data() + static_cast<size_t>(i) * width);
  return bad;
}

// An exponent of all ones is Inf or NaN in every IEEE format.
template <class Bits, Bits kExponent>
bool finite_bits(const char* at) {
  Bits bits;
  std::memcpy(&bits, at, sizeof(bits));
  return (bits & kExponent) != kExponent;
}

int64_t not_finite(const onnx::TensorData& d) {
  using T = onnx::Tensor;
  const std::string_view bytes = d.bytes();
  switch (d.data_type) {
    case T::FLOAT:
      return count_not_finite(bytes, d.element_count, 4, finite_bits<uint32_t, 0x7f800000u>);
    case T::DOUBLE:
      return count_not_finite(bytes, d.element_count, 8, finite_bits<uint64_t, 0x7ff0000000000000ull>);
    case T::FLOAT16:
      return count_not_finite(bytes, d.element_count, 2, finite_bits<uint16_t, 0x7c00>);
    case T::BFLOAT16:
      return count_not_finite(bytes, d.element_count, 2, finite_bits<uint16_t, 0x7f80>);
    default:
      return 0;
  }
}

}  // namespace

void check_contents(Report& r, const onnx::Tensor& t, const std::string& at) {
  auto data = onnx::tensor_data(t, r.file);
  if (!data.ok() || (data->element_count > kSmallCount && !r.options.full)) return;
  // One infinity alone is a usual constant (a mask, a clip limit).
  if (data->element_count < 2) return;
  if (int64_t bad = not_finite(*data); bad > 0)
    r.add("W0414", at, cat(bad, " of ", data->element_count, " elements are NaN or infinite"),
          "finite weights");
}

}  // namespace ow::check
