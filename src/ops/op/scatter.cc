#include "ops/op/scatter.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "ops/op/move.h"
#include "tensor/convert.h"

namespace ow {

ScatterReduction read_reduction(const AttrReader& a) {
  const std::string name = a.text("reduction", "none");
  const std::string_view names[] = {"none", "add", "mul", "max", "min"};
  for (int i = 0; i < 5; ++i)
    if (name == names[i]) return static_cast<ScatterReduction>(i);
  a.fail("reduction", cat("is '", name, "', expected none, add, mul, max or min"));
  return ScatterReduction::kNone;
}

namespace {

template <class T>
T reduce(T a, T b, ScatterReduction how) {
  if constexpr (std::is_same_v<T, bool>) {
    return how == ScatterReduction::kAdd || how == ScatterReduction::kMax ? a || b : a && b;
  } else if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<decltype(a + b)>;  // wraps
    if (how == ScatterReduction::kAdd) return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    if (how == ScatterReduction::kMul) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    return how == ScatterReduction::kMax ? std::max(a, b) : std::min(a, b);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (how == ScatterReduction::kAdd) return a + b;
    if (how == ScatterReduction::kMul) return a * b;
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? a : b;
    return how == ScatterReduction::kMax ? std::max(a, b) : std::min(a, b);
  } else {
    return how == ScatterReduction::kAdd ? a + b : a * b;
  }
}

template <class T>
void reduce_blocks(Tensor& y, const Tensor& updates, std::span<const int64_t> offsets, int64_t block,
                   ScatterReduction how) {
  T* to = y.mutable_data<T>();
  const T* from = updates.data<T>();
  for (int64_t offset : offsets)
    for (int64_t j = 0; j < block; ++j, ++from) to[offset + j] = reduce(to[offset + j], *from, how);
}

template <class... T>
bool reduce_typed(Tensor& y, const Tensor& updates, std::span<const int64_t> offsets, int64_t block,
                  ScatterReduction how) {
  return ((y.dtype() == dtype_of<T> ? (reduce_blocks<T>(y, updates, offsets, block, how), true) : false) ||
          ...);
}

Status reduce_onto(RunContext& c, const Tensor& updates, std::span<const int64_t> offsets, int64_t block,
                   ScatterReduction how) {
  const Tensor& x = c.in(0);
  if (x.dtype() == DType::kString || (is_complex(x.dtype()) && how > ScatterReduction::kMul))
    return c.error("values of type ", x.dtype(), " cannot be reduced this way");
  const bool real = is_floating(x.dtype()) && x.dtype() != DType::kFloat32 && x.dtype() != DType::kFloat64;
  if (real || is_sub_byte(x.dtype())) {
    const DType wide = real ? DType::kFloat32 : DType::kInt8;
    Tensor data = ONWARD_TRY(convert(x, wide, true, Round::kUp, c.budget()));
    Tensor more = ONWARD_TRY(convert(updates, wide, true, Round::kUp, c.budget()));
    reduce_typed<float, int8_t>(data, more, offsets, block, how);
    Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
    return convert_into(data, y);
  }
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (y.raw() != x.raw()) copy_elements(x, y);
  reduce_typed<float, double, int32_t, int64_t, uint8_t, int8_t, uint16_t, int16_t, uint32_t, uint64_t, bool,
               std::complex<float>, std::complex<double>>(y, updates, offsets, block, how);
  return {};
}

}  // namespace

Status scatter_blocks(RunContext& c, const Tensor& updates, std::span<const int64_t> offsets, int64_t block,
                      ScatterReduction reduction) {
  const Tensor& x = c.in(0);
  if (updates.dtype() != x.dtype())
    return c.error("updates are of type ", updates.dtype(), ", expected ", x.dtype());
  if (reduction != ScatterReduction::kNone) return reduce_onto(c, updates, offsets, block, reduction);
  Units data = ONWARD_TRY(units_of(c, x)), from = ONWARD_TRY(units_of(c, updates));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), x.shape()));
  if (y.units.data != data.data) copy_units(y.units, data, x.count());
  for (size_t i = 0, end; i < offsets.size(); i = end) {  // blocks side by side at once
    for (end = i + 1; end < offsets.size() && offsets[end] == offsets[end - 1] + block;) ++end;
    copy_units(y.units.at(offsets[i]), from.at(static_cast<int64_t>(i) * block),
               static_cast<int64_t>(end - i) * block);
  }
  y.finish();
  return {};
}

}  // namespace ow
