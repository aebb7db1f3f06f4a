// Conversions by vectors give what the plain conversion gives, for every 16-bit pattern, at values around
// every edge, and in arrays that fill no vector.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu.h"
#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

bool is_nan(const Tensor& t, int64_t i) {
  const Tensor wide = *convert(t, DType::kFloat64);
  return std::isnan(wide.data<double>()[i]);
}

void check(const Tensor& x, DType to) {
  const Tensor want = *convert(x, to);
  for (kernels::Isa isa : {kernels::Isa::kPortable, kernels::Isa::kAvx2, kernels::Isa::kAvx512}) {
    if (!kernels::isa_available(isa)) continue;
    kernels::force_isa(isa);
    auto y = evaluate_op("Cast", {x}, 1, {{"to", static_cast<int64_t>(to)}});
    kernels::clear_forced_isa();
    ASSERT_TRUE(y.ok()) << y.status().message();
    const Tensor& got = *(*y)[0].tensor();
    const auto each = static_cast<size_t>(bit_width(to) / 8);
    for (int64_t i = 0; i < x.count(); ++i) {
      const auto at = static_cast<size_t>(i) * each;
      if (std::memcmp(got.raw() + at, want.raw() + at, each) != 0)
        ASSERT_TRUE(is_nan(got, i) && is_nan(want, i))
            << "element " << i << " to " << dtype_name(to) << " on " << kernels::isa_name(isa);
    }
  }
}

TEST(Cast, EverySixteenBitPattern) {
  for (DType dtype : {DType::kFloat16, DType::kBfloat16}) {
    Tensor x = *Tensor::allocate(dtype, {65536 + 3});
    for (int i = 0; i < 65536 + 3; ++i)
      reinterpret_cast<uint16_t*>(x.mutable_raw())[i] = static_cast<uint16_t>(i);
    check(x, DType::kFloat32);
  }
}

TEST(Cast, FloatsAroundEveryEdge) {
  std::vector<float> v = {0.f, -0.f, INFINITY, -INFINITY, NAN, 1e-45f, -1e-45f};
  for (int e = -150; e < 128; ++e)
    for (float f : {1.f, 1.0009765625f, 1.00048828125f, 1.0014648f, 1.9999999f, 1.99951171875f, 1.00390625f,
                    1.01171875f})
      for (float sign : {1.f, -1.f}) {
        const float x = std::ldexp(f, e) * sign;
        v.insert(v.end(), {x, std::nextafter(x, INFINITY), std::nextafter(x, -INFINITY)});
      }
  const Tensor x = Tensor::of<float>({static_cast<int64_t>(v.size())}, v);
  for (DType to : {DType::kFloat16, DType::kBfloat16, DType::kInt64}) check(x, to);
}

TEST(Cast, BoolsOfAnyCount) {
  for (int64_t n : {0, 1, 15, 16, 17, 1000}) {
    Tensor x = *Tensor::allocate(DType::kBool, {n});
    for (int64_t i = 0; i < n; ++i) x.mutable_data<bool>()[i] = i % 3 == 1;
    check(x, DType::kFloat32);
  }
}

}  // namespace
}  // namespace ow
